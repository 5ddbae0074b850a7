"""What a review says of a host as it was seen, and of one that was changed: rows by what was seen, never by policy."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from haechi.policy.models import Policy
from haechi.review import ReviewError, build, told
from haechi.review.model import Review
from haechi.runs import Run
from tests.unit.controls import world
from tests.unit.controls.test_any_input import JSON, STEPS, mutated

CASES = yaml.load((world.ROOT / "tests/cases/review/one_host.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)


def made(
    answers: dict[str, Any], by: Policy | None = None, revoked: frozenset[str] = world.LEFT, unsound: str = ""
) -> Review:
    run = Run(
        policy=by or world.small_site(),
        revoked=revoked,
        host_keys={},
        nonce=world.NONCE,
        at=world.AT,
        state="",
        unsound=unsound,
    )
    return build.build(run, answers)


def both(**changes: Any) -> dict[str, Any]:
    return {host: world.answer(host) for host in world.HOSTS} | changes


def said(review: Review) -> list[tuple[str, ...]]:
    return [
        (one.kind, row.account, one.what, one.item, *([one.waiver] if one.waiver else []))
        for row, one in review.differences()
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["name"].replace(" ", "_") for case in CASES])
def test_a_review_names_what_differs_and_nothing_else(case: dict[str, Any]) -> None:
    """The expectation stands in the file, not in the product."""
    answer = world.edited(world.answer("app1"), case.get("patch", []))
    answer["probes"] = [world.probe("app1", row) for row in case.get("probes", [])]
    by = world.with_policy(world.small_site(), case.get("policy", []))

    review = made(both(app1=answer), by, frozenset(case.get("revoked", world.LEFT)))

    assert sorted(map(tuple, case["differences"])) == sorted(
        row
        for row, where in zip(said(review), [r.host for r, _ in review.differences()], strict=True)
        if where == "app1"
    )


def row(review: Review, account: str, host: str = "app1") -> Any:
    return next(one for one in review.rows if (one.account, one.host) == (account, host))


def test_a_row_says_who_how_what_and_why() -> None:
    """Restated in full for an operator: what an auditor reads of him."""
    minho = row(made(both()), "minho").model_dump()

    assert minho == {
        "host": "app1",
        "account": "minho",
        "name": "박민호",
        "kind": "person",
        "owner": "minho",
        "jobs": ("operator",),
        "has": {
            "state": "active",
            "shell": "/bin/bash",
            "password": "no",
            "keys": ("SHA256:v+ZcsvpLNsdRcLvZMcTIk+REHptDJnX33ob/GGvDzKQ",),
            "waiting": (),
            "certificate": "yes",
            "sshd": "yes",
            "sshd_why": "AllowGroups haechi-login",
            "enters": "yes",
            "tried": "",
            "groups": ("adm", "haechi-login", "mfa-window", "systemd-journal"),
            "sudo": (
                "(root) NOPASSWD: /usr/bin/journalctl --no-pager --since today",
                "(root) NOPASSWD: /usr/bin/systemctl --no-pager --failed",
            ),
        },
        "policy": {
            "state": "active",
            "login": True,
            "keys": ("SHA256:v+ZcsvpLNsdRcLvZMcTIk+REHptDJnX33ob/GGvDzKQ",),
            "groups": ("adm", "haechi-login", "mfa-window", "systemd-journal"),
            "sudo": (
                "(root) NOPASSWD: /usr/bin/journalctl --no-pager --since today",
                "(root) NOPASSWD: /usr/bin/systemctl --no-pager --failed",
            ),
        },
        "differences": (),
    }


NO_KEY = {"at": ["keys", "account=minho", "fingerprints"], "set": []}
NO_CERTIFICATE = {"at": ["certificates", "principals", "minho"], "drop": True}


@pytest.mark.parametrize(
    ("account", "changes", "enters"),
    [
        ("minho", [], "yes"),
        ("hana", [], "no"),
        ("root", [], "no"),
        ("minho", [NO_KEY], "yes"),
        ("minho", [NO_KEY, NO_CERTIFICATE], "no"),
        ("minho", [NO_KEY, {"at": ["certificates"], "unknown": "x"}], "unknown"),
        ("minho", [NO_KEY, {"at": ["sshd", "settings", "authorizedprincipalsfile"], "set": "/etc/other"}], "unknown"),
        ("minho", [NO_KEY, {"at": ["sshd", "settings", "trustedusercakeys"], "set": "none"}], "no"),
        ("minho", [{"at": ["accounts", "rows", "name=minho", "shell"], "set": "/bin/false"}], "no"),
        ("minho", [{"at": ["accounts", "rows", "name=minho", "password"], "set": "locked"}], "yes"),
        (
            "minho",
            [
                {"at": ["accounts", "rows", "name=minho", "password"], "set": "locked"},
                {"at": ["sshd", "settings", "usepam"], "set": "no"},
            ],
            "no",
        ),
        (
            "minho",
            [
                {"at": ["keys", "account=minho", "fingerprints"], "set": []},
                {"at": ["accounts", "rows", "name=minho", "password"], "set": "set"},
                {
                    "at": ["sshd", "settings"],
                    "merge": {"passwordauthentication": "yes", "authenticationmethods": "any"},
                },
            ],
            "yes",
        ),
        (
            "minho",
            [
                {"at": ["keys", "account=minho", "fingerprints"], "set": []},
                NO_CERTIFICATE,
                {"at": ["sshd", "settings", "authorizedprincipalsfile"], "set": "none"},
            ],
            "yes",
        ),
        (
            "root",
            [
                {"at": ["sshd", "settings"], "merge": {"permitrootlogin": "prohibit-password", "allowgroups": "none"}},
                {"at": ["sshd", "settings"], "merge": {"authorizedkeysfile": ".ssh/authorized_keys"}},
            ],
            "yes",
        ),
        ("minho", [{"at": ["keys"], "unknown": "x"}], "unknown"),
        ("minho", [{"at": ["accounts"], "unknown": "x"}], "unknown"),
        ("minho", [{"at": ["sshd"], "unknown": "x"}], "unknown"),
        ("hana", [{"at": ["sshd"], "unknown": "x"}], "no"),
    ],
)
def test_who_gets_in_is_told_from_what_the_host_showed(
    account: str, changes: list[dict[str, Any]], enters: str
) -> None:
    """Every bar and every way, and unknown where one that decides was not seen."""
    assert row(made(both(app1=world.edited(world.answer("app1"), changes))), account).has.enters == enters


def test_what_was_not_seen_is_unknown_and_never_empty() -> None:
    """None in the row, the word in the sheet, and why in the review."""
    blind = world.edited(
        world.answer("app1"), [{"at": [name], "unknown": "x"} for name in ("keys", "sudo", "accounts")]
    )
    review = made(both(app1=blind))
    minho = row(review, "minho").has

    assert (minho.keys, minho.groups, minho.sudo, minho.state, minho.password) == (
        None,
        None,
        None,
        "unknown",
        "unknown",
    )
    assert "app1" not in review.closed
    assert review.unseen == {"app1": {"accounts": "accounts: x", "keys": "keys: x", "sudo": "sudo: x"}}


def test_no_key_is_said_to_be_unread_while_nobody_saw_sshd() -> None:
    """Which files sshd reads is not known then."""
    blind = world.edited(world.answer("app1"), [{"at": ["sshd"], "unknown": "x"}])

    assert {one.has.keys for one in made(both(app1=blind)).rows if one.host == "app1"} == {None}
    assert {one.has.waiting for one in made(both(app1=blind)).rows if one.host == "app1"} == {()}


def test_a_host_that_did_not_answer_leaves_its_people_unknown() -> None:
    """Each of whom policy gives access there, and the review cannot be signed."""
    review = made(both(db1={"unknown": "unreachable: timed out"}))

    assert said(review) == [
        ("unknown", who, "host", "unreachable: timed out")
        for who in ("haechi", "sentinel", "jisoo", "hana", "minho", "tae")
    ]
    assert told.complaint(review).startswith("not seen: db1: this review cannot be signed")
    assert "  UNKNOWN  db1: unreachable: timed out" in told.lines(review)


def test_a_host_that_was_not_asked_is_named() -> None:
    """The denominator never shrinks."""
    review = made({"app1": world.answer("app1")})

    assert (review.hosts, review.left_out) == (("app1",), ("db1",))
    assert told.complaint(review).startswith("not seen: db1")


@pytest.mark.parametrize("changes", [{"subject": "db1"}, {"nonce": "f" * 32}, {"kind": "run"}])
def test_another_s_answer_is_no_answer(changes: dict[str, str]) -> None:
    """Another host's, another run's, another kind's."""
    answer = {"observation": {**world.answer("app1")["observation"], **changes}, "probes": []}

    assert "host" in made(both(app1=answer)).unseen["app1"]


