"""The sealed account: enough holders, each a person whose key a share can be encrypted to, and no other way in."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.policy.models import Kind, Policy, State
from haechi.policy.problems import Problem, Where, did_you_mean
from haechi.policy.resolve import keys_of, share_keys

# What age encrypts to: a key in a security token signs and cannot decrypt.
READABLE = ("ssh-ed25519 ", "ssh-rsa ")


def check(policy: Policy, where: Where) -> Iterable[Problem]:
    """Yield problems of ``break_glass``."""
    seal = policy.break_glass
    if seal is None:
        return
    sealed = [who for who in policy.identities if who.kind is Kind.BREAK_GLASS and who.state is State.ACTIVE]
    if len(sealed) != 1:
        what = f"{len(sealed)} active identities of kind break_glass"
        yield where.problem(("break_glass",), what, "keep exactly one: it is the account that the holders open")
    for who in sealed:
        if keys_of(policy, who):
            what = f"{who.id} is sealed and has a key: one person alone would open it"
            yield where.problem(("keys", who.id), what, "remove the key")
    if seal.threshold > len(seal.holders):
        what = f"{seal.threshold} of {len(seal.holders)} holders can never meet"
        yield where.problem(("break_glass", "threshold"), what, "name more holders, or lower it")
    for holder in policy.share_keys:
        if holder not in seal.holders:
            what = f"a key for shares of {holder}, who holds none"
            yield where.problem(("share_keys", holder), what, did_you_mean(holder, seal.holders))
    yield from _holders(policy, where, seal.holders)


def _holders(policy: Policy, where: Where, holders: tuple[str, ...]) -> Iterable[Problem]:
    people = {who.id: who for who in policy.identities if who.kind is Kind.PERSON and who.state is State.ACTIVE}
    for index, holder in enumerate(holders):
        path = ("break_glass", "holders", index)
        if holder in holders[:index]:
            yield where.problem(path, f"{holder} would hold two shares", "name another person")
        elif holder not in people:
            yield where.problem(path, f"holder {holder} is no active person", did_you_mean(holder, people))
        elif not any(key.strip().startswith(READABLE) for key in share_keys(policy, people[holder])):
            what = f"{holder} has no key that a share can be encrypted to"
            mend = f"have one made by ssh-keygen -t ed25519 and say share_keys: {{{holder}: ssh-ed25519 ..}}"
            yield where.problem(path, what, mend)
