"""A request that was approved: what is on record of it, and how long it is open."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from haechi import tombstones
from haechi.cli import main
from haechi.grant import GrantError, desk, document, ledger

from .conftest import Site


def open_now(site: Site, minutes: int = 0) -> list[str]:
    where = site.desk()
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    return [row["id"] for row in ledger.open_grants(where.state, where.policy, where.revoked, now)]


def test_a_request_that_another_person_approved_is_granted(site: Site) -> None:
    """With all that a host needs of it, and signed evidence of both documents."""
    asked = site.ask()
    site.approve(asked, "minho")

    entry = desk.grant(site.desk(), asked.id)

    row = ledger.row(entry)
    assert (row["person"], row["hosts"], row["approvers"]) == ("jisoo", ["app1"], ["minho"])
    assert row["commands"] == ["/usr/bin/systemctl restart nginx"]
    assert row["until"] - row["from"] == 1800
    names = sorted(path.name.split("-")[1] for path in (site.state / "evidence/runs").iterdir())
    assert names == ["privilege_approve", "privilege_request"]
    assert main(["evidence", "verify", "-i", str(site.inventory)]) == 0


def test_a_quorum_of_two_needs_two(site: Site) -> None:
    """The second approval makes it."""
    site.set("privilege", privilege={"jobs": ["operator", "auditor"], "quorum": 2})
    asked = site.ask()
    site.approve(asked, "minho")
    with pytest.raises(GrantError, match=r"the quorum is not met: .* is approved by minho, policy wants 2"):
        desk.grant(site.desk(), asked.id)

    site.approve(asked, "sora")

    assert ledger.row(desk.grant(site.desk(), asked.id))["approvers"] == ["minho", "sora"]


def test_a_grant_is_open_from_when_hosts_are_told_until_its_end(site: Site) -> None:
    """Approved is not granted, and a window ends by itself."""
    asked = site.ask()
    site.approve(asked, "minho")
    assert open_now(site) == []

    ledger.mark(site.state, asked.id, ledger.GRANTED)

    assert open_now(site) == [asked.id]
    assert open_now(site, minutes=29) == [asked.id]
    assert open_now(site, minutes=31) == []


def test_a_leaver_s_grant_is_over(site: Site) -> None:
    """A tombstone is stronger than an approval."""
    asked = site.ask()
    site.approve(asked, "minho")
    ledger.mark(site.state, asked.id, ledger.GRANTED)

    tombstones.record(site.state, "jisoo")

    assert open_now(site) == []


def test_a_record_that_was_altered_is_no_grant(site: Site) -> None:
    """The state folder is believed for nothing: the signature is asked each time."""
    asked = site.ask()
    site.approve(asked, "minho")
    ledger.mark(site.state, asked.id, ledger.GRANTED)
    path = site.state / "privilege" / asked.id / "request.json"
    longer = asked.model_copy(update={"ends": asked.ends + timedelta(hours=1)})
    path.write_bytes(longer.text())

    assert open_now(site) == []
    with pytest.raises(GrantError, match="altered: the signature is not jisoo's by the keys in policy"):
        desk.grant(site.desk(), asked.id)


def test_one_document_has_one_form(site: Site) -> None:
    """Nobody signs what reads otherwise elsewhere."""
    asked = site.document()
    spaced = json.dumps(json.loads(asked.text()), indent=1).encode()

    with pytest.raises(GrantError, match="not in its one form"):
        document.read(spaced, document.Request)
    with pytest.raises(GrantError, match="no document of `haechi request write`"):
        document.read(b"please\n", document.Request)


def test_two_people_use_the_command_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """What each verb prints is what the next person needs."""
    here, out = ["-i", str(site.inventory)], site.inventory.parent / "request.json"
    wish = ["--as", "jisoo", "--host", "app1", "--command", "/usr/bin/systemctl restart nginx"]
    more = ["--minutes", "30", "--reason", "ticket 4711", "--out", str(out)]
    assert main(["request", "write", *here, *wish, *more]) == 0
    name = capsys.readouterr().out[:16]
    out.with_name("request.json.sig").write_bytes(site.signature("jisoo", out.read_bytes(), "haechi-privilege-request"))
    assert main(["request", "accept", *here, "--document", str(out)]) == 0
    said = site.inventory.parent / "approval.json"

    assert main(["approve", "write", *here, "--as", "jisoo", "--request", name, "--out", str(said)]) == 1
    assert "refused: jisoo would approve their own request" in capsys.readouterr().err
    assert main(["approve", "write", *here, "--as", "minho", "--request", name, "--out", str(said)]) == 0
    assert "jisoo on app1, /usr/bin/systemctl restart nginx, from 20" in capsys.readouterr().out
    signature = site.signature("minho", said.read_bytes(), "haechi-privilege-approval")
    said.with_name("approval.json.sig").write_bytes(signature)
    assert main(["approve", "accept", *here, "--document", str(said)]) == 0
    assert f"playbooks/grant.yml -e grant={name}" in capsys.readouterr().out
    assert main(["request", "list", *here]) == 0
    assert capsys.readouterr().out.rstrip().endswith("ticket 4711: approved by minho")


def test_a_time_without_a_zone_is_nobody_s(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """21:00 in Seoul is not 21:00 in UTC."""
    wish = ["--as", "jisoo", "--host", "app1", "--command", "/usr/bin/id", "--reason", "x"]

    with pytest.raises(SystemExit):
        main(["request", "write", "-i", str(site.inventory), *wish, "--until", "2026-12-01T21:00"])

    assert "has no time zone" in capsys.readouterr().err