def test_without_a_sound_policy_there_is_no_review() -> None:
    """What policy gives is not known then, and a diff against nothing is not empty."""
    with pytest.raises(ReviewError, match="the policy does not validate"):
        made(both(), unsound="1 problem(s)")


@given(st.sampled_from(["accounts", "keys", "sshd", "sudo"]), STEPS, JSON)
def test_whatever_a_host_shows_a_review_comes_of_it(section: str, steps: list[int], value: Any) -> None:
    """A node of a real posture is replaced: no crash, a document that reads back, and a section unread is named."""
    seen = mutated(world.sections(world.answer("app1"))[section]["seen"], steps, value)
    review = made(both(app1=world.edited(world.answer("app1"), [{"at": [section], "set": seen}])))

    assert Review.model_validate_json(review.model_dump_json(by_alias=True)) == review
    assert section not in review.unseen.get("app1", {}) or [*review.open()]


def test_an_id_is_the_same_in_the_next_review() -> None:
    """So that a decision of last time can be found again."""
    changes = [{"at": ["accounts", "rows", "name=minho", "groups"], "add": "disk"}]
    once, again = (made(both(app1=world.edited(world.answer("app1"), changes))) for _ in range(2))

    assert [one.id for _, one in once.differences()] == [one.id for _, one in again.differences()]
    assert once.sha256 == again.sha256
    assert once.sha256 != made(both()).sha256
