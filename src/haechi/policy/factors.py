"""Questions about the second factor that policy answers: who needs which, who has it, who may still lack it."""

from __future__ import annotations

from datetime import date

from haechi.policy.models import Factor, Identity, Kind, PersonFactor, Policy, State
from haechi.policy.resolve import keys_of

FIDO2_GROUP, WINDOW_GROUP = "mfa-fido2", "mfa-window"
# Both kinds of key that a FIDO2 device makes (OpenSSH's PROTOCOL.u2f).
HARDWARE = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")


def factor_of(policy: Policy, who: Identity) -> Factor | None:
    """Return the factor that an identity needs; None for automation and services, which have no second one."""
    if who.kind is Kind.PERSON:
        return policy.mfa.people.get(who.id, PersonFactor()).factor
    # The sealed account must open a console, where no security key is asked.
    return {Kind.SENTINEL: Factor.FIDO2, Kind.BREAK_GLASS: Factor.TOTP}.get(who.kind)


def has_hardware_key(policy: Policy, who: Identity) -> bool:
    """Return whether policy knows a key of theirs that lives in a device."""
    return any(key.split()[0] in HARDWARE for key in keys_of(policy, who) if key.split())


def window_of(policy: Policy, who: Identity) -> date | None:
    """Return the last day on which an identity may lack its factor; None where it may not, or cannot lack it here.

    Of a one-time code only the hosts know whether it is enrolled, so for that it is the day alone.
    """
    factor = factor_of(policy, who)
    if factor is None or (factor is Factor.FIDO2 and has_hardware_key(policy, who)):
        return None
    own = policy.mfa.people.get(who.id, PersonFactor()).enrol_until
    return max((day for day in (own, policy.mfa.enrol_until) if day is not None), default=None)


def group_of(policy: Policy, who: Identity) -> str | None:
    """Return the group by which sshd knows what to ask; whoever is in none needs key and code."""
    if factor_of(policy, who) is not Factor.FIDO2:
        return None
    if has_hardware_key(policy, who):
        return FIDO2_GROUP
    return WINDOW_GROUP if window_of(policy, who) else None


def windows(policy: Policy) -> dict[str, date]:
    """Return who may still lack a factor, and until which day."""
    active = (who for who in policy.identities if who.state is State.ACTIVE)
    return {who.id: until for who in active if (until := window_of(policy, who)) is not None}
