"""The controller's half of ``haechi.guard.service``: render, and bring the archive where the host lacks it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.haechi.guard.plugins.modules.service import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask, templates

from haechi import application

ROOT = Path(__file__).resolve().parents[2]
APPLICATIONS = {one.name: one for one in (application.RECEIVE, application.WORK)}


class ActionModule(ActionBase):  # type: ignore[misc]
    """One round trip where nothing is due."""

    _host = hosttask.Part("service")
    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host; bring the application where it is another, and ask again."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, args = self.validate_argument_spec(ARGUMENT_SPEC)
        if args["lacking"]:
            raise AnsibleActionFail(f"nothing was touched; missing is {'; '.join(args['lacking'])}")
        self._variables = task_vars or {}
        chosen = APPLICATIONS[args["application"]]
        asked = {
            "application": chosen.name,
            "digest": application.digest(chosen, ROOT),
            "archive": "",
            "units": args["units"],
            "files": [*self._rendered(chosen.name), *_files(args, f"haechi-{chosen.name}")],
            "folders": [*args["folders"], f"/etc/haechi-{chosen.name}/secrets"],
        }
        seen = self._host.perform(self, asked, self._variables)
        if lacking := seen.pop("lacking", None):
            seen = self._host.perform(self, {**asked, "archive": self._brought(chosen, lacking)}, self._variables)
        return result | seen

    def _rendered(self, name: str) -> list[dict[str, Any]]:
        """Return the files of the role's templates that are this application's, by their paths."""
        return [_file(path, text, "0644") for path, text in templates.tree(self, "etc", f"/haechi-{name}").items()]

    def _brought(self, chosen: application.Application, lacking: Mapping[str, str]) -> str:
        """Return where the archive lies on the host."""
        try:
            packed = application.build(chosen, ROOT, python=lacking["python"], machine=lacking["machine"])
        except application.ApplicationError as error:
            raise AnsibleActionFail(str(error)) from error
        with tempfile.NamedTemporaryFile() as file:
            file.write(packed)
            file.flush()
            # Ansible removes its folder there at the end of the task.
            return str(self._transfer_file(file.name, f"{self._make_tmp_path()}/application.tar.gz"))


def _files(args: Mapping[str, Any], group: str) -> list[dict[str, Any]]:
    told = {**_copied(args["folders"]), **args["files"]}
    plain = [{**_file(path, text, "0640"), "group": group} for path, text in told.items()]
    secret = [{**_file(path, text, "0600"), "secret": True} for path, text in args["secrets"].items()]
    return [*plain, *secret]


def _copied(folders: Mapping[str, str]) -> dict[str, str]:
    """Return path to text of the files below folders of the controller; hidden ones are made where they are used."""
    return {
        f"{there}/{path.relative_to(here)}": _text(path)
        for there, here in folders.items()
        for path in sorted(Path(here).rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(here).parts)
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no text in UTF-8"
        raise AnsibleActionFail(f"{path}: {why}: nothing was touched; move it out of the inventory") from error


def _file(path: str, text: str, mode: str) -> dict[str, Any]:
    return {"path": path, "content": text, "mode": mode, "owner": "root", "group": "root"}
