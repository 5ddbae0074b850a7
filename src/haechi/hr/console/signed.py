"""What people sign for the HR service: that a matter is settled, that a host is gone. Each with their own SSH key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime

from haechi import runs
from haechi.evidence import single
from haechi.grant import GrantError, desk, document, rules
from haechi.grant.desk import Desk
from haechi.grant.document import Signed, when
from haechi.hr.console.place import Place
from haechi.hr.ledger import Transaction, hosts, views
from haechi.hr.ledger.states import ENDED, RevocationState
from haechi.hr.ledger.views import MatterView
from haechi.hr.work import desk as works
from haechi.policy.resolve import managed
from haechi.policy.shape import IdentityId, Line, Name

SETTLEMENT, RETIREMENT = "haechi-hr-settlement", "haechi-hr-retirement"
# A word that was given and not handed in belongs to yesterday's facts.
COUNTS_FOR = timedelta(hours=24)
OVER = (RevocationState.CLOSED, RevocationState.SUPERSEDED)


class Settlement(Signed):
    """That a matter is settled as it stood; a breaker's lets its ``people`` be put out."""

    written_by = "haechi hr approve write"
    what: Literal["haechi hr settlement"] = "haechi hr settlement"
    site: str
    matter: int
    kind: Line
    about: str
    people: tuple[IdentityId, ...]
    approver: IdentityId
    made: AwareDatetime

    @property
    def signer(self) -> str:
        """Return whoever settles it."""
        return self.approver


class Retirement(Signed):
    """That a host is gone for good, so that these leavings need no proof of it; a later one is not among them."""

    written_by = "haechi hr retire-host write"
    what: Literal["haechi hr retirement"] = "haechi hr retirement"
    site: str
    host: Name
    revocations: tuple[int, ...]
    reason: Line
    approver: IdentityId
    made: AwareDatetime

    @property
    def signer(self) -> str:
        """Return whoever says so."""
        return self.approver


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a signature is held against: who is leaving, the matters that wait, and the leavings open on each host.

    ``hosts`` are those that policy ever named and nobody retired.
    """

    leaving: frozenset[str]
    matters: Mapping[int, MatterView]
    open: Mapping[str, tuple[int, ...]]
    hosts: frozenset[str]


def known(transaction: Transaction) -> Known:
    """Return it as it stands in the ledger."""
    going = [row for row in views.revocations(transaction, unended=True) if row.state not in OVER]
    waiting: dict[str, list[int]] = {}
    for row in reversed(going):
        for item in row.hosts:
            if item.state not in ENDED:
                waiting.setdefault(item.host, []).append(row.number)
    return Known(
        leaving=frozenset(row.person for row in going),
        matters={row.number: row for row in views.matters(transaction)},
        open={host: tuple(numbers) for host, numbers in waiting.items()},
        hosts=hosts.known(transaction),
    )


def settlement(place: Place, number: int, approver: str) -> Settlement:
    """Return the document that an approver signs. Raises ``GrantError`` where it would be refused once it is signed."""
    found = place.ledger.read(known)
    matter = _matter(found, number)
    said = Settlement(
        site=place.policy.site.name,
        matter=number,
        kind=matter.kind,
        about=matter.about,
        people=matter.people,
        approver=approver,
        made=_now(),
    )
    check_settlement(place.desk(), place.hr.breaker.approvers, found, said)
    return said


def settle(place: Place, text: bytes, signature: bytes) -> tuple[Settlement, tuple[int, ...], str]:
    """Take a signed settlement; return it, the leavings that go on, and a warning. Raises ``GrantError``."""
    said, where = document.read(text, Settlement), place.desk()
    key = desk.signed_by(where.policy, text, signature, SETTLEMENT, said.approver)
    check_settlement(where, place.hr.breaker.approvers, place.ledger.read(known), said)
    going = works.settle(place.ledger, place.engine, said.matter, (said.approver,))
    return said, going, _recorded(where, "hr_settle", "hr_settlement", (text, signature, key))


def retirement(place: Place, host: str, reason: str, approver: str) -> Retirement:
    """Return the document that an approver signs. Raises ``GrantError`` where it would be refused once it is signed."""
    found = place.ledger.read(known)
    said = Retirement(
        site=place.policy.site.name,
        host=host,
        revocations=found.open.get(host, ()),
        reason=reason,
        approver=approver,
        made=_now(),
    )
    check_retirement(place.desk(), place.hr.breaker.approvers, found, said)
    return said


def retire(place: Place, text: bytes, signature: bytes) -> tuple[Retirement, str]:
    """Take a signed retirement; return it and a warning. Raises ``GrantError``."""
    said, where = document.read(text, Retirement), place.desk()
    key = desk.signed_by(where.policy, text, signature, RETIREMENT, said.approver)
    check_retirement(where, place.hr.breaker.approvers, place.ledger.read(known), said)
    works.retire_host(place.ledger, place.engine, said.host, (said.approver,), said.reason)
    return said, _recorded(where, "hr_retire", "hr_retirement", (text, signature, key))


def check_settlement(where: Desk, jobs: tuple[str, ...], found: Known, said: Settlement) -> None:
    """Raise ``GrantError`` with the one reason why a settlement may not stand."""
    _may(where, jobs, found, said.approver)
    _fresh(where, said.site, said.made)
    matter = _matter(found, said.matter)
    if (said.kind, said.about, said.people) != (matter.kind, matter.about, matter.people):
        raise GrantError(f"matter {said.matter} is not what it was when this was written: write it anew")


def check_retirement(where: Desk, jobs: tuple[str, ...], found: Known, said: Retirement) -> None:
    """Raise ``GrantError`` with the one reason why a retirement may not stand."""
    _may(where, jobs, found, said.approver)
    _fresh(where, said.site, said.made)
    if said.host in managed(where.policy):
        raise GrantError(f"{said.host} is a managed host of policy: take it out there first, then retire it")
    if said.host not in {*found.hosts, *found.open}:
        raise GrantError(f"no host {said.host} is known that policy ever named: see `haechi hr status`")
    if said.revocations != found.open.get(said.host, ()):
        raise GrantError(f"other leavings are open on {said.host} than when this was written: write it anew")


def _may(where: Desk, jobs: tuple[str, ...], found: Known, name: str) -> None:
    who = rules.signer(where.asked(), name)
    if name in found.leaving:
        raise GrantError(f"{name} is being put out, and signs nothing more")
    if not set(who.jobs) & set(jobs):
        raise GrantError(
            f"{name} ({', '.join(who.jobs) or 'no job'}) may not sign this: policy leaves it to {', '.join(jobs)}"
        )


def _fresh(where: Desk, site: str, made: datetime) -> None:
    if site != where.policy.site.name:
        raise GrantError(f"it is of site {site}, and this is {where.policy.site.name}")
    now = datetime.now(UTC)
    if not now - COUNTS_FOR <= made <= now + rules.SKEW:
        raise GrantError(f"it is dated {when(made)}, and counts for a day: write it anew")


def _matter(found: Known, number: int) -> MatterView:
    if number not in found.matters:
        raise GrantError(f"no matter {number} waits for people: see `haechi hr status`")
    return found.matters[number]


def _recorded(where: Desk, verb: str, kind: str, signed: tuple[bytes, bytes, str]) -> str:
    text, signature, key = signed
    body: dict[str, Any] = {"document": text.decode(), "signature": signature.decode(errors="replace"), "key": key}
    begun, told = runs.begin(where.policy, where.revoked, where.state), (f"Take a {kind.replace('_', ' ')}", "haechi")
    return single.write(verb, begun, where.inventory, told, (kind, body))[1]


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
