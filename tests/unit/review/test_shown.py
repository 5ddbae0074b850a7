"""What HR's roster is held against: the newest look at the hosts whose evidence holds."""

from __future__ import annotations

import json
import time

from haechi import auditrun, runs
from haechi.evidence.recorder import Recorder
from haechi.hr.work import shown

from .conftest import Site, told


def audited(site: Site, *, whole: bool = True) -> Recorder:
    """Look at the hosts as an audit does; one that is not whole has no signed end."""
    desk = site.desk()
    begun = json.loads(json.dumps(runs.begin(desk.policy, desk.revoked, desk.state)))
    recorder = Recorder("audit")
    recorder.begin(begun, site.inventory, check=False)
    for host, answer in site.answers(desk.policy, begun["nonce"]).items():
        recorder.saw(told(host, auditrun.seen(answer)))
    if whole:
        recorder.close({})
    return recorder


def test_the_newest_look_counts_whether_it_was_an_audit_or_a_review(site: Site) -> None:
    """Of a site that never looked nothing is known."""
    assert shown.last(site.folder) is None
    _, review = site.review()
    assert shown.last(site.folder) == review

    # The names of runs count seconds.
    time.sleep(1.1)
    site.changes["app1"] = [{"at": ["accounts", "rows"], "copy": "name=minho", "with": {"name": "eve", "uid": 1700}}]
    audited(site)
    newest = shown.last(site.folder)

    assert newest is not None
    assert "eve" in {row.account for row in newest.rows} - {row.account for row in review.rows}


def test_a_look_that_was_broken_off_or_altered_does_not_count(site: Site) -> None:
    """The one before it does."""
    _, review = site.review()
    audited(site, whole=False)
    assert shown.last(site.folder) == review

    (name,) = [path.name for path in (site.folder / "runs").iterdir() if "-review-" in path.name]
    records = site.folder / "runs" / name / "records.jsonl"
    records.write_bytes(records.read_bytes().replace(b"minho", b"minha", 1))
    assert shown.last(site.folder) is None
