"""The lab's policy in a folder of its own, beside an empty state folder, and people who have real keys in it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.controls import world

HERE = Path("inventories/lab")


@dataclass(frozen=True)
class Site:
    """A site in a folder of its own; ``keys`` holds a key pair of each person."""

    inventory: Path
    keys: Path
    state: Path

    @property
    def policy(self) -> Path:
        """Return the folder of its policy."""
        return self.inventory / "group_vars/all/policy"

    def set(self, file: str, **names: Any) -> None:
        """Write a file of policy."""
        (self.policy / f"{file}.yml").write_text(yaml.dump(names, Dumper=yaml.CSafeDumper, allow_unicode=True))

    def public(self, who: str) -> str:
        """Return somebody's public key."""
        return (self.keys / f"{who}.pub").read_text().strip()

    def signature(self, who: str, text: bytes, namespace: str) -> bytes:
        """Sign as a person does, with ssh-keygen."""
        command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(self.keys / who)]
        return subprocess.run(command, input=text, capture_output=True, check=True).stdout


def pairs(folder: Path, people: tuple[str, ...]) -> Path:
    """Make a key pair of each person."""
    for who in people:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{who}@lab", "-f", str(folder / who)]
        subprocess.run(command, check=True)
    return folder


def fill(site: Site, holders: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the lab's policy there: ``holders`` have their real keys in it, and evidence has no second place."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(site.state.parent))
    shutil.copytree(world.ROOT / HERE, site.inventory, ignore=shutil.ignore_patterns("keys.yml", ".*"))
    lines = (site.policy / "site.yml").read_text().splitlines(keepends=True)
    (site.policy / "site.yml").write_text("".join(line for line in lines if "evidence_copy" not in line))
    keys = {who: [site.public(who)] for who in holders}
    keys |= {who: [f"ssh-ed25519 {world.key(who)}"] for who in ("haechi", "sentinel", "tae")}
    site.set("keys", keys=keys)
    site.set("mfa", mfa={"enrol_until": date(2099, 12, 31)})
