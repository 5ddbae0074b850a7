"""PAM: profiles through pam-auth-update, tried out in a copy of /etc/pam.d before the real one is touched."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.guard import files as guarded
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Subsystem, Way, must, run

STACKS = ("auth", "account", "password", "session", "session-noninteractive")
COPIED = ("etc/pam.d", "usr/share/pam-configs", "var/lib/pam")
ROOT = Path("/")
MODULES = "usr/lib/*/security"
CANDIDATE = Path("/etc/pam.d/haechi-candidate")
os.environ["DEBIAN_FRONTEND"] = "noninteractive"


class Pam(Subsystem):
    """Options: ``enable`` and ``disable``, lists of profiles; ``enable_where``, a module's file to its profile."""

    def _enable(self) -> list[str]:
        """Return the profiles to enable; those of a module only where this release has it."""
        where = self.options.get("enable_where", {})
        there = [profile for module, profile in where.items() if any(ROOT.glob(f"{MODULES}/{module}"))]
        return [*self.options.get("enable", []), *there]

    def _update(self, *root: str) -> list[list[str]]:
        enable, disable = self._enable(), self.options.get("disable", [])
        commands = [["pam-auth-update", *root, "--package", "--enable", *enable]] if enable else []
        return commands + ([["pam-auth-update", *root, "--package", "--disable", *disable]] if disable else [])

    def validate(self, files: list[File]) -> None:
        """Make the stacks in a copy, and ask them whether those who get in now still would."""
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            for folder in COPIED:
                shutil.copytree(ROOT / folder, root / folder, symlinks=True)
            for file in files:
                target = root / file.path.lstrip("/")
                target.unlink(missing_ok=True)
                if file.content is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(file.content)
            for command in self._update("--root", name):
                must(command, "pam-auth-update does not take the profiles, nothing was changed")
            _missing(root, self._profiles(root))
            self._try_out(_beside((root / "etc/pam.d/common-account").read_text(), files, root))

    def _profiles(self, root: Path) -> list[Path]:
        """Return the profiles to enable; a look ahead does without those that a package is yet to bring."""
        folder = root / "usr/share/pam-configs"
        paths = [folder / name for name in self._enable()]
        absent = [path.name for path in paths if not path.is_file()]
        if absent and not self.check:
            raise RefusedError(f"no PAM profile {', '.join(absent)}: install the package; nothing was changed")
        return [path for path in paths if path.name not in absent]

    def _try_out(self, account_stack: str) -> None:
        service = (ROOT / "etc/pam.d/sshd").read_text().replace("@include common-account", account_stack)
        people = [self.prove.get("automation"), self.prove.get("sentinel")]
        people += [operator["id"] for operator in self.prove.get("operators", [])]
        before = {who for who in people if who and admitted("sshd", who)}
        CANDIDATE.write_text(service)
        try:
            shut_out = sorted(who for who in before if not admitted(CANDIDATE.name, who))
        finally:
            CANDIDATE.unlink()
        if shut_out:
            raise RefusedError(
                f"the PAM stacks would shut out {', '.join(shut_out)} (account phase of sshd); nothing was changed"
            )

    def way_back(self) -> Way:
        """Keep the stacks that pam-auth-update writes, and its own memory of them."""
        paths = [f"/etc/pam.d/common-{stack}" for stack in STACKS]
        paths += [f"/var/lib/pam/{name}" for name in (*STACKS, "seen")]
        return Way(files=[guarded.current(path) for path in paths])

    def activate(self) -> None:
        """Let pam-auth-update write the stacks."""
        for command in self._update():
            must(command, "pam-auth-update failed")

    def fingerprint(self) -> str | None:
        """Return a digest of the stacks, so that a profile taken out by hand is found."""
        digest = hashlib.sha256()
        for stack in STACKS:
            path = Path(f"/etc/pam.d/common-{stack}")
            digest.update(path.read_bytes() if path.is_file() else b"absent")
        # Another change of PAM takes what it finds for what was proven, the profiles of this one missing or not.
        profiles = [path for name in self._enable() if (path := ROOT / "usr/share/pam-configs" / name).is_file()]
        lost = _lost(ROOT, profiles)
        return digest.hexdigest() + (f" without {', '.join(lost)}" if lost else "")


def _beside(stack: str, files: list[File], root: Path) -> str:
    """Return a stack that reads the candidate's files where they lie for now: what it calls may be new itself."""
    for file in files:
        if file.content is not None:
            stack = stack.replace(file.path, str(root / file.path.lstrip("/")))
    return stack


def _lost(root: Path, profiles: list[Path]) -> list[str]:
    """Return the modules of profiles that no stack has."""
    words = [word.lstrip("-") for profile in profiles for word in profile.read_text().split()]
    modules = {word for word in words if word.startswith("pam_") and word.endswith(".so")}
    paths = [path for stack in STACKS if (path := root / f"etc/pam.d/common-{stack}").is_file()]
    text = "".join(path.read_text() for path in paths)
    return sorted(module for module in modules if module not in text)


def _missing(root: Path, profiles: list[Path]) -> None:
    # pam-auth-update leaves a stack alone that somebody edited by hand, and still exits 0.
    lost = _lost(root, profiles)
    if lost:
        raise RefusedError(
            f"pam-auth-update would not add {', '.join(lost)}: /etc/pam.d/common-* was edited by hand."
            " Run `pam-auth-update --force` on the host after reading what was edited; nothing was changed"
        )


def admitted(service: str, who: str) -> bool:
    """Return whether PAM's account phase lets an account in."""
    return run(["pamtester", service, who, "acct_mgmt"]).code == 0
