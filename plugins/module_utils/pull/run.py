"""One run of the host's own program: every five minutes, and at boot before anybody can log in.

What fails leaves the list that is held in force and an alarm standing. People are refused by a file that PAM reads
(``REFUSED``, pam_listfile(8)): it names them while the list is stale, and nobody else ever.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import syslog
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.accounts import apply, certificates, leave, left, read
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError, Change
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import held as holding
from ansible_collections.haechi.guard.plugins.module_utils.pull import denied, document, fetch, judge, watch
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import Listed, ListError

CONFIG, REFUSED = "/etc/haechi/list.json", document.REFUSED
LIST, STALE = "list", "list-stale"
# sshd waits for the boot run; what is left of its 15 s is for the accounts. Nobody waits for the timer's run, and a
# server that is only busy is no alarm.
BOOT_S, RUN_S = 9.0, 20.0


def main(arguments: list[str]) -> int:
    """Run once; 0 if the newest list is in force here."""
    config = json.loads(Path(CONFIG).read_text())
    with _alone():
        held, why = _held(config["site"])
        _gate(config, held)
        try:
            held = _newest(config, held, boot="--boot" in arguments)
        except (ListError, OSError) as error:
            why = f"the list of who left was not taken: {error}"
        if held:
            why = "; ".join(filter(None, [why, *_deny(held)]))
        stale = _gate(config, held)
    for name, what in ((LIST, why), (STALE, stale)):
        if what:
            alarm.raise_alarm(name, what)
        else:
            alarm.clear(name)
    watch.look(config["automation"])
    return 1 if why else 0


def let_in(config: Mapping[str, Any]) -> None:
    """Let people in again who wait for a list that was confirmed just now: the next look is up to five minutes away.

    ``config`` is what policy tells this program; what the host has of it may be damaged. Raises ``OSError``.
    """
    if not (Path(REFUSED).is_file() and Path(REFUSED).read_text()):
        return
    # A look that is under way may have begun without this list, and would have the last word.
    with _alone():
        held, _ = _held(config["site"])
        if not _gate(config, held):
            alarm.clear(STALE)


def _held(site: str) -> tuple[Listed | None, str]:
    try:
        return document.read(Path(holding.HELD).read_bytes(), site), ""
    except (ListError, OSError) as error:
        return None, f"the list that this host holds is none: {error}"


def _newest(config: Mapping[str, Any], held: Listed | None, *, boot: bool) -> Listed:
    """Return the list of the server, held from now on; where it is served, the one that the control node put there.

    Raises ``ListError`` or ``OSError``; the one that was held stays.
    """
    now, highest = _now(), holding.seen()[0]
    if config["address"] is None:
        data = Path(holding.HELD).read_bytes()
    else:
        data = fetch.fetch(config["address"], config["port"], BOOT_S if boot else RUN_S, patient=boot)
    new = document.read(data, config["site"])
    if why := judge.refused(new, held, highest, judge.clock(now, held)):
        raise ListError(why)
    if held and held.sequence == new.sequence:
        holding.confirm(new.sequence, judge.clock(now, new))
    else:
        holding.keep(new.text, judge.clock(now, new))
    return new


def _deny(held: Listed) -> Iterator[str]:
    """Put the list that sshd reads in place, deny everybody who left, and yield what failed."""
    current = read.current()
    changes = [*certificates.plan_list(current.certificates, {"user_ca": held.user_ca, "revoked": held.revoked})]
    for who, prints in held.people.items():
        try:
            changes += _leaving(current, who, prints)
        except AccountError as error:
            yield f"{who} is not denied: {error}"
    yield from _apply(changes, held.sequence)
    yield from _noted(current, held)
    # Whoever was denied just now may have left programs behind; the rest of the host is the role's to search.
    for who in sorted({change.account for change in changes} & {*current.accounts} - {"root"}):
        try:
            yield from _apply(left.plan(current, who, left.near), held.sequence)
        except (AccountError, OSError) as error:
            yield f"{who}: {error}"


def _noted(before: Current, held: Listed) -> Iterator[str]:
    """Keep by which keys those got in until now who do not any more; yield what failed."""
    open_then = {who: found for who in held.people if (found := denied.keys(before, who))}
    after = read.current() if open_then else before
    gone = {who: found for who, found in open_then.items() if not denied.keys(after, who)}
    try:
        if gone:
            denied.note(gone, held.sequence, _now())
    except OSError as error:
        yield f"who was denied is not kept: {error}"


def _apply(changes: Iterable[Change], sequence: int) -> Iterator[str]:
    for change in changes:
        try:
            apply.apply((change,))
        except AccountError as error:
            yield str(error)
            continue
        told = f"list {sequence}: {change.account}: {change.what}: {change.after}"
        syslog.syslog(syslog.LOG_AUTH | syslog.LOG_NOTICE, told)


def _leaving(current: Current, who: str, prints: tuple[str, ...]) -> tuple[Change, ...]:
    return leave.plan(current, who, prints)


def _gate(config: Mapping[str, Any], held: Listed | None) -> str:
    """Name the people who wait while the list is stale, and nobody once it is fresh; return what there is to say."""
    now = judge.clock(_now(), held)
    why = judge.stale(held, holding.seen()[1], now, int(config["stale_minutes"]))
    refuse = bool(why) and config["stale_list"] == "refuse"
    text = "".join(f"{who}\n" for who in config["people"]) if refuse else ""
    path = Path(REFUSED)
    if not path.is_file() or path.read_text() != text:
        files.write(REFUSED, text.encode(), mode=0o644, uid=0, gid=0)
    return f"{why}: people {'are refused until it is fresh' if refuse else 'get in all the same'}" if why else ""


def _now() -> datetime:
    return datetime.now(timezone.utc)  # noqa: UP017 - Python 3.11 on hosts


@contextmanager
def _alone() -> Iterator[None]:
    """Let one run at a time hold and deny."""
    files.make_folder(Path(holding.FOLDER))
    handle = os.open(f"{holding.FOLDER}/.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
