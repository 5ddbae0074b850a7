"""One audit from its questions to its words: the part that asks the network and writes files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haechi import audit, desired, devices, offer, rotation
from haechi.controls import by_id, drilled, firmware, hr, judging, kept, kernel, reviewed, secrets
from haechi.controls.judging import Judged
from haechi.controls.model import Status
from haechi.desired import edge
from haechi.evidence import FOLDER, EvidenceError, files
from haechi.evidence import kept as on_record
from haechi.grant import ends
from haechi.guard import proofs
from haechi.observe import logins, plan
from haechi.observe.observation import Kind, Observation
from haechi.perimeter import matrix
from haechi.perimeter import plan as zones
from haechi.policy.resolve import access_on
from haechi.review import stored
from haechi.runs import Run
from haechi.seal import SealError, store
from haechi.seal import stored as stored_drills

RESULT_FILE = "HAECHI_AUDIT_JSON"
NO_ANSWER = {"unknown": "the host gave no answer in this run"}
# Images of containers are other systems' files (role baseline leaves them alone too).
SKIP = ("/var/lib/containers/storage", "/var/lib/docker", "/var/lib/containerd")
SHOWN, NAMED = 60, 5


def question(run: Run, host: str) -> dict[str, Any]:
    """Return what the posture module is asked on a host: its arguments."""
    wanted = {} if run.unsound else desired.build(run.policy, [host], run.revoked, run.trust)[host]
    values = wanted.get("baseline", {})
    sysctl = values.get("sysctl", {}) if isinstance(values, dict) else {}
    people = [access.identity.id for access in access_on(run.policy, host, run.revoked) if access.login]
    return {
        "subject": host,
        "nonce": run.nonce,
        "users": ["root", *people],
        "sysctl": sorted({*kernel.KEYS, *sysctl}),
        "skip": list(SKIP),
        "knock": [] if run.unsound or not _hears(run, host) else list(hr.knocked_at(run.policy)),
        "edge": edge.asked(wanted.get("edge")),
        "probes": [] if run.unsound else plan.probes_from(run.policy, host),
        "tries": [] if run.unsound else zones.asked(run.policy, host),
    }


def _hears(run: Run, host: str) -> bool:
    return run.policy.hr is not None and run.policy.hr.receiver == host


def knock(run: Run, way: proofs.Way, host: str) -> list[dict[str, Any]]:
    """Try who gets in on a host; without a sound policy nobody knows who should, so nothing is tried."""
    if run.unsound:
        return []
    _open_bastion(run, way, host)
    return [seen.document() for seen in logins.knock(way, host, run.policy, run.revoked, run.nonce)]


def _open_bastion(run: Run, way: proofs.Way, host: str) -> None:
    """Share one connection to the bastion among all hosts' tries: it would drop a fleet's handshakes at once."""
    bastion = run.policy.site.bastion
    if bastion is None or bastion == host:
        return
    files.folder(Path(run.state))
    with files.locked(Path(run.state) / "bastion.lock"):
        offer.open_jump(way.common_args, bastion)


def probes(run: Run, host: str, reached: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what the host reached as observations of this run."""
    now = datetime.now(UTC)
    return [
        Observation(kind=Kind.PROBE, subject=host, nonce=run.nonce, at=now, data=dict(row)).document()
        for row in reached
    ]


def tried(run: Run, host: str, tries: list[Any]) -> list[dict[str, Any]]:
    """Return a host's part of the zone matrix as an observation of this run, one for all of it; none where it is."""
    return probes(run, host, [{"what": matrix.WHAT, "tries": tries}]) if tries else []


def answers(variables: Mapping[str, Any], name: str = "__audit") -> dict[str, Any]:
    """Return each host's answer to a step ``look`` from the variables of a play that registered it under a name."""
    told = {host: variables["hostvars"][host].get(name, {}) for host in variables["ansible_play_hosts_all"]}
    return {host: json.loads(row["answer"]) if "answer" in row else NO_ANSWER for host, row in told.items()}


