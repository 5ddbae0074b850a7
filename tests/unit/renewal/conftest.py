"""An authority with a root of the test's own, and a host that has a certificate of it: by the real openssl."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.renewal import run, serve

from haechi.pki import root

AT = datetime.now(UTC)
ROW = {"host": "app1", "name": "recorder", "names": ["app1"], "addresses": ["10.0.0.1"], "use": "client"}
OTHER = {"host": "db1", "name": "recorder", "names": ["db1"], "addresses": ["10.0.0.2"], "use": "client"}
ME = {"user": pwd.getpwuid(os.getuid()).pw_name, "reload": []}


@pytest.fixture(scope="session")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an authority that its root has signed."""
    folder = tmp_path_factory.mktemp("pki")
    (folder / x509.KEY).write_text(x509.new_key("P-384"))
    signed = root.hold("a", x509.request(str(folder / x509.KEY), "x"), b"a passphrase nobody guesses", AT)
    (folder / x509.CHAIN).write_text(signed.issuing)
    (folder / x509.ROOT).write_text(signed.root)
    return folder


@pytest.fixture
def place(held: Path) -> serve.Place:
    """Return the authority that renews for app1 and db1 and has signed nothing yet."""
    (held / serve.LEAVES).write_text(json.dumps({"schema": 1, "days": 90, "leaves": [ROW, OTHER]}))
    (held / x509.REGISTER).write_text("")
    return serve.Place(folder=str(held), reader=None)


def leaf(folder: Path, held: Path, row: dict[str, Any] = ROW, days: int = 90) -> dict[str, Any]:
    """Make a host's leaf as the authority signs one; return the row of the host's own file."""
    path = str(folder / "recorder")
    Path(f"{path}.key").write_text(x509.new_key())
    csr = x509.request(f"{path}.key", row["names"][0])
    Path(f"{path}.pem").write_text(x509.sign(str(held), {**row, "csr": csr, "days": days}, AT))
    return {**row, **ME, "path": path}


@pytest.fixture(scope="session")
def mine(held: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the leaf of a host that only asks."""
    return leaf(tmp_path_factory.mktemp("host"), held)


@pytest.fixture
def host(held: Path, mine: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return a host's leaf with its alarms in a folder of the test's own; it trusts the authority's root."""
    (tmp_path / "root.pem").write_bytes((held / x509.ROOT).read_bytes())
    monkeypatch.setattr(run, "ROOT", str(tmp_path / "root.pem"))
    monkeypatch.setattr(run, "CONFIG", str(tmp_path / "renew.json"))
    monkeypatch.setattr(alarm, "ALARMS", tmp_path / "alarms")
    monkeypatch.setattr(alarm.syslog, "syslog", lambda *_: None)
    for end in ("key", "pem"):
        shutil.copy(f"{mine['path']}.{end}", tmp_path)
    return {**mine, "path": str(tmp_path / "recorder")}
