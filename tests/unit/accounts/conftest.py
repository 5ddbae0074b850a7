"""A host on paper: the acts of a plan change it as the real programs change a real one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.accounts import change, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Current, KeyFile

TODAY = 20781
ANN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ann"
BOB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB bob"


def wanted(name: str, status: str = "active", **more: Any) -> dict[str, Any]:
    """Return one account of the desired document."""
    on = status == "active"
    shell = "/bin/bash" if on else "/usr/sbin/nologin"
    row = {"id": name, "kind": "person", "name": name.title(), "state": status, "start": None, "login": on}
    return {**row, "shell": shell, "keys": [ANN], "groups": ["haechi-login"] if on else [], "sudo": [], **more}


def desired(*accounts: dict[str, Any], unknown: str = "report") -> dict[str, Any]:
    """Return a desired document."""
    rows = list(accounts)
    return {"schema": 1, "unknown_accounts": unknown, "known": ["root", "daemon"], "accounts": rows, "sudoers": []}


def account(name: str, **more: Any) -> Account:
    """Return an account as policy wants it, with differences."""
    row = {"uid": 1001, "gid": 1001, "gecos": name.title(), "home": f"/home/{name}", "shell": "/bin/bash"}
    right = {"max": 99999, "min": 0, "changed": TODAY, "groups": frozenset({"haechi-login"})}
    home = {"home_mode": 0o700, "home_uid": row["uid"]}
    return Account(name=name, **{**row, **right, **home, **more})


def central(name: str, *keys: str) -> KeyFile:
    """Return an account's key file."""
    return KeyFile(f"{state.KEYS_FOLDER}/{name}", name, "".join(f"{key}\n" for key in keys))


def host(*accounts: Account, **more: Any) -> Current:
    """Return a host with these accounts."""
    row = {"groups": frozenset({"haechi-login"}), "today": TODAY}
    return Current(accounts={one.name: one for one in accounts}, **{**row, **more})


@dataclass
class Paper:
    """The host that acts are applied to."""

    now: Current

    def apply(self, changes: tuple[change.Change, ...]) -> Current:
        """Do every act in order, and return the host afterwards."""
        for row in changes:
            for act in row.acts:
                self._perform(act)
        return self.now

    def _perform(self, act: change.Act) -> None:
        match act:
            case change.Run(argv):
                getattr(self, f"_{argv[0]}")(argv[-1], dict(zip(argv[1:-1:2], argv[2:-1:2], strict=False)), argv)
            case change.WriteKeys(name, text):
                path = f"{state.KEYS_FOLDER}/{name}"
                self._files([*self._but(path), KeyFile(path, name, text)])
            case change.Remove(path):
                self._remove(path)
            case change.StripKeys(path, prints):
                self._files([file for one in self.now.key_files for file in _stripped(one, path, prints)])
            case change.Folder(path, mode, uid, _):
                self._folder(path, mode, uid)
            case change.End(name, uid):
                left = [p for p in self.now.processes if p not in state.of_person([p], uid) or state.is_service(p.unit)]
                self.now = replace(self.now, processes=tuple(left), lingering=self.now.lingering - {name})
            case change.Delete(name, _):
                accounts = {key: one for key, one in self.now.accounts.items() if key != name}
                self.now = replace(self.now, accounts=accounts)
            case change.Unmanage(name):
                self.now = replace(self.now, unmanaged=self.now.unmanaged | {self.now.accounts[name].uid})

    def _but(self, path: str) -> list[KeyFile]:
        return [file for file in self.now.key_files if file.path != path]

    def _files(self, files: list[KeyFile]) -> None:
        self.now = replace(self.now, key_files=tuple(files))

    def _remove(self, path: str) -> None:
        self._files(self._but(path))
        jobs = {name: tuple(p for p in paths if p != path) for name, paths in self.now.jobs.items()}
        names = tuple(name for name in self.now.sudoers if path != f"{state.SUDOERS_FOLDER}/{name}")
        self.now = replace(self.now, jobs=jobs, sudoers=names)

    def _folder(self, path: str, mode: int, uid: int) -> None:
        if path == state.KEYS_FOLDER:
            self.now = replace(self.now, keys_folder=True)
        for one in self.now.accounts.values():
            if one.home == path:
                self._set(one.name, home_mode=mode, home_uid=uid)

    def _set(self, name: str, **more: Any) -> None:
        accounts = {**self.now.accounts, name: replace(self.now.accounts[name], **more)}
        self.now = replace(self.now, accounts=accounts)

    def _groupadd(self, name: str, *_: Any) -> None:
        self.now = replace(self.now, groups=self.now.groups | {name})

    def _useradd(self, name: str, _: dict[str, str], argv: tuple[str, ...]) -> None:
        given = {flag: argv[argv.index(flag) + 1] for flag in ("--shell", "--comment") if flag in argv}
        groups = argv[argv.index("--groups") + 1].split(",") if "--groups" in argv else []
        uid = max([one.uid for one in self.now.accounts.values()] + [1000]) + 1
        look = {"gecos": given["--comment"], "shell": given["--shell"], "groups": frozenset(groups)}
        new = account(name, uid=uid, gid=uid, home_uid=uid, **look)
        self.now = replace(self.now, accounts={**self.now.accounts, name: new}, groups=self.now.groups | {name})

    def _usermod(self, name: str, options: dict[str, str], _: tuple[str, ...]) -> None:
        read = {
            "--expiredate": lambda text: {"expires": int(text) if text else None},
            "--password": lambda text: {"hash_kind": state.hash_kind(text)},
            "--shell": lambda text: {"shell": text},
            "--comment": lambda text: {"gecos": text},
            "--groups": lambda text: {"groups": frozenset(filter(None, text.split(",")))},
        }
        for flag, text in options.items():
            self._set(name, **read[flag](text))

    def _chage(self, name: str, options: dict[str, str], _: tuple[str, ...]) -> None:
        self._set(name, min=0, max=99999, inactive=None)
        if options.get("--lastday") == "-1":
            self._set(name, changed=None)

    def _systemctl(self, unit: str, *_: Any) -> None:
        uid = int(unit.removeprefix("user@").removesuffix(".service"))
        self.now = replace(self.now, unmanaged=self.now.unmanaged - {uid})


def _stripped(file: KeyFile, path: str, prints: frozenset[str]) -> list[KeyFile]:
    if file.path != path:
        return [file]
    rest = [line for line in file.text.splitlines(keepends=True) if state.fingerprint(line) not in prints]
    return [replace(file, text="".join(rest))] if any(map(state.fingerprint, rest)) else []
