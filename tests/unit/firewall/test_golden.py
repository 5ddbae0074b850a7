"""The lab's firewalls, word for word, as they were reviewed against its network policy."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from haechi.policy import load
from haechi.policy.models import Policy

from .conftest import text

GOLDEN = Path(__file__).parent / "golden"
LAB = Path(__file__).parents[3] / "inventories" / "lab"
HOSTS = ("gw1", "ops1", "edge1", "db1")
# nft asks the kernel even when it only checks, and the kernel answers root of a network namespace.
NFT = ["nft"] if os.geteuid() == 0 else ["unshare", "-rn", "nft"]


@pytest.fixture(scope="module")
def lab() -> Policy:
    policy = load(LAB).policy
    assert policy is not None
    return policy


@pytest.mark.parametrize("host", HOSTS)
def test_the_lab_gets_the_reviewed_ruleset(lab: Policy, host: str) -> None:
    """No rule of the lab changes without a change that a reviewer sees."""
    assert text(lab, host) == (GOLDEN / f"{host}.nft").read_text()


@pytest.mark.parametrize("host", HOSTS)
def test_nft_takes_the_reviewed_ruleset(host: str) -> None:
    """What was reviewed is something that nft loads."""
    command = [*NFT, "-c", "-f", str(GOLDEN / f"{host}.nft")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
