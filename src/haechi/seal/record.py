"""That the account was sealed, or its secret brought back, in the evidence: before anybody sees it."""

from __future__ import annotations

from haechi import runs
from haechi.evidence import single
from haechi.grant.desk import Desk
from haechi.seal.store import Seal


def write(where: Desk, what: str, seal: Seal) -> None:
    """Write it as a run of its own. Raises ``EvidenceError``."""
    begun = runs.begin(where.policy, where.revoked, where.state)
    held = {"account": seal.account, "sealed": seal.sealed.isoformat(), "holders": sorted(seal.shares)}
    body = {"what": what, **held, "threshold": seal.threshold}
    told = (f"Have the emergency account {what}", "haechi break-glass")
    single.write("break_glass", begun, where.inventory, told, ("break_glass", body))
