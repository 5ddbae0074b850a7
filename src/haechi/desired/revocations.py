"""How a host hears by itself who left: where it asks, whom it believes, and whom it refuses when it hears nothing."""

from __future__ import annotations

from haechi.pki.trust import Trust
from haechi.policy.models import Kind, Policy, State
from haechi.policy.resolve import access_on, automation_sources
from haechi.sshconfig import automation_id

SCHEMA = 1


def _automation(policy: Policy, host: str) -> dict[str, object]:
    """Return whose use of what from where is an alarm; a bare key is none on the way to the authority."""
    on_the_way = {policy.pki.host if policy.pki else None, policy.site.bastion}
    return {"id": automation_id(policy), "sources": list(automation_sources(policy)), "bare_key": host in on_the_way}


def build(policy: Policy, host: str, trust: Trust) -> dict[str, object]:
    """Return the document; empty while there is no signed list, and then nothing of it is on the host.

    ``config`` is what the host's own program reads. Its ``address`` is null where the list is served: there the
    control node puts it. ``people`` are those whom a stale list may keep out; nobody else ever is.
    """
    if policy.pki is None or not (trust.user_ca and trust.signer and trust.listed):
        return {}
    here = policy.pki.host == host
    address = str(policy.hosts[policy.pki.host].address)
    # A leaver among them is refused by more than this: without her every host would differ after each leaving.
    people = [
        a.identity.id
        for a in access_on(policy, host, frozenset())
        if a.login and a.state is State.ACTIVE and a.identity.kind is Kind.PERSON
    ]
    return {
        "config": {
            "schema": SCHEMA,
            "site": policy.site.name,
            "address": None if here else address,
            "port": policy.revocations.port,
            "stale_list": policy.revocations.stale_list,
            "stale_minutes": policy.revocations.stale_minutes,
            "people": sorted(people),
            "automation": _automation(policy, host),
        },
        "serve": address if here else None,
        "signer": trust.signer,
        "listed": trust.listed,
    }
