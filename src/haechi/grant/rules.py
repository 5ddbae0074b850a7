"""Who may ask for what, who may approve it, and when enough people did. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from haechi.grant import GrantError
from haechi.grant.document import Approval, Request, when
from haechi.policy.checks.access import command_fault
from haechi.policy.escapes import escape
from haechi.policy.models import Identity, Kind, Policy, State
from haechi.policy.resolve import access_on, keys_of, managed, owners

# Clocks of two machines; a document from further ahead was not made when it says.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is judged by: policy as it stands on the day, who has left, and the moment."""

    policy: Policy
    revoked: frozenset[str]
    now: datetime


def check_request(asked: Asked, request: Request) -> None:
    """Raise ``GrantError`` with the one reason why a request may not stand."""
    if request.site != asked.policy.site.name:
        raise GrantError(f"it is a request at site {request.site}, and this is {asked.policy.site.name}")
    signer(asked, request.person)
    _window(asked, request)
    _hosts(asked, request)
    _commands(asked.policy, request)


def check_approval(asked: Asked, request: Request, said: Approval) -> None:
    """Raise ``GrantError`` with the one reason why an approval of a request may not stand."""
    check_request(asked, request)
    if said.site != request.site or said.request != request.id or said.sha256_of_request != request.sha256:
        raise GrantError(
            f"it approves another request, or one that was altered since: {said.request} with sha256 "
            f"{said.sha256_of_request[:16]}; on record is {request.id} with {request.sha256[:16]}"
        )
    if said.approver == request.person:
        raise GrantError(f"{said.approver} would approve their own request: another person approves")
    who = signer(asked, said.approver)
    may = asked.policy.privilege.jobs
    if not set(who.jobs) & set(may):
        jobs = ", ".join(who.jobs) or "no job"
        raise GrantError(f"{who.id} ({jobs}) may not approve: policy leaves that to {', '.join(may)}")
    if not request.made - SKEW <= said.made <= asked.now + SKEW:
        raise GrantError(f"the approval is dated {when(said.made)}, and the request was made on {when(request.made)}")


def check_grant(asked: Asked, request: Request, approvals: Iterable[Approval]) -> tuple[str, ...]:
    """Return who approved a request that may be granted now. Raises ``GrantError`` with the one reason why not."""
    check_request(asked, request)
    who = []
    for said in approvals:
        check_approval(asked, request, said)
        who.append(said.approver)
    lacking = asked.policy.privilege.quorum - len(set(who))
    if lacking > 0:
        by = f"by {', '.join(sorted(set(who)))}" if who else "by nobody"
        raise GrantError(
            f"the quorum is not met: {request.id} is approved {by}, policy wants {asked.policy.privilege.quorum}"
        )
    return tuple(sorted(set(who)))


def owner_of(policy: Policy, fingerprint: str) -> str:
    """Return whose key it is. Raises ``GrantError`` where nobody's in policy."""
    who = owners(policy).get(fingerprint, ())
    if not who:
        raise GrantError(f"unknown signer: {fingerprint} is nobody's key in policy")
    return who[0]


def signer(asked: Asked, name: str) -> Identity:
    """Return the person of policy who may sign by that name. Raises ``GrantError`` with the reason why nobody may."""
    who = next((one for one in asked.policy.identities if one.id == name), None)
    if who is None or who.kind is not Kind.PERSON:
        raise GrantError(f"unknown signer: {name} is no person of policy")
    if name in asked.revoked or who.state is not State.ACTIVE:
        raise GrantError(f"{name} has left or is disabled")
    if not keys_of(asked.policy, who):
        raise GrantError(f"{name} has no key in policy to sign with: add it to keys.yml")
    return who


def _window(asked: Asked, request: Request) -> None:
    longest = timedelta(minutes=asked.policy.privilege.longest_minutes)
    if request.ends <= request.begins:
        raise GrantError(f"the window ends ({when(request.ends)}) before it begins ({when(request.begins)})")
    if request.ends <= asked.now:
        raise GrantError(f"expired: the window ended at {when(request.ends)}; ask anew")
    if request.ends - request.begins > longest:
        minutes = int((request.ends - request.begins).total_seconds() // 60)
        raise GrantError(f"the window has {minutes} minutes, policy allows {asked.policy.privilege.longest_minutes}")
    if request.made > asked.now + SKEW:
        raise GrantError(f"the request is dated {when(request.made)}, which is yet to come")


def _hosts(asked: Asked, request: Request) -> None:
    known = managed(asked.policy)
    for host in request.hosts:
        if host not in known:
            raise GrantError(f"{host} is no managed host of policy")
        access = {one.identity.id: one for one in access_on(asked.policy, host, asked.revoked)}[request.person]
        if access.state is not State.ACTIVE or not access.login:
            raise GrantError(f"{request.person} has no account on {host}: a grant adds rights to one, it makes none")


def _commands(policy: Policy, request: Request) -> None:
    if request.root_shell and not policy.privilege.root_shell:
        raise GrantError("policy lets nobody ask for a root shell (privilege.root_shell): name the exact commands")
    for command in request.commands:
        fault = command_fault(command)
        if fault:
            raise GrantError(f"{fault[0]}: {fault[1]}")
        way_out = escape(command)
        if way_out:
            raise GrantError(f"{command} is a way to a shell: {way_out.why}; {way_out.mend}")
