"""From a signed document to the record of it. Nobody's private key is asked for: people sign for themselves."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from haechi import policy as policies
from haechi import runs, sshsig, tombstones
from haechi.evidence import EvidenceError, files, single
from haechi.grant import APPROVAL, REQUEST, GrantError, document, ledger, rules
from haechi.grant.document import Approval, Request
from haechi.policy.models import Policy
from haechi.policy.resolve import day_of, on_day

REQUESTED, APPROVED = "privilege_request", "privilege_approve"
KINDS = {REQUESTED: "privilege_request", APPROVED: "privilege_approval"}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where privilege is asked for: a site's state folder, its policy, and who has left."""

    state: Path
    policy: Policy
    revoked: frozenset[str]
    inventory: Path

    def asked(self) -> rules.Asked:
        """Return by what a document is judged now."""
        now = datetime.now(UTC)
        return rules.Asked(policy=on_day(self.policy, day_of(now)), revoked=self.revoked, now=now)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody asks for, before it is a document."""

    person: str
    hosts: tuple[str, ...]
    commands: tuple[str, ...]
    root_shell: bool
    children: bool
    begins: datetime
    ends: datetime
    reason: str


def at(inventory: Path) -> Desk:
    """Return the desk of an inventory.

    Raises ``EvidenceError`` for a policy with errors (who may ask and approve stands in it) and ``TombstoneError``.
    """
    loaded = policies.load(inventory)
    if loaded.policy is None or loaded.errors:
        raise EvidenceError(f"{inventory}: its policy says who may approve, and has errors: run `haechi validate`")
    state = policies.state_dir(loaded.policy)
    return Desk(state=state, policy=loaded.policy, revoked=tombstones.revoked(state), inventory=inventory.resolve())


def request(desk: Desk, wish: Wish) -> Request:
    """Return the document that the person signs. Raises ``GrantError`` where it would be refused once it is signed."""
    asked = desk.asked()
    try:
        made = Request(
            site=desk.policy.site.name,
            id=secrets.token_hex(8),
            person=wish.person,
            hosts=tuple(dict.fromkeys(wish.hosts)),
            commands=tuple(dict.fromkeys(wish.commands)),
            root_shell=wish.root_shell,
            children=wish.children,
            begins=wish.begins.replace(microsecond=0),
            ends=wish.ends.replace(microsecond=0),
            made=asked.now.replace(microsecond=0),
            reason=wish.reason,
        )
    except ValidationError as error:
        raise GrantError(_first(error)) from error
    rules.check_request(asked, made)
    return made


def take_request(desk: Desk, text: bytes, signature: bytes) -> tuple[Request, str]:
    """Take a signed request on record; return it and a warning. Raises ``GrantError`` and ``EvidenceError``."""
    asked = document.read(text, Request)
    key = signed_by(desk.policy, text, signature, REQUEST, asked.person)
    rules.check_request(desk.asked(), asked)
    ledger.keep_request(desk.state, asked, signature)
    return asked, _recorded(desk, REQUESTED, (text, signature, key))


def approval(desk: Desk, name: str, approver: str) -> tuple[Approval, Request]:
    """Return the document that an approver signs, and the request that it is of. Raises as ``request`` does."""
    entry = ledger.read(desk.state, desk.policy, name)
    _open(entry)
    asked = desk.asked()
    said = Approval(
        site=entry.request.site,
        request=name,
        sha256_of_request=entry.request.sha256,
        approver=approver,
        made=asked.now.replace(microsecond=0),
    )
    rules.check_approval(asked, entry.request, said)
    return said, entry.request


def take_approval(desk: Desk, text: bytes, signature: bytes) -> tuple[Approval, str]:
    """Take a signed approval on record; return it and a warning. Raises ``GrantError`` and ``EvidenceError``."""
    said = document.read(text, Approval)
    key = signed_by(desk.policy, text, signature, APPROVAL, said.approver)
    entry = ledger.read(desk.state, desk.policy, said.request)
    _open(entry)
    rules.check_approval(desk.asked(), entry.request, said)
    ledger.keep_approval(desk.state, said, signature)
    return said, _recorded(desk, APPROVED, (text, signature, key))


def grant(desk: Desk, name: str) -> ledger.Entry:
    """Return a request that may be granted now. Raises ``GrantError`` with the one reason why not."""
    entry = ledger.read(desk.state, desk.policy, name)
    _open(entry)
    rules.check_grant(desk.asked(), entry.request, entry.approvals)
    return entry


def known(desk: Desk, name: str) -> ledger.Entry:
    """Return a request on record, whatever became of it: to take a grant back needs nobody's approval."""
    return ledger.read(desk.state, desk.policy, name)


def named(text: str) -> str:
    """Return the id of a request, given by itself or as the file that it was written to.

    Raises ``GrantError`` for a file that is none, and ``EvidenceError`` for one that cannot be read.
    """
    return document.read(files.read(Path(text)), Request).id if "/" in text or text.endswith(".json") else text


def state_of(desk: Desk, name: str) -> str:
    """Return in words what became of a request."""
    try:
        entry = ledger.read(desk.state, desk.policy, name)
        if entry.withdrawn:
            return "withdrawn"
        by = rules.check_grant(desk.asked(), entry.request, entry.approvals)
    except (GrantError, EvidenceError) as error:
        return str(error)
    return f"{'granted' if entry.granted else 'approved'} by {', '.join(by)}"


def signed_by(policy: Policy, text: bytes, signature: bytes, namespace: str, name: str) -> str:
    """Return the fingerprint of the key by which whom a document names signed it. Raises ``GrantError``."""
    try:
        fingerprint = sshsig.signer(text, signature, namespace)
    except sshsig.SignatureError as error:
        raise GrantError(f"altered: the document was changed, or this signature is not of it: {error}") from error
    owner = rules.owner_of(policy, fingerprint)
    if owner != name:
        raise GrantError(f"the document names {name}, and {owner}'s key signed it: each signs for themselves")
    return fingerprint


def _open(entry: ledger.Entry) -> None:
    if entry.withdrawn:
        raise GrantError(f"{entry.request.id} was withdrawn: ask anew")


def _recorded(desk: Desk, verb: str, signed: tuple[bytes, bytes, str]) -> str:
    text, signature, key = signed
    body = {"document": text.decode(), "signature": signature.decode(errors="replace"), "key": key}
    begun, what = runs.begin(desk.policy, desk.revoked, desk.state), KINDS[verb]
    told = (f"Take a {what.replace('_', ' ')}", "haechi")
    return single.write(verb, begun, desk.inventory, told, (what, body))[1]


def _first(error: ValidationError) -> str:
    rows = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, row['loc'])) or 'request'}: {row['msg']}" for row in rows)
