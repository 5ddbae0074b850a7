"""Who needs which factor, and until when it may be missing."""

from __future__ import annotations

from datetime import date

import pytest

from haechi.desired import mfa
from haechi.policy import factors
from haechi.policy.models import Identity, Kind, MfaPolicy, Policy
from haechi.policy.resolve import access_on, on_day
from tests.unit.controls import world

DEVICE = "sk-ssh-ed25519@openssh.com AAAA"
LAST = date(2026, 12, 31)


def policy(mfa_rows: dict[str, object], **keys: str) -> Policy:
    """Return the lab's policy with other factors, and keys of some."""
    base = world.policy()
    held = {**base.keys, **{who: (key,) for who, key in keys.items()}}
    return base.model_copy(update={"mfa": MfaPolicy.model_validate(mfa_rows), "keys": held})


def who(of: Policy, name: str) -> Identity:
    return next(one for one in of.identities if one.id == name)


@pytest.mark.parametrize(
    ("mfa_rows", "keys", "group"),
    [
        ({}, {"minho": DEVICE}, "mfa-fido2"),
        ({}, {}, None),
        ({"enrol_until": LAST}, {}, "mfa-window"),
        ({"enrol_until": LAST}, {"minho": DEVICE}, "mfa-fido2"),
        ({"enrol_until": LAST, "people": {"minho": {"factor": "totp"}}}, {"minho": DEVICE}, None),
        ({"people": {"minho": {"enrol_until": LAST}}}, {}, "mfa-window"),
        ({"people": {"jisoo": {"enrol_until": LAST}}}, {}, None),
    ],
)
def test_the_group_by_which_sshd_knows_what_to_ask(
    mfa_rows: dict[str, object], keys: dict[str, str], group: str | None
) -> None:
    """None of them: a key and a code, the strictest."""
    said = policy(mfa_rows, **keys)

    assert factors.group_of(said, who(said, "minho")) == group


def test_automation_has_one_factor_and_the_sealed_account_has_codes() -> None:
    """Whoever is no person has no choice."""
    said = policy({"enrol_until": LAST})
    sealed = Identity(id="seal", kind=Kind.BREAK_GLASS, name="Seal", owner="minho")

    assert factors.factor_of(said, who(said, "haechi")) is None
    assert factors.group_of(said, who(said, "haechi")) is None
    assert factors.factor_of(said, who(said, "sentinel")) == "fido2"
    assert factors.factor_of(said, sealed) == "totp"


@pytest.mark.parametrize(("day", "names"), [(LAST, {"jisoo", "minho", "sentinel"}), (date(2027, 1, 1), set())])
def test_the_last_day_counts_and_the_next_one_does_not(day: date, names: set[str]) -> None:
    """Desired state and judges read the same policy of a day."""
    found = mfa.build(on_day(policy({"enrol_until": LAST}), day), "db1", frozenset({"hana"}))

    assert set(found["window"]) == names  # type: ignore[call-overload]


def test_the_later_of_two_days_counts() -> None:
    """Whoever is new gets time of their own; nobody loses any."""
    early, late = date(2026, 12, 1), date(2027, 1, 31)
    said = policy({"enrol_until": LAST, "people": {"minho": {"enrol_until": late}, "jisoo": {"enrol_until": early}}})

    assert [factors.window_of(said, who(said, name)) for name in ("minho", "jisoo")] == [late, LAST]


def test_a_day_of_people_ends_at_midnight_in_korea() -> None:
    """2026-12-31 is over at 2026-12-31 15:00 UTC."""
    assert mfa.end_of(LAST) == 1798729200


def test_sudo_asks_whoever_has_codes_and_nobody_else() -> None:
    """A rule without password would ask for no code either."""
    said = policy({"people": {"minho": {"factor": "totp"}}})
    rules = {row.identity.id: {rule.nopasswd for rule in row.sudo} for row in access_on(said, "db1", frozenset())}

    assert (rules["minho"], rules["jisoo"], rules["haechi"]) == ({False}, {True}, {True})
