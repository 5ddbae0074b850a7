"""What the demo has to show for itself: an audit's verdicts, the report of it, and whether the evidence is whole."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from haechi import policy as policies
from haechi.demo import StoryError
from haechi.demo.playbooks import Playbooks
from haechi.evidence import FOLDER, EvidenceError, keys, place
from haechi.evidence.verify import Report, verify
from haechi.policy.models import Policy
from haechi.report import write

OUT = Path("artifacts/report")


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How many verdicts there are of each status, and the page that shows them."""

    controls: dict[str, int]
    report: Path


def judge(playbooks: Playbooks, policy: Policy) -> Proof:
    """Audit the fleet and write its report.

    Raises ``StoryError`` when a control failed or is unknown, or when there is nothing to report.
    """
    playbooks.run("audit")
    playbooks.run("report")
    try:
        written = write.write(policies.state_dir(policy) / FOLDER, playbooks.root / OUT, formats=())
    except EvidenceError as error:
        raise StoryError(str(error)) from error
    return Proof(
        controls={str(status): number for status, number in written.report.tally.counts.items()},
        report=OUT / write.names(["html"])[0],
    )


def evidence(policy: Policy, inventory: Path) -> Report:
    """Verify the evidence of all that the demo did, against the second place's copy.

    Raises ``StoryError`` when either cannot be read, or the evidence is not whole.
    """
    folder = policies.state_dir(policy) / FOLDER
    try:
        second = place.of(policy.site.evidence_copy, policy.site.name, inventory.resolve())
        if second is None:
            raise StoryError("policy names no second place for the evidence: set site.evidence_copy")
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name) / "anchor.jsonl"
            copy.write_bytes(second.fetch())
            report = verify(folder, keys.public_key(folder / keys.PUBLIC), copy)
    except EvidenceError as error:
        raise StoryError(str(error)) from error
    if report.code:
        what = "; ".join([*(f"{found.where}: {found.what}" for found in report.findings), *report.doubts])
        raise StoryError(f"the evidence is not whole: {what}")
    return report
