"""What is wrong with the site's pinned X.509 authorities: one that expired signs nothing that a host would take.

Leaves are renewed by the role and by hosts, so they are not asked here; who signs them is, before any host is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from haechi.pki.trust import FOLDER, ISSUING, PEOPLE, ROOT, Trust
from haechi.policy.models import Policy
from haechi.policy.problems import Problem

_CEREMONY = "take x509_root.pem and x509_issuing.pem out of that folder, and hold the ceremony again: `haechi ca root`"
_PEOPLE = (
    "move vpn_people.pem and vpn_people.key away on the authority's host and vpn_people.pem out of that folder, run"
    " site.yml, and give each person a new profile"
)
_CLOCK = "set the clock of this machine"


def problems(policy: Policy, state: Path, trust: Trust, at: datetime) -> Iterator[Problem]:
    """Yield an error for each authority that is no certificate, expired or has not begun.

    From the day on which a new leaf would outlive the authority that signs it, there is a warning.
    RFC 5280, 6.1.3: a path with one certificate whose time is over is no path, whatever the leaf says.
    """
    if policy.pki is None:
        return
    soon = at + timedelta(days=policy.pki.leaf_days)
    for name, text, mend in (
        (ROOT, trust.x509_root, _CEREMONY),
        (ISSUING, trust.x509_issuing, _CEREMONY),
        (PEOPLE, trust.vpn_people, _PEOPLE),
    ):
        place = str(state / FOLDER / name)
        if text and (found := _problem(place, text, mend, (at, soon))):
            yield found


def _problem(file: str, text: str, mend: str, asked: tuple[datetime, datetime]) -> Problem | None:
    # A leaving asks for none of this, and shall not wait for what reads it.
    from cryptography import x509  # noqa: PLC0415

    at, soon = asked
    try:
        seen = x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        return Problem(file=file, line=0, path="", what="this is no certificate", mend=mend)
    begins, ends, who = seen.not_valid_before_utc, seen.not_valid_after_utc, seen.subject.rfc4514_string()
    if at < begins:
        what = f"the certificate of {who} begins {begins:%Y-%m-%d %H:%M} UTC only"
        return Problem(file=file, line=0, path="", what=what, mend=_CLOCK)
    if at >= ends:
        what = f"the certificate of {who} expired {ends:%Y-%m-%d %H:%M} UTC, and hosts refuse all that it signed"
        return Problem(file=file, line=0, path="", what=what, mend=mend)
    if soon > ends:
        what = f"the certificate of {who} expires {ends:%Y-%m-%d}, before what it signs now"
        return Problem(file=file, line=0, path="", what=what, mend=mend, severity="warning")
    return None
