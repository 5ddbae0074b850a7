"""The second place: where a copy of every checkpoint goes, out of reach of whoever holds the first."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from haechi import sshclient
from haechi.evidence import EvidenceError, files

_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
_HOST = re.compile(r"[a-z][a-z0-9_-]{0,31}")
# A line that a crash cut short must not swallow the next one.
_APPEND = """\
umask 077
mkdir -p "${1%/*}"
[ ! -s "$1" ] || [ -z "$(tail -c 1 "$1")" ] || echo >> "$1"
cat >> "$1" && sync "$1"
"""


@dataclass(frozen=True, kw_only=True)
class Where:
    """What ``site.evidence_copy`` says: a folder of this machine, or a file of a managed host."""

    path: str
    host: str | None = None


class Place(Protocol):
    """Somewhere that lines can be appended to and read back from."""

    def append(self, lines: bytes) -> None:
        """Append lines, durable when this returns. Raises ``EvidenceError``."""

    def fetch(self) -> bytes:
        """Return everything that was appended. Raises ``EvidenceError``."""


def parse(text: str) -> Where:
    """Return what a policy's ``evidence_copy`` means. Raises ``ValueError`` with what is wrong."""
    host, colon, path = text.partition(":")
    if not colon:
        host, path = "", text
    elif not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is no name of a host")
    if not _PATH.fullmatch(path) or ".." in path.split("/"):
        raise ValueError(f"{path!r} is no plain absolute path")
    if host and path.endswith("/"):
        raise ValueError(f"{path!r} is a folder; on a host it is a file")
    return Where(path=path, host=host or None)


@dataclass(frozen=True, kw_only=True)
class FolderPlace:
    """A folder of this machine: another disk, or a mount of another machine."""

    folder: Path
    site: str

    def __str__(self) -> str:
        """Return the file."""
        return str(self._file)

    @property
    def _file(self) -> Path:
        return self.folder / f"{self.site}-checkpoints.jsonl"

    def append(self, lines: bytes) -> None:
        """Append to the file; the folder is never made, since an absent one is a disk that is not mounted."""
        if not self.folder.is_dir():
            raise EvidenceError(f"{self.folder}: is not there: mount or make it")
        torn = self._file.is_file() and not files.read(self._file).endswith(b"\n") and self._file.stat().st_size
        files.append(self._file, b"\n" + lines if torn else lines)
        files.sync_folder(self.folder)

    def fetch(self) -> bytes:
        """Return the file."""
        return files.read(self._file)


@dataclass(frozen=True, kw_only=True)
class HostPlace:
    """A file of a managed host, written by root through the automation account's sudo."""

    host: str
    path: str
    common_args: str

    def __str__(self) -> str:
        """Return host and file as policy writes them."""
        return f"{self.host}:{self.path}"

    def append(self, lines: bytes) -> None:
        """Append to the file over one new connection; the lines go by standard input, never as arguments."""
        self._run(_APPEND, lines)

    def fetch(self) -> bytes:
        """Return the file."""
        return self._run('cat "$1"').encode()

    def _run(self, script: str, text: bytes = b"") -> str:
        command = shlex.join(["sudo", "-n", "sh", "-c", script, "sh", self.path])
        answer = sshclient.ssh(self.common_args, self.host, command, options=("-o", "ConnectTimeout=10"), text=text)
        if answer.code:
            raise EvidenceError(f"{self}: {answer.last}: see that {self.host} is reached and its disk has room")
        return answer.out


def of(text: str | None, site: str, inventory: Path) -> Place | None:
    """Return the second place that policy names, or None. Raises ``EvidenceError`` for what validate refuses."""
    if text is None:
        return None
    try:
        where = parse(text)
    except ValueError as error:
        raise EvidenceError(f"site.evidence_copy: {error}: run `haechi validate`") from error
    if where.host is None:
        return FolderPlace(folder=Path(where.path), site=site)
    arguments = f"-F {shlex.quote(str(inventory / '.ssh_config'))}"
    return HostPlace(host=where.host, path=where.path, common_args=arguments)
