"""An operator's own word, and what is seen of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from haechi import tombstones
from haechi.hr.console import ask
from haechi.hr.engine.lock import alone
from haechi.hr.ledger import matters, revocations, views
from haechi.hr.ledger.states import RevocationState
from haechi.hr.work.order import Seen

from .conftest import HR, Site


def test_one_word_puts_somebody_out_at_once(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A leaving is open on every managed host, with who asked and why; nobody works yet, which is said."""
    assert site.hr("submit", "hana", "--reason", "ticket 4711") == 0

    (row,) = site.leavings()
    event = site.ledger.read(views.event, 1)
    told = capsys.readouterr()
    assert (row.person, row.act, row.state) == ("hana", "leave", RevocationState.OPEN)
    assert row.reason == f"ticket 4711 (asked by {ask.asked_by()} on the console)"
    assert {host.host for host in row.hosts} == {
        *("gw1", "edge1", "edge2", "app1", "db1", "ops1", "log1", "vault1", "backup1")
    }
    assert (event.source, event.state) == ("console", "accepted")
    assert told.out == "revocation 1: hana is open, on 9 hosts\n"
    assert "nobody works: start `haechi hr work`" in told.err


def test_a_worker_that_runs_is_seen(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Then nothing is said of it."""
    with alone(site.place().folder / "worker.lock"):
        assert site.hr("submit", "hana", "--reason", "left") == 0

    assert capsys.readouterr().err == ""


def test_a_second_word_about_the_same_person_changes_nothing(site: Site) -> None:
    """And to be frozen is no less than what is going on."""
    for words in (("--reason", "left"), ("--reason", "again", "--freeze")):
        assert site.hr("submit", "hana", *words) == 0

    assert [(row.act, row.reason.partition(" (")[0]) for row in site.leavings()] == [("leave", "left")]


def test_too_many_at_once_wait_for_a_second_person(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """On an operator's word too: whoever has the console cannot put the whole company out."""
    codes = [site.hr("submit", person, "--reason", "left") for person in ("hana", "minho", "sora")]

    assert codes == [0, 0, 1]
    assert [row.state for row in site.leavings()] == ["paused", "open", "open"]
    assert "it waits for a second person" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("person", "said"),
    [("hanna", "hanna is no person of policy: did you mean hana?"), ("haechi", "haechi is no person of policy")],
)
def test_nobody_is_refused(site: Site, capsys: pytest.CaptureFixture[str], person: str, said: str) -> None:
    """A misspelt name puts nobody out, and the automation is no leaver."""
    assert site.hr("submit", person, "--reason", "left") == 1
    assert said in capsys.readouterr().err
    assert site.leavings() == ()


def test_a_typo_in_policy_keeps_no_leaver_inside(site: Site) -> None:
    """What is left of a broken policy is enough to put her out."""
    site.set("sshd", sshd={"max_auth_tries": 99})

    assert site.hr("submit", "hana", "--reason", "left") == 0
    assert len(site.leavings()[0].hosts) == 9


def test_status_tells_people_and_programs(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Who, where, what is open; exit code 0 while all is in time."""
    site.hr("submit", "hana", "--reason", "left")
    site.seen(1, Seen.PROVEN, ("gw1", "app1"))
    capsys.readouterr()

    assert site.hr("status") == 0
    text = capsys.readouterr().out
    assert site.hr("status", "1") == 0
    one = capsys.readouterr().out
    assert site.hr("status", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["revocations"]

    assert "hana 이하나" in text
    assert "2/9" in text
    assert "not tried yet" in one
    assert (told["person"], told["name"], told["late"]) == ("hana", "이하나", False)
    assert {host["host"] for host in told["hosts"] if host["stand"] == "proven"} == {"gw1", "app1"}
    assert datetime.fromisoformat(told["asked"]).tzinfo == UTC


def test_status_of_what_is_late_is_a_problem(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """So that a cron job can ask it."""
    site.set("hr", hr={**HR, "sla": {"proven_seconds": 10}})
    site.hr("submit", "hana", "--reason", "left")
    with site.ledger.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE revocation SET asked = '2026-01-01 00:00:00', effective = '2026-01-01 00:00:00'"
        )
    capsys.readouterr()

    assert site.hr("status") == 1
    assert "late by" in capsys.readouterr().out


def test_an_empty_site_has_nothing_to_tell(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is wrong with it."""
    assert site.hr("status") == 0
    assert capsys.readouterr().out == "Nobody was ever put out.\n"


def test_watch_ends_when_all_is_proven(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line where no terminal is, each only when something changed."""
    monkeypatch.setattr("haechi.hr.console.show.EVERY_S", 0)
    site.hr("submit", "hana", "--reason", "left")
    capsys.readouterr()
    looks = iter([lambda: None, lambda: site.seen(1, Seen.PROVEN, ("gw1",)), lambda: site.seen(1, Seen.PROVEN)])
    monkeypatch.setattr("time.sleep", lambda _: next(looks)())

    assert site.hr("watch") == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 hana: open, 9 not tried yet",
        "1 hana: open, 8 not tried yet, 1 proven",
        "1 hana: all proven, 9 proven",
    ]


def test_watching_can_be_left(site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the looking and nothing else, and says so."""
    site.hr("submit", "hana", "--reason", "left")

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupted)

    assert site.hr("watch") == 1
    assert "it goes on without you" in capsys.readouterr().err
    assert site.leavings()[0].state is RevocationState.OPEN


@pytest.mark.exhaustive  # three leavings more, for one sentence
def test_watch_does_not_wait_for_a_person(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """What was stopped may stand for hours: it is said, and the command ends."""
    for person in ("hana", "minho", "sora"):
        site.hr("submit", person, "--reason", "left")

    assert site.hr("watch", "3") == 1
    assert "waits for a person" in capsys.readouterr().err


def test_retry_makes_what_is_open_due(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A host that is back is not waited for by its backoff."""
    site.hr("submit", "hana", "--reason", "left")
    site.seen(1, Seen.UNREACHABLE)
    before = min(host.due for host in site.leavings()[0].hosts)

    assert site.hr("retry", "1") == 0
    assert "9 open hosts are due now" in capsys.readouterr().out
    assert max(host.due for host in site.leavings()[0].hosts) < before
    assert site.hr("retry", "7") == 3
    assert "there is no revocation 7" in capsys.readouterr().err


@pytest.mark.exhaustive  # a matter of epochs, which decide's own tests show
def test_after_a_rehire_a_new_leaving_is_shown(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Not the one of her first employment."""
    site.hr("submit", "hana", "--reason", "left")
    site.seen(1, Seen.PROVEN)
    site.ledger.write(revocations.close, 1)
    state = site.place().state
    tombstones.record(state, "hana")
    tombstones.rehire(state, "hana")
    capsys.readouterr()

    assert site.hr("submit", "hana", "--reason", "left again") == 0
    assert capsys.readouterr().out == "revocation 2: hana is open, on 9 hosts\n"


def test_markup_in_a_matter_is_text(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """What the outside said neither colours nor hides anything on a terminal."""
    site.ledger.write(matters.open_matter, matters.UNMATCHED, "[red]x[/red] \x1b[2Jgone", None)

    assert site.hr("status") == 0
    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "\\x1b[2Jgone" in out
    assert "\x1b" not in out
