"""Verdicts: unknown never becomes pass, a waiver covers a failure and nothing else, and lapses by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from haechi.controls import judging
from haechi.controls.judging import Judged
from haechi.controls.model import Case, Control, Scope, Severity, SiteCase, Status, Verdict, failed, none_of, passed
from haechi.observe.observation import Kind, Observation
from haechi.observe.posture import Posture, UnknownError, open_posture
from haechi.policy import load
from haechi.policy.models import Policy, Register, Waiver

ROOT = Path(__file__).resolve().parents[3]
NONCE = "0123456789abcdef"
AT = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
CLOCK = {"service": "systemd-timesyncd", "server": "10.77.40.11", "synchronised": True}


@cache
def example() -> Policy:
    loaded = load(ROOT / "inventories/example", at=AT.date())
    assert loaded.policy is not None
    return loaded.policy


def policy(*waivers: Waiver) -> Policy:
    return example().model_copy(update={"waivers": waivers})


def waiver(**changes: object) -> Waiver:
    words = {"id": "w", "control": "clock", "hosts": ["backup1"], "reason": "r", "owner": "doyun", "approver": "yuna"}
    return Waiver.model_validate({**words, "until": date(2026, 11, 24), **changes})


def observation(sections: dict[str, object], **changes: object) -> dict[str, object]:
    document = {"schema": 1, "kind": "posture", "subject": "backup1", "nonce": NONCE, "at": AT.isoformat()}
    return {**document, "data": {"sections": sections}, **changes}


def case(sections: dict[str, object]) -> Case:
    posture = open_posture(observation(sections), host="backup1", nonce=NONCE, host_key=None)
    return Case(host="backup1", policy=policy(), desired={}, posture=posture, at=AT)


def clock(the: Case) -> Verdict:
    return passed(the.posture.clock.server, "a server") if the.posture.clock.synchronised else failed("no", "a server")


def control(**changes: object) -> Control:
    words = {"id": "clock", "title_ko": "시각", "title_en": "Clock", "severity": Severity.LOW, "articles": ("x",)}
    return Control(**{**words, "judge": clock, **changes})


def verdicts(sections: dict[str, object], *waivers: Waiver, **changes: object) -> list[Judged]:
    return judging.judge_host([control(**changes)], "backup1", lambda: case(sections), policy(*waivers))


@pytest.mark.parametrize(
    ("sections", "status", "seen"),
    [
        ({"clock": {"seen": CLOCK}}, Status.PASS, "10.77.40.11"),
        ({"clock": {"seen": {**CLOCK, "synchronised": False}}}, Status.FAIL, "no"),
        ({}, Status.UNKNOWN, "clock: not in the observation"),
        ({"clock": {"unknown": "timedatectl: not found"}}, Status.UNKNOWN, "clock: timedatectl: not found"),
        ({"clock": {"seen": {}}}, Status.UNKNOWN, "clock: service: Field required"),
        ({"clock": {"seen": {**CLOCK, "synchronised": "yes"}}}, Status.UNKNOWN, "clock: synchronised:"),
        ({"clock": {"seen": {**CLOCK, "more": 1}}}, Status.UNKNOWN, "clock: more: Extra inputs are not permitted"),
        ({"clock": 7}, Status.UNKNOWN, "clock: not in the observation"),
    ],
)
def test_only_what_was_seen_in_its_shape_is_judged(sections: dict[str, object], status: Status, seen: str) -> None:
    """A section that is missing, unreadable or of another shape is unknown, with the reason."""
    (row,) = verdicts(sections)

    assert row.verdict.status is status
    assert row.verdict.seen.startswith(seen)


@pytest.mark.parametrize(
    "changes",
    [{"subject": "db1"}, {"nonce": "f" * 16}, {"kind": "probe"}, {"schema": 2}, {"at": "yesterday"}, {"data": []}],
)
def test_a_foreign_observation_is_no_observation(changes: dict[str, object]) -> None:
    """Another host's, another run's, another kind's or another schema's answer supports nothing."""
    document = observation({"clock": {"seen": CLOCK}}, **changes)

    with pytest.raises(UnknownError):
        open_posture(document, host="backup1", nonce=NONCE, host_key=None)


def test_another_machine_in_the_place_of_a_host_is_found() -> None:
    """The pinned host key, not the address, says which machine answered."""
    host = {"release": "13", "kernel": "6.12", "container": False, "host_key": "SHA256:other", "boot_id": "b"}
    document = observation({"host": {"seen": {**host, "uptime_s": 5.0}}})

    with pytest.raises(UnknownError, match="SHA256:other, pinned is SHA256:own"):
        open_posture(document, host="backup1", nonce=NONCE, host_key="SHA256:own")


def test_a_host_that_cannot_be_opened_is_unknown_in_every_control() -> None:
    """An empty answer is not a clean bill."""

    def closed() -> Case:
        raise UnknownError("unreachable")

    rows = judging.judge_host([control(), control(id="other")], "backup1", closed, policy())

    assert [(row.verdict.status, row.verdict.seen) for row in rows] == [(Status.UNKNOWN, "unreachable")] * 2


BAD = {"clock": {"seen": {**CLOCK, "synchronised": False}}}


@pytest.mark.parametrize(
    ("sections", "changes", "status"),
    [
        (BAD, {}, Status.WAIVED),
        (BAD, {"hosts": ["all"]}, Status.WAIVED),
        (BAD, {"until": date(2026, 11, 23)}, Status.FAIL),
        (BAD, {"hosts": ["db1"]}, Status.FAIL),
        (BAD, {"control": "U-23"}, Status.FAIL),
        ({}, {}, Status.UNKNOWN),
        ({"clock": {"seen": CLOCK}}, {}, Status.PASS),
    ],
)
def test_a_waiver_covers_a_failure_until_its_last_day(
    sections: dict[str, object], changes: dict[str, object], status: Status
) -> None:
    """It excuses what was seen and failed; what nobody saw it cannot excuse."""
    (row,) = verdicts(sections, waiver(**changes))

    assert row.verdict.status is status
    assert row.waiver == ("w" if status is Status.WAIVED else None)


def test_a_control_without_a_judge_says_why() -> None:
    """Manual is an honest verdict and names where the answer is kept."""
    (row,) = verdicts({}, judge=None, status=Status.MANUAL, reason="the register of access reviews holds it")

    assert row.verdict == Verdict(
        status=Status.MANUAL, seen="the register of access reviews holds it", expected="Clock"
    )


def test_a_control_of_the_site_is_judged_once() -> None:
    """Its subject is the site, and hosts have no verdict of it."""
    whole = control(scope=Scope.SITE, judge=None, site_judge=lambda the: none_of(sorted(the.postures), "none", "0"))
    posture = Posture(Observation.model_validate(observation({})))
    site = SiteCase(policy=policy(), postures={"backup1": posture}, at=AT)

    assert judging.judge_host([whole], "backup1", lambda: case({}), policy()) == []
    assert [row.document() for row in judging.judge_site([whole], site, policy())] == [
        {
            "control": "clock",
            "subject": "site",
            "status": "fail",
            "seen": "backup1",
            "expected": "none",
            "waiver": None,
        }
    ]


def test_counts_name_all_six_statuses() -> None:
    """A report that leaves out a status hides it."""
    assert judging.counts(verdicts(BAD)) == {
        "pass": 0,
        "fail": 1,
        "manual": 0,
        "not_applicable": 0,
        "unknown": 0,
        "waived": 0,
    }


def test_a_probe_of_another_kind_is_refused() -> None:
    """The envelope is the same for all four kinds."""
    assert Observation.model_validate(observation({}, kind="probe")).kind is Kind.PROBE


@pytest.mark.parametrize(
    ("signed", "told"),
    [
        ([], "register access-review: never signed off; doyun owes it"),
        (
            [("2026-01-31", "yuna"), ("2026-09-01", "doyun")],
            "signed off on 2026-09-01 by doyun, counts until 2026-11-30",
        ),
        ([("2026-08-25", "doyun")], "signed off on 2026-08-25 by doyun, ended on 2026-11-23"),
    ],
)
def test_a_register_is_told_and_stays_manual(signed: list[tuple[str, str]], told: str) -> None:
    """A signature is somebody's word; a machine that turned it into a pass would have seen nothing."""
    words = [{"date": day, "by": who, "note": "all accounts"} for day, who in signed]
    register = Register.model_validate(
        {"id": "access-review", "title": "x", "owner": "doyun", "every_days": 90, "signed": words}
    )
    review = control(
        scope=Scope.SITE, judge=None, status=Status.MANUAL, reason="only people know", registers=("access-review",)
    )
    the = policy().model_copy(update={"registers": (register,)})
    (row,) = judging.judge_site([review], SiteCase(policy=the, postures={}, at=AT), the)

    assert row.verdict.status is Status.MANUAL
    assert row.verdict.seen.startswith("only people know; ")
    assert told in row.verdict.seen


def test_a_waiver_may_name_a_zone() -> None:
    """Hosts of a waiver are named as everywhere in policy."""
    (row,) = verdicts(BAD, waiver(hosts=["offsite"]))

    assert row.verdict.status is Status.WAIVED
