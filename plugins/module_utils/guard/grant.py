"""A grant: sudo's rules for a window, and the clock that ends it, placed and armed as one guarded change."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pwd
import time
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.grants import ending
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Way, must
from ansible_collections.haechi.guard.plugins.module_utils.guard.sudo import Sudo

SCRIPT = "/usr/libexec/haechi/grant-end"
ELF = b"\x7fELF"
SERVICE = """\
[Unit]
Description=End the grant {name}

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I -S {script} {name} window
Restart=on-failure
RestartSec=5
"""
# OnBootSec looks again at every boot, whatever became of the stamp by which Persistent= knows (systemd.timer(5)).
TIMER = """\
[Unit]
Description=End the grant {name} when its window is over

[Timer]
OnCalendar={until} UTC
Persistent=true
OnBootSec=1s
AccuracySec=100ms

[Install]
WantedBy=timers.target
"""


class Grant(Sudo):
    """Options: the grant's document (``haechi.desired.grants``), ``withdrawn`` true where it is over early."""

    def more(self) -> list[dict[str, Any]]:
        """Return the rules, the record, the clock and the two programs; nothing new for a grant that stands.

        Raises ``RefusedError`` for a window that is over here, and for what this host cannot grant.
        """
        name, path = self.options["id"], ending.drop_in(self.options["person"], self.options["id"])
        record = _record(name)
        if self.options.get("withdrawn"):
            return [{"path": str(path), "content": None}]
        if record is not None and record["ended"] is not None:
            raise RefusedError(f"{name} has ended here, and a grant begins once: ask anew; nothing was changed")
        now = int(time.time())
        if now >= self.options["until"]:
            raise RefusedError(f"the window of {name} is over by this host's clock; nothing was changed")
        programs = [_file(SCRIPT, inspect.getsource(ending), "0755")]
        programs.append(_file(str(alarm.SCRIPT), inspect.getsource(alarm), "0755"))
        if record is not None and record["request"] == self.options["request"] and path.exists():
            return [*programs, *(_as_it_is(file) for file in (path, *_parts(name)))]
        return [*programs, _file(str(path), self._rules(now), "0440"), *self._clock(now)]

    def validate(self, files: list[File]) -> None:
        """Let visudo read the rules; the other files are none of its business."""
        super().validate([file for file in files if file.path.startswith(str(ending.SUDOERS))])

    def way_back(self) -> Way:
        """Stop the clock of a grant that was not there before."""
        timer = ending.unit(self.options["id"], "timer")
        link = str(ending.WANTS / timer)
        commands = [["rm", "-f", link], ["systemctl", "stop", timer], ["systemctl", "daemon-reload"]]
        return Way() if self.options.get("withdrawn") or Path(link).is_symlink() else Way(commands=commands)

    def activate(self) -> None:
        """Start the clock, then let visudo read all rules together; or end what was taken back."""
        name = self.options["id"]
        if self.options.get("withdrawn"):
            if _record(name) is not None:
                must(["python3", "-I", "-S", SCRIPT, name, "asked"], f"{name} did not end")
        else:
            timer = ending.unit(name, "timer")
            ending.WANTS.mkdir(exist_ok=True)
            if not (ending.WANTS / timer).is_symlink():
                (ending.WANTS / timer).symlink_to(ending.UNITS / timer)
            must(["systemctl", "daemon-reload"], "systemd does not take the grant's units")
            must(["systemctl", "start", timer], "the clock that ends the grant did not start")
        super().activate()

    def _rules(self, now: int) -> str:
        """Return the text for sudo.

        A digest binds a plain binary; of a script it would bind the file and not what it calls. TIMEOUT counts from
        each command's start, so it is a second net of what is left of the window now, and the clock is the first.
        """
        asked, alias = self.options, f"HAECHI_{self.options['id'].upper()}"
        commands = ", ".join(_bound(row) for row in asked["commands"])
        until = asked["until"] - max(now, asked["from"])
        window = f"NOTBEFORE={_stamp(asked['from'])} NOTAFTER={_stamp(asked['until'])} TIMEOUT={until}"
        own = f"timestamp_timeout=0, env_file={ending.STATE}/{asked['id']}.env"
        lines = [
            f"Cmnd_Alias {alias} = {commands}",
            *asked["defaults"],
            f"Defaults!{alias} {own}",
            f"{asked['person']} ALL=(root) {window} {asked['tags']}{alias}",
        ]
        return "".join(f"{line}\n" for line in lines)

    def _clock(self, now: int) -> list[dict[str, Any]]:
        name = self.options["id"]
        kept = ("schema", "id", "person", "from", "until", "root_shell", "children", "request", "approvers")
        try:
            uid = pwd.getpwnam(self.options["person"]).pw_uid
        except KeyError as error:
            raise RefusedError(f"{self.options['person']} has no account here; nothing was changed") from error
        record = {**{word: self.options[word] for word in kept}, "uid": uid, "armed": now, "ended": None}
        # os.* and not datetime's zones: the text is UTC whatever the host's zone is.
        until = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.options["until"]))
        texts = (
            (json.dumps(record), "0600"),
            (f"{ending.MARK}={name}\n", "0600"),
            (SERVICE.format(name=name, script=SCRIPT), "0644"),
            (TIMER.format(name=name, until=until), "0644"),
        )
        return [_file(str(path), *text) for path, text in zip(_parts(name), texts, strict=True)]


def _parts(name: str) -> tuple[Path, ...]:
    record, mark = ending.STATE / f"{name}.json", ending.STATE / f"{name}.env"
    return record, mark, ending.UNITS / ending.unit(name, "service"), ending.UNITS / ending.unit(name, "timer")


def _record(name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((ending.STATE / f"{name}.json").read_text())
    except FileNotFoundError:
        return None
    return found


def _file(path: str, content: str, mode: str) -> dict[str, Any]:
    return {"path": path, "content": content, "mode": mode, "owner": "root", "group": "root"}


def _as_it_is(path: Path) -> dict[str, Any]:
    return _file(str(path), path.read_text(), f"{path.stat().st_mode & 0o7777:04o}")


def _bound(row: dict[str, str]) -> str:
    try:
        with open(row["path"], "rb") as file:  # noqa: PTH123 - follows Debian's alternatives, as sudo does
            content = file.read()
    except OSError as error:
        raise RefusedError(f"{row['path']}: {os.strerror(error.errno or 0)}; nothing was changed") from error
    return f"sha256:{hashlib.sha256(content).hexdigest()} {row['text']}" if content.startswith(ELF) else row["text"]


def _stamp(seconds: int) -> str:
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))
