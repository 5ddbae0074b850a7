"""The machines that every scenario starts from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from testinfra.host import Host


def test_the_automation_account_is_let_in(host: Host) -> None:
    """Bootstrap's promise: playbooks log in as haechi and may become root."""
    assert host.run("id --user").stdout.strip() == "0"
    assert host.check_output("logname 2>/dev/null || echo $SUDO_USER") == "haechi"


def test_the_data_zone_is_behind_the_gateway(inside: Callable[[str], Host]) -> None:
    """Traffic between zones passes the gateway and nothing else."""
    assert inside("data1").check_output("ip route show default").startswith("default via 10.78.30.2")
    assert inside("trixie").check_output("ip route get 10.78.30.11").startswith("10.78.30.11 via 10.78.40.2")


def test_no_private_key_is_for_others_to_read(keys: Path) -> None:
    """The lab's secrets are secrets too."""
    assert {key.stat().st_mode & 0o777 for key in keys.iterdir() if not key.suffix} == {0o600}
