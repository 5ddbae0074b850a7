"""KISA's items that one walk over all files answers: U-15, U-23, U-25, U-26, U-33."""

from __future__ import annotations

from typing import Literal

from haechi.controls.kisa_item import kisa
from haechi.controls.model import Breaker, Case, HostJudge, Verdict, none_of
from haechi.observe.found import Odd
from haechi.observe.posture import UnknownError

Kind = Literal["set_id", "world_writable", "no_owner", "hidden", "not_a_device"]
# Each is a way to root on the day it has a bug, and each is needed: sudo and su to become root, passwd to change an
# aged password, D-Bus to start helpers as other users; ssh-agent's bit shuts its memory to the user's other programs.
SET_ID = frozenset(
    {
        "/usr/bin/passwd",
        "/usr/bin/ssh-agent",
        "/usr/bin/su",
        "/usr/bin/sudo",
        "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
    }
)


def _rows(case: Case, kind: Kind) -> tuple[list[Odd], int]:
    """Return what the walk found of a kind, and how many there were.

    Raises ``UnknownError`` where the walk did not look for it.
    """
    walk = case.posture.walk
    rows = [row for row in walk.rows if row.kind == kind]
    total = walk.total.get(kind)
    if total is None or total < len(rows):
        raise UnknownError(f"walk: no count of {kind}")
    return rows, total


def programs_gain_nothing(case: Case) -> Verdict:
    """U-23: set-UID and set-GID programs are those of the list; one more is root's to be."""
    rows, total = _rows(case, "set_id")
    wrong = [f"{row.path} {row.owner}:{row.group} {row.mode}" for row in rows if row.path not in SET_ID]
    wrong += [f"{total - len(rows)} set-ID programs that were not listed"] if total > len(rows) else []
    expected = f"no set-ID programs but {', '.join(sorted(SET_ID))}"
    return none_of(wrong, expected, f"{total} set-ID programs in {case.posture.walk.files} files")


def none_found(kind: Kind, what: str) -> HostJudge:
    """Return the judge that wants nothing of a kind to be found."""

    def judge(case: Case) -> Verdict:
        rows, total = _rows(case, kind)
        wrong = [f"{row.path} {row.owner}:{row.group} {row.mode}" for row in rows]
        wrong += [f"{total - len(rows)} that were not listed"] if total > len(rows) else []
        return none_of(wrong, f"no {what}", f"none in {case.posture.walk.files} files")

    return judge


CONTROLS = (
    kisa(
        "U-15",
        "ismsp-2.6.2",
        "iso-a.8.3",
        judge=none_found("no_owner", "file whose owner or group no account has"),
        breaker=Breaker(
            how="a file that belongs to nobody",
            script="install -m 600 -o 4711 /dev/null /srv/breaker-orphan",
            mend="undo",
            undo="rm -f /srv/breaker-orphan",
            touches=("file:/srv/breaker-orphan",),
        ),
    ),
    kisa(
        "U-23",
        "ismsp-2.5.5",
        "iso-a.8.18",
        judge=programs_gain_nothing,
        breaker=Breaker(
            how="a program becomes set-UID root", script="chmod u+s /usr/bin/chsh", touches=("file:/usr/bin/chsh",)
        ),
    ),
    kisa(
        "U-25",
        "ismsp-2.6.2",
        "iso-a.8.3",
        judge=none_found("world_writable", "file that everybody can write, no such folder without the sticky bit"),
        breaker=Breaker(
            how="a file that everybody can write",
            script="install -m 666 /dev/null /srv/breaker-open",
            mend="undo",
            undo="rm -f /srv/breaker-open",
            touches=("file:/srv/breaker-open",),
        ),
    ),
    kisa(
        "U-26",
        "ismsp-2.11.3",
        "iso-a.8.9",
        judge=none_found("not_a_device", "regular file below /dev"),
        breaker=Breaker(
            how="a regular file below /dev",
            script="install -m 600 /dev/null /dev/breaker",
            mend="undo",
            undo="rm -f /dev/breaker",
            touches=("file:/dev/breaker",),
        ),
    ),
    kisa(
        "U-33",
        "ismsp-2.11.3",
        "iso-a.8.9",
        judge=none_found("hidden", "hidden file where none belongs (/tmp, /var/tmp, /dev/shm, /usr, /var/www)"),
        breaker=Breaker(
            how="a hidden file among the programs",
            script="install -m 700 /dev/null /usr/local/bin/.breaker",
            mend="undo",
            undo="rm -f /usr/local/bin/.breaker",
            touches=("file:/usr/local/bin/.breaker",),
        ),
    ),
)
