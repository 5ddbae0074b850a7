"""The machines that every scenario starts from."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from testinfra.host import Host

SSH_CONFIG = Path(__file__).resolve().parents[2] / "inventory/.ssh_config"


def test_the_automation_account_is_let_in(host: Host) -> None:
    """Bootstrap's promise: playbooks log in as haechi and may become root."""
    assert host.run("id --user").stdout.strip() == "0"
    assert host.check_output("logname 2>/dev/null || echo $SUDO_USER") == "haechi"


def test_the_automation_is_not_shut_out_for_what_its_proofs_do(host: Host, keys: Path) -> None:
    """Debian 13's sshd shuts a source out after three failures (authfail:5, min:15); playbooks come from it too."""
    name = host.backend.get_pytest_id().removeprefix("ssh://")
    way = ["ssh", "-F", str(SSH_CONFIG), "-o", "ControlPath=none", "-o", "BatchMode=yes"]
    for _ in range(6):
        stranger = [*way, "-o", "IdentitiesOnly=yes", "-i", str(keys / "ann"), "-l", "nobody", name, "true"]
        assert subprocess.run(stranger, capture_output=True, check=False).returncode == 255
    assert subprocess.run([*way, name, "true"], capture_output=True, check=False).returncode == 0


def test_the_data_zone_is_behind_the_gateway(inside: Callable[[str], Host]) -> None:
    """Traffic between zones passes the gateway and nothing else."""
    assert inside("data1").check_output("ip route show default").startswith("default via 10.78.30.2")
    assert inside("trixie").check_output("ip route get 10.78.30.11").startswith("10.78.30.11 via 10.78.40.2")


def test_no_private_key_is_for_others_to_read(keys: Path) -> None:
    """The lab's secrets are secrets too."""
    assert {key.stat().st_mode & 0o777 for key in keys.iterdir() if not key.suffix} == {0o600}
