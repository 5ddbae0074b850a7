"""Two people of the lab go through all access and sign: the demo holds their keys, as Haechi itself never does."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from haechi import authenticator
from haechi import policy as policies
from haechi.demo import StoryError
from haechi.demo.playbooks import Playbooks
from haechi.evidence import EvidenceError
from haechi.lab import site
from haechi.policy.models import Policy
from haechi.review import NAMESPACE, ReviewError, signing
from haechi.review.signing import Desk

REVIEWERS = ("sora", "jisoo")


def review(playbooks: Playbooks, policy: Policy, say: Callable[[str], None]) -> None:
    """Make a review and let both sign it.

    Raises ``StoryError`` when a difference is open, or a signature is refused.
    """
    playbooks.run("review")
    keys = site.secrets_dir(playbooks.inventory, policy.site.name) / "keys"
    state, inventory = policies.state_dir(policy), playbooks.inventory.resolve()
    desk = Desk(state=state, policy=policy, revoked=frozenset(), inventory=inventory)
    try:
        for who in REVIEWERS:
            text = signing.prepare(desk, who, {}).text()
            taken = signing.accept(desk, text, _signature(keys / who, text))
    except (ReviewError, EvidenceError) as error:
        raise StoryError(f"the review was not signed: {error}") from error
    if taken.lacking:
        raise StoryError(f"the review is not complete: nobody else looked at {', '.join(taken.lacking)}'s access")
    say(f"{' and '.join(REVIEWERS)} signed the review: neither counts for his own access")


def _signature(key: Path, text: bytes) -> bytes:
    # Where only the public half is named, ssh-keygen asks the agent, as it asks a device.
    named = f"{key}.pub" if authenticator.is_device_key(key) else str(key)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", named]
    done = subprocess.run(command, input=text, capture_output=True, check=False)
    if done.returncode:
        raise StoryError(f"{key}: ssh-keygen cannot sign with it: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
