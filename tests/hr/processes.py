"""Starting and killing the processes of the tests, and looking at what they left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from haechi.hr.envelope import Envelope
from haechi.hr.ledger import Ledger, LedgerError, views
from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.ledger.views import RevocationView
from tests.hr.site import HOSTS, Setup

TICK_S = 0.1


@contextmanager
def worker(setup: Setup) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; it is killed in the end, as a machine that loses power kills it."""
    with (setup.folder / f"log-{setup.owner}").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hr.worker_process", setup.text()], stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.send_signal(signal.SIGCONT)
        process.wait()


def receive(setup: Setup, messages: Sequence[Envelope]) -> set[str]:
    """Hand messages to a receiver until it took all or died, and return the ids that it answered for."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hr.receiver_process", setup.text()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = process.communicate("".join(f"{json.dumps(one.document())}\n" for one in messages))[0]
    return set(told.split())


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Return whether something comes true within some seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(TICK_S)
    return condition()


def leavings(ledger: Ledger, people: Sequence[str]) -> tuple[RevocationView, ...]:
    """Return the leavings of some people, whatever state they are in."""
    return tuple(view for view in ledger.read(views.revocations) if view.person in people)


def ended(ledger: Ledger, people: Sequence[str]) -> bool:
    """Return whether every one of these people is out, as far as the ledger says; false while it cannot be asked."""
    try:
        found = leavings(ledger, people)
    except LedgerError:
        return False
    return {view.person for view in found if view.state is RevocationState.CLOSED} == set(people)


def runs(setup: Setup, owner: str) -> list[int]:
    """Return the processes of a worker's runs, wherever they were left."""
    return mentioning(f"{setup.folder}/hosts-{owner}.ini")


def mentioning(*words: str) -> list[int]:
    """Return the processes whose command line has all of these words."""
    paths = Path("/proc").glob("[0-9]*/cmdline")
    return [int(path.parent.name) for path in paths if all(word.encode() in _bytes(path) for word in words)]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def lines(setup: Setup, host: str, person: str) -> list[tuple[int, str]]:
    """Return what runs left on a host for somebody: the token and the nonce of each, in order."""
    path = setup.folder / "effects" / host / person
    nonces = path.read_text().split() if path.exists() else []
    return [(int((setup.folder / f"token-{nonce}").read_text()), nonce) for nonce in nonces]


def doubled(setup: Setup, people: Sequence[str]) -> list[str]:
    """Return where a run acted after another one had taken its lease over."""
    pairs = [(host, person) for host in HOSTS for person in people]
    runs = {pair: [token for token, _ in lines(setup, *pair)] for pair in pairs}
    return [f"{host} {person}: {tokens}" for (host, person), tokens in runs.items() if tokens != sorted(tokens)]


def falsely_proven(setup: Setup, ledger: Ledger, people: Sequence[str]) -> list[str]:
    """Return the hosts that count as proven and never showed the nonce that they are proven by."""
    return [
        f"{row.host} {view.person}"
        for view in leavings(ledger, people)
        for row in view.hosts
        if row.state is ItemState.PROVEN
        and row.record["nonce"] not in {nonce for _, nonce in lines(setup, row.host, view.person)}
    ]
