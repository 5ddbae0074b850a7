"""How the end of a grant, which its host sees to alone, comes into the evidence."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from haechi.evidence import EvidenceError
from haechi.grant import ends, ledger
from haechi.grant.document import Request
from haechi.observe.granted import Grant

from .conftest import Site


def granted(site: Site, **more: Any) -> Request:
    asked = site.ask(**more)
    site.approve(asked, "minho")
    ledger.mark(site.state, asked.id, ledger.GRANTED)
    return asked


def told(asked: Request, ended: int | None = 1764000001) -> Grant:
    """Return what a host tells of a grant."""
    until = int(asked.ends.timestamp())
    seen = {"ended": ended, "why": "window", "killed": 2, "booted": 1763000000, "rules": ended is None, "running": 0}
    return Grant(id=asked.id, person="jisoo", until=until, **seen)


def over(site: Site) -> list[tuple[str, int | None]]:
    later = datetime.now(UTC) + timedelta(hours=1)
    return [(row["host"], row["ended"]) for row in ends.register(site.state, later)]


def test_an_end_is_a_record_once(site: Site) -> None:
    """Who, what, when, why and by whose approval; the next look writes nothing."""
    asked, policy = granted(site), site.desk().policy
    assert ends.heard(site.state, policy, {"app1": (told(asked, None),)}) == []

    (record,) = ends.heard(site.state, policy, {"app1": (told(asked),), "db1": ()})

    assert {word: record[word] for word in ("what", "host", "person", "reason", "approvers", "commands")} == {
        "what": "grant ended",
        "host": "app1",
        "person": "jisoo",
        "reason": "ticket 4711",
        "approvers": ["minho"],
        "commands": ["/usr/bin/systemctl restart nginx"],
    }
    assert (record["ended"], record["why"], record["killed"], record["rules"]) == (1764000001, "window", 2, False)
    assert ends.heard(site.state, policy, {"app1": (told(asked),)}) == []


def test_a_grant_that_nobody_asked_for_is_not_written_into_a_record(site: Site) -> None:
    """A host may tell of what this site never had: that is for `grants-approved` to judge, and no folder is made."""
    stray = told(granted(site)).model_copy(update={"id": "0123456789abcdef"})

    assert ends.heard(site.state, site.desk().policy, {"app1": (stray,)}) == []
    assert not (site.state / "privilege/0123456789abcdef").exists()


def test_what_is_over_is_named_until_its_end_was_seen(site: Site) -> None:
    """On the hosts that took it; those that never did have nothing to end."""
    asked = granted(site, hosts=("app1", "db1", "log1"))
    assert ends.register(site.state, datetime.now(UTC)) == []
    assert over(site) == [("app1", None), ("db1", None), ("log1", None)]

    ends.tell(site.state, asked.id, ["app1"])
    ends.tell(site.state, asked.id, ["db1"])
    ends.heard(site.state, site.desk().policy, {"app1": (told(asked),)})

    assert over(site) == [("app1", 1764000001), ("db1", None)]


def test_a_grant_that_was_taken_back_is_over_at_once(site: Site) -> None:
    """Its window goes on, its force does not."""
    asked = granted(site)
    ledger.mark(site.state, asked.id, ledger.WITHDRAWN)

    assert [row["id"] for row in ends.register(site.state, datetime.now(UTC))] == [asked.id]


def test_a_damaged_record_is_no_empty_one(site: Site) -> None:
    """Whoever cannot read what ended does not say that all did."""
    asked = granted(site)
    (site.state / "privilege" / asked.id / "ended.json").write_text("{")

    with pytest.raises(EvidenceError, match="restore it from backup"):
        over(site)
    with pytest.raises(EvidenceError, match="restore it from backup"):
        ends.heard(site.state, site.desk().policy, {"app1": (told(asked),)})
    (site.state / "privilege" / asked.id / "ended.json").write_text(json.dumps({}))
    (site.state / "privilege" / asked.id / "request.json").write_text("{}")
    with pytest.raises(EvidenceError, match="no record of a grant"):
        over(site)
