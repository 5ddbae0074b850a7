"""The two programs, what the authority's may do, and what policy tells both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.renewal import install, serve, units

from haechi.desired import leaves
from haechi.pki.trust import NO_AUTHORITY
from tests.unit.pki.conftest import with_authority
from tests.unit.sshd.conftest import policy as small


def test_the_programs_run_alone(tmp_path: Path) -> None:
    """With nothing on their path but themselves, and the same bytes each time."""
    plan = install.on_host({"days": 90, "renewal": {"address": "10.0.0.9", "port": 4718}, "leaves": []})
    assert plan.program is not None
    assert install.on_host({"days": 90, "renewal": {}, "leaves": []}).program == plan.program
    (tmp_path / "renew.pyz").write_bytes(plan.program[1])
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "renew.pyz")], capture_output=True, text=True, check=False, env={}
    )
    assert "No such file or directory: '/etc/haechi/renew.json'" in done.stderr

    told = install.on_authority(tmp_path, {"days": 90, "address": "10.0.0.9", "port": 4718, "leaves": []})
    assert told.program is not None
    (tmp_path / "serve.pyz").write_bytes(told.program[1])
    served = [sys.executable, "-I", str(tmp_path / "serve.pyz")]
    done = subprocess.run(served, input="{}", capture_output=True, text=True, check=False, env={})
    assert json.loads(done.stdout) == {"refused": "it is cut short, or no request"}
    assert done.stderr == "<4>refused: it is cut short, or no request [nowhere]\n"


def test_the_authority_s_service_has_no_rights_and_no_ssh_keys() -> None:
    """It writes one file, opens no connection, and reads what strangers send as nobody."""
    for line in (
        "ProtectSystem=strict",
        "CapabilityBoundingSet=CAP_SETUID CAP_SETGID",
        "RestrictAddressFamilies=none",
        "ReadWritePaths=/etc/haechi/pki/issued-x509.jsonl",
        "InaccessiblePaths=-/etc/haechi/pki/ssh_user_ca -/etc/haechi/pki/ssh_host_ca",
        "NoNewPrivileges=yes",
    ):
        assert f"{line}\n" in units.ANSWER
    assert serve.Place().reader == "nobody"
    assert "ListenStream=10.0.0.9:4718\n" in units.listening("10.0.0.9", 4718)


def test_policy_says_which_certificates_are_renewed_and_where() -> None:
    """Each host's, by name, names, addresses and use; and who reloads is told to the host alone."""
    own = {"name": "hr", "host": "db", "names": ["hr.example.com"], "use": "both", "reload": ["hr.service"]}
    pki = {"host": "bastion", "leaf_days": 30, "leaves": [own]}
    policy = small(pki=pki)

    assert leaves.renewal(with_authority()) is None
    row = {"host": "db", "name": "hr", "names": ["db", "hr.example.com"], "addresses": ["10.2.0.10"], "use": "both"}
    assert leaves.renewal(policy) == {"address": "10.1.0.10", "port": 4718, "days": 30, "leaves": [row]}
    told: Any = leaves.build(policy, "db", NO_AUTHORITY)
    assert told["renewal"] == {"address": "10.1.0.10", "port": 4718}
    assert [leaf["reload"] for leaf in told["leaves"]] == [["hr.service"]]
