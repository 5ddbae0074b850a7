"""What follows from an event of a token: CAEP 1.0, RISC 1.0 (both of the OpenID Foundation), RFC 9967."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from haechi.hr.signals import Act

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
SCIM = "urn:ietf:params:scim:event:prov:"

SESSIONS = {f"{CAEP}session-revoked", f"{RISC}sessions-revoked"}
CREDENTIAL = f"{CAEP}credential-change"
# Somebody took a factor away (CAEP 1.0, section 3.3.1); `create` and `update` are a person's everyday.
TAKEN_AWAY = ("revoke", "delete")
ACTS: Mapping[str, Act] = {
    f"{RISC}account-disabled": Act.LEAVE,
    f"{RISC}account-purged": Act.LEAVE,
    f"{RISC}account-enabled": Act.JOIN,
    f"{RISC}credential-compromise": Act.FREEZE,
}
# By the word after `prov:`; `full` and `notice` only say how much is told (RFC 9967, section 2.4).
PROVISIONING: Mapping[str, Act] = {
    "create": Act.JOIN,
    "activate": Act.JOIN,
    "patch": Act.MOVE,
    "put": Act.MOVE,
    "deactivate": Act.LEAVE,
    "delete": Act.LEAVE,
}
NAME = re.compile(r"[a-z0-9:-]{1,60}", re.ASCII)


def act(name: str, event: Mapping[str, Any], claims: Mapping[str, Any], *, freezes: bool) -> Act:
    """Return what an event asks for; one of a type unknown here is noted, as SSF 1.0 lets a receiver do.

    ``freezes``: an ended session or a factor taken away shuts every door.
    """
    if name in SESSIONS or (name == CREDENTIAL and event.get("change_type") in TAKEN_AWAY):
        return Act.FREEZE if freezes else Act.NOTE
    # A URN's namespace is the same in either case (RFC 8141, section 3.1), and drafts of RFC 9967 wrote SCIM.
    if name.lower().startswith(SCIM):
        return _provisioned(name.lower().removeprefix(SCIM).split(":")[0], claims)
    return ACTS.get(name, Act.NOTE)


def called(name: str) -> str:
    """Return an event's type as people read it."""
    last = name.rsplit("/", 1)[-1].lower().removeprefix("urn:ietf:params:scim:event:")
    return last if NAME.fullmatch(last) else "an event of another kind"


def _provisioned(verb: str, claims: Mapping[str, Any]) -> Act:
    subject = claims.get("sub_id")
    uri = subject.get("uri") if isinstance(subject, dict) else None
    # A group that is deleted is nobody's leaving.
    if not isinstance(uri, str) or not re.search(r"(^|/)users/[^/]+$", uri.lower()):
        return Act.NOTE
    return PROVISIONING.get(verb, Act.NOTE)
