"""sshd: the candidate runs beside the real one on loopback, and everybody who gets in now must get in there."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.guard import people
from ansible_collections.haechi.guard.plugins.module_utils.guard import sshd_judgement as judgement
from ansible_collections.haechi.guard.plugins.module_utils.guard.candidate import accepted, running
from ansible_collections.haechi.guard.plugins.module_utils.guard.files import File
from ansible_collections.haechi.guard.plugins.module_utils.guard.refusal import RefusedError
from ansible_collections.haechi.guard.plugins.module_utils.guard.subsystem import Subsystem, Way, must, run

MAIN = Path("/etc/ssh/sshd_config")
DROP_INS = Path("/etc/ssh/sshd_config.d")


class Sshd(Subsystem):
    """Options: ``variants``, a file each release of OpenSSH gets its own text of, and what must come of it."""

    def _variant(self) -> dict[str, Any] | None:
        variants = self.options.get("variants", [])
        if not variants:
            return None
        # `sshd -V` is an unknown option before OpenSSH 9.3, and its usage text names the release as well.
        said = run(["sshd", "-V"])
        chosen = judgement.choose(variants, judgement.version(said.err + said.out))
        return dict(chosen) if chosen else None

    def more(self) -> list[dict[str, Any]]:
        """Return the drop-in for the release that this host runs."""
        variant = self._variant()
        return [{key: variant[key] for key in ("path", "content", "mode")}] if variant else []

    def validate(self, files: list[File]) -> None:
        """Judge and try the candidate."""
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        entitled = self.entitled()
        with overlaid(files) as config:
            must(["sshd", "-t", "-f", str(config)], "sshd does not take the configuration, nothing was changed")
            # First by what sshd would decide, which names the cause; then by connections, which need no reading of it.
            self._keeps_promises(config, files)
            self._lets_in(config, entitled)

    def entitled(self) -> dict[str, list[str]]:
        """Return who gets in now, with the keys."""
        keys = people.named(self.prove)
        return {who: keys[who] for who in keys if not self._reasons(MAIN, who, keys[who])}

    def _reasons(self, config: Path, who: str, keys: list[str]) -> list[str]:
        account = people.account(who, keys, ahead=self.check)
        if account is None:
            return ["there is no such account"]
        asked = run(["sshd", "-T", "-f", str(config), "-C", f"user={who},host=localhost,addr=127.0.0.1"])
        return judgement.judge(judgement.parse(asked.out), account) if asked.code == 0 else [asked.err.strip()]

    def _keeps_promises(self, config: Path, files: list[File]) -> None:
        expected = (self._variant() or {}).get("expect", {})
        effective = judgement.parse(must(["sshd", "-T", "-f", str(config)], "sshd -T"))
        broken = judgement.deviations(effective, expected)
        if broken:
            texts = [(file.path, (file.content or b"").decode()) for file in _in_order(files)]
            words = [f"{why} (set by {judgement.culprit(key, texts) or 'sshd itself'})" for key, why in broken.items()]
            raise RefusedError(f"sshd would not be what policy says, nothing was changed: {'; '.join(words)}")

    def _lets_in(self, config: Path, entitled: dict[str, list[str]]) -> None:
        for who, keys in entitled.items():
            reasons = self._reasons(config, who, keys)
            if reasons:
                raise RefusedError(f"this sshd policy would lock {who} out, nothing was changed: {'; '.join(reasons)}")
        with running(config) as port:
            for who, keys in entitled.items():
                if not any(accepted(port, who, key) for key in keys):
                    raise RefusedError(
                        f"this sshd policy would lock {who} out, nothing was changed:"
                        " a second sshd on loopback with the new configuration refused every key"
                    )

    def way_back(self) -> Way:
        """Make sshd read the old files again, or start it where the new ones ended it."""
        return Way(commands=[["systemctl", "reload-or-restart", "ssh.service"]])

    def activate(self) -> None:
        """Make the running sshd read the new files; its sessions go on."""
        must(["systemctl", "reload-or-restart", "ssh.service"], "sshd could not be reloaded")

    def fingerprint(self) -> str | None:
        """Return a digest of the effective configuration, so that another file that overrides ours is found."""
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        asked = run(["sshd", "-T"])
        return hashlib.sha256(asked.out.encode()).hexdigest() if asked.code == 0 else "broken"


def _in_order(files: list[File]) -> list[File]:
    changed = {file.path: file for file in files}
    kept = {str(path): File(str(path), path.read_bytes()) for path in DROP_INS.glob("*.conf")}
    drop_ins = [file for path, file in sorted({**kept, **changed}.items()) if path.startswith(f"{DROP_INS}/")]
    # Debian's sshd_config includes the drop-ins at its head, and of two values the first counts (sshd_config(5)).
    return [*drop_ins, File(str(MAIN), MAIN.read_bytes())]


@contextmanager
def overlaid(files: list[File]) -> Iterator[Path]:
    """Give a copy of sshd's configuration with the candidate's files in it."""
    with tempfile.TemporaryDirectory() as name:
        drop_ins, main = Path(name) / "sshd_config.d", Path(name) / "sshd_config"
        shutil.copytree(DROP_INS, drop_ins)
        for file in files:
            if not file.path.startswith(f"{DROP_INS}/"):
                continue
            target = drop_ins / Path(file.path).name
            target.unlink(missing_ok=True)
            if file.content is not None:
                target.write_bytes(file.content)
        # The copy would still include the real folder, which its Include names by an absolute path (sshd_config(5)).
        text = re.sub(rf"(?im)^(\s*Include\s+){re.escape(str(DROP_INS))}/", rf"\g<1>{drop_ins}/", MAIN.read_text())
        main.write_text(text)
        yield main
