"""Signed rosters that are dropped into a folder of the control node: FILE and FILE.sig, as ssh-keygen(1) writes it.

What the ledger has goes to ``done``, what is not authentic or no roster to ``refused``, with FILE.why beside it.
"""

from __future__ import annotations

import base64
import logging
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from haechi.hr import sources
from haechi.hr.envelope import Envelope
from haechi.hr.inbox import Row
from haechi.hr.signals import RefusedError, UnavailableError
from haechi.hr.sources.roster import SIGNATURE as HEADER
from haechi.hr.sources.secrets import Secrets
from haechi.hr.work.held import Held
from haechi.hr.work.ports import InboxError
from haechi.policy.provisioning import Source

LOG = logging.getLogger("haechi.hr")
SIGNATURE, WHY, DONE, REFUSED = ".sig", ".why", "done", "refused"
# A file that changed just now may still be on its way.
SETTLED_S = 2.0
LARGEST = 4 * 1024 * 1024


@dataclass(kw_only=True)
class RosterFolder:
    """The folder of one source."""

    source: Source
    secrets: Secrets
    zone: ZoneInfo
    folder: Path
    settled_s: float = SETTLED_S
    _held: Held = field(default_factory=Held)

    def after(self, number: int, limit: int) -> Sequence[Row]:
        """Return the first rosters after a number, those that lie there now among them. Raises ``InboxError``."""
        try:
            known = self._held.origins()
            for name in self._dropped():
                if name not in known:
                    self._take(name)
        except OSError as error:
            raise self._away(error) from error
        return self._held.after(number, limit)

    def forget(self, up_to: int) -> int:
        """Move the rosters up to a number to ``done``, and return how many they were. Raises ``InboxError``."""
        gone = self._held.pop(up_to)
        try:
            for name in gone:
                self._move(name, DONE)
        except OSError as error:
            raise self._away(error) from error
        return len(gone)

    def _dropped(self) -> Iterator[str]:
        """Yield the rosters that lie there whole, with their signature; a name that begins with a dot is a draft."""
        names = {entry.name for entry in os.scandir(self.folder)}
        for name in sorted(names):
            pair = (self.folder / name, self.folder / f"{name}{SIGNATURE}")
            if name[0] != "." and pair[1].name in names and all(map(self._settled, pair)):
                yield name

    def _settled(self, path: Path) -> bool:
        return time.time() - path.lstat().st_mtime >= self.settled_s

    def _take(self, name: str) -> None:
        try:
            envelope, _ = sources.accept(self._message(name), self.source, self.secrets, self.zone)
        except RefusedError as error:
            LOG.warning("%s is refused: %s", self.folder / name, error)
            (self.folder / REFUSED).mkdir(mode=0o700, exist_ok=True)
            (self.folder / REFUSED / f"{name}{WHY}").write_text(f"{error.title}: {error.detail}\n")
            self._move(name, REFUSED)
        except UnavailableError as error:
            raise InboxError(f"{self.folder / name}: cannot be judged now: {error}") from error
        else:
            self._held.add(envelope, name)

    def _message(self, name: str) -> Envelope:
        body, signature = _read(self.folder / name), _read(self.folder / f"{name}{SIGNATURE}")
        return Envelope(
            source=self.source.name,
            kind=self.source.kind,
            received=datetime.now(UTC),
            body=body,
            headers={HEADER: base64.b64encode(signature).decode()},
        )

    def _move(self, name: str, where: str) -> None:
        (self.folder / where).mkdir(mode=0o700, exist_ok=True)
        # The signature first: a roster that stays without one after a crash is taken up by nobody.
        for path in (self.folder / f"{name}{SIGNATURE}", self.folder / name):
            if path.exists(follow_symlinks=False):
                path.rename(self.folder / where / path.name)

    def _away(self, error: OSError) -> InboxError:
        return InboxError(
            f"{error.filename or self.folder}: {error.strerror}: make {self.folder} a folder that Haechi owns"
        )


def _read(path: Path) -> bytes:
    """Return a file that lies in the folder itself. Raises ``RefusedError`` for anything else, and ``OSError``."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            raise RefusedError(422, "no file", f"{path.name} is a link: drop the file itself") from error
        raise
    with os.fdopen(handle, "rb") as file:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > LARGEST:
            raise RefusedError(422, "no file", f"{path.name} is no file, or has more than {LARGEST} bytes")
        return file.read(LARGEST)