def seen(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the evidence in a host's answer: its posture and its probes, or why there is none."""
    posture = answer.get("observation")
    rows = [{"kind": "posture", "body": posture if posture is not None else {"unknown": answer.get("unknown", "")}}]
    return rows + [{"kind": "probe", "body": row} for row in answer.get("probes", [])]


def registers(run: Run) -> list[dict[str, Any]]:
    """Return what the evidence holds that people signed, and what they changed, as observations about the site.

    Where it cannot be read, the observation says why: then nobody knows what was signed.
    """
    data: dict[str, Any] = {"what": reviewed.WHAT}
    try:
        found, faults = stored.sign_offs(Path(run.state) / FOLDER)
        data |= {"sign_offs": [one.body() for one in found], "faults": faults}
    except EvidenceError as error:
        data["unknown"] = str(error)
    now = datetime.now(UTC)
    return [
        Observation(kind=Kind.RECORD, subject=judging.SITE, nonce=run.nonce, at=now, data=one).document()
        for one in (data, _secrets(run), _grant_ends(run), _drills(run), _kept(run), _devices(run))
    ]


def heard(run: Run, answers: Mapping[str, Mapping[str, Any]], *, check: bool) -> list[dict[str, Any]]:
    """Return as records the ends of grants that hosts tell of for the first time; in check mode none is kept."""
    if check:
        return []
    try:
        return ends.heard(Path(run.state), run.policy, audit.granted(run, answers))
    except EvidenceError:
        # Whoever reads the register next says why; what was not kept is told again.
        return []


def _grant_ends(run: Run) -> dict[str, Any]:
    try:
        return {"what": ends.WHAT, "grants": ends.register(Path(run.state), run.at)}
    except EvidenceError as error:
        return {"what": ends.WHAT, "unknown": str(error)}


def _secrets(run: Run) -> dict[str, Any]:
    try:
        return {"what": secrets.WHAT, "secrets": rotation.document(rotation.read(Path(run.state)))}
    except rotation.RotationError as error:
        return {"what": secrets.WHAT, "unknown": str(error)}


def _devices(run: Run) -> dict[str, Any]:
    try:
        return {"what": firmware.WHAT, "devices": devices.document(devices.read(Path(run.state)))}
    except devices.DeviceError as error:
        return {"what": firmware.WHAT, "unknown": str(error)}


def _drills(run: Run) -> dict[str, Any]:
    try:
        seal = store.read(Path(run.state))
        found, faults = stored_drills.drills(Path(run.state) / FOLDER)
    except (SealError, EvidenceError) as error:
        return {"what": drilled.WHAT, "unknown": str(error)}
    sealed = seal.sealed.isoformat() if seal else None
    return {"what": drilled.WHAT, "sealed": sealed, "drills": found, "faults": faults}


def _kept(run: Run) -> dict[str, Any]:
    try:
        return {"what": kept.WHAT, **on_record.look(Path(run.state) / FOLDER, run.at.date() - kept.KEPT)}
    except EvidenceError as error:
        return {"what": kept.WHAT, "unknown": str(error)}


def lines(rows: Iterable[Judged], hosts: Iterable[str]) -> list[str]:
    """Return an audit in words: what failed or is unknown, one line a control and sight, then the counts."""
    rows = list(rows)
    told = [*_failures(rows), *_unknowns(rows)]
    more = [f"  ... and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    counted = judging.counts(rows)
    counts = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counted.items() if number)
    return [*told[:SHOWN], *more, f"  {len(list(hosts))} hosts, {len(rows)} verdicts: {counts}"]


def idle(run: Run, answers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return in words the flows that nothing used for long: a question to somebody, and no failure."""
    return [
        f"  UNUSED   {one.flow}: nothing since {one.since:%Y-%m-%d} [{', '.join(one.hosts)}]. Still needed?"
        for one in audit.unused(run, answers)
    ]


def _failures(rows: Iterable[Judged]) -> list[str]:
    titles = {control.id: control.title_en for control in by_id().values()}
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if row.verdict.status is Status.FAIL:
            grouped.setdefault((row.control, row.verdict.seen, row.verdict.expected), []).append(row.subject)
    return [
        f"  FAIL     {control} {titles.get(control, '')} [{', '.join(where)}]: {sight}. Expected: {expected}"
        for (control, sight, expected), where in sorted(grouped.items())
    ]


def _unknowns(rows: Iterable[Judged]) -> list[str]:
    """Group by reason: a host that is silent is one line, not a hundred."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.verdict.status is Status.UNKNOWN:
            grouped.setdefault((row.subject, row.verdict.seen), []).append(row.control)
    return [f"  UNKNOWN  {where}: {why} ({_named(controls)})" for (where, why), controls in sorted(grouped.items())]


def _named(controls: list[str]) -> str:
    more = f" and {len(controls) - NAMED} more" if len(controls) > NAMED else ""
    return ", ".join(controls[:NAMED]) + more


def verdict(rows: Iterable[Judged]) -> str:
    """Return in one sentence why an audit ends with an error."""
    counted = judging.counts(rows)
    return f"{counted['fail']} control(s) failed and {counted['unknown']} are unknown; each is named above"


def keep(run: Run, documents: list[dict[str, Any]]) -> str:
    """Write the verdicts where the environment asks for them; the evidence has them in any case."""
    target = os.environ.get(RESULT_FILE)
    if not target:
        return ""
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"nonce": run.nonce, "at": run.at.isoformat(), "verdicts": documents}, indent=1) + "\n")
    return str(path)
