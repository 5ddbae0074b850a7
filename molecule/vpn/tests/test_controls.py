"""Break what each control of the VPN promises: the audit says so, and is content once the roles ran again."""

from __future__ import annotations

import json
from pathlib import Path

from haechi.controls.vpn import CONTROLS

from .conftest import BIN, INVENTORY, Outside, run

NAMES = {"vpn-two-factors", "vpn-crypto", "vpn-leavers-refused", "vpn-list-fresh", "vpn-sessions-end", "vpn-up"}


def audited(folder: Path) -> dict[str, str]:
    """Return what an audit says of the gateway's VPN, by control."""
    result = folder / "audit.json"
    done = run(
        *(str(BIN / "ansible-playbook"), "-i", str(INVENTORY), "playbooks/audit.yml", "--limit", "gw"),
        HAECHI_AUDIT_JSON=str(result),
    )
    assert result.is_file(), done.stdout + done.stderr
    rows = json.loads(result.read_text())["verdicts"]
    return {row["control"]: row["status"] for row in rows if row["control"] in NAMES and row["subject"] == "gw"}


def test_the_audit_catches_every_breaker_and_the_roles_mend_it(outside: Outside, tmp_path: Path) -> None:
    """All at once: each is told by its own control."""
    outside.gateway.check_output("systemctl restart haechi-vpn-crl.service")
    for control in CONTROLS:
        outside.gateway.check_output("sh -c %s", control.breaker.script.replace("@LEFT@", "dan"))
    assert audited(tmp_path) == dict.fromkeys(NAMES, "fail")

    converge = (str(BIN / "ansible-playbook"), "-i", str(INVENTORY), "molecule/vpn/converge.yml")
    mended = run(*converge, "--limit", "gw", "--tags", "accounts,vpn")
    assert mended.returncode == 0, mended.stdout
    assert audited(tmp_path) == dict.fromkeys(NAMES, "pass")
