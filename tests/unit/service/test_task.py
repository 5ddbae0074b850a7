"""The files of a service on its host: what goes away goes unseen where it is a secret."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.service import task


def row(path: Path, text: str, mode: str, **more: Any) -> dict[str, Any]:
    """Return a file as the action plugin asks for it, of whoever runs the test."""
    mine = {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}
    return {"path": str(path), "content": text, "mode": mode, **mine, **more}


def test_the_secret_of_a_source_that_is_gone_is_removed_and_shown_to_nobody(tmp_path: Path) -> None:
    """Like one that changes; an ordinary file that goes is shown, as --diff promises."""
    secrets, plain = tmp_path / "secrets", tmp_path / "inventory"
    for path, text, mode in (
        (secrets / "okta", "old-token", 0o600),
        (secrets / "payroll", "whsec_gone", 0o600),
        (plain / "hr.yml", "port: 8443", 0o644),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    files = [row(secrets / "okta", "new-token", "0600", secret=True)]

    told = task._files({"files": files, "folders": [str(secrets), str(plain)]}, [], check=True)

    assert told["paths"] == [str(secrets / "okta"), str(secrets / "payroll"), str(plain / "hr.yml")]
    shown = "".join(one["prepared"] for one in told["diff"])
    assert "port: 8443" in shown
    assert [word for word in ("old-token", "new-token", "whsec_gone") if word in shown] == []
