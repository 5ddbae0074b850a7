"""A private PostgreSQL of Debian's package: on a Unix socket alone, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

# The server refuses to run as root; the package brings this account.
ACCOUNT = "postgres"
USER = "haechi"
STARTED_WITHIN_S = 30


def binaries() -> Path:
    """Return the folder of the newest server that is installed, which Debian keeps off PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "apt-get install postgresql"
    return found[-1]


class Postgres:
    """One server. ``url`` is for libpq and for SQLAlchemy alike."""

    def __init__(self, folder: Path) -> None:
        """Make an empty cluster in a folder that the server's account owns."""
        self.folder, self.made = folder, 0
        self.account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
        self.process: subprocess.Popen[bytes] | None = None
        options = (f"--pgdata={self.data}", f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--locale=C")
        subprocess.run(
            [binaries() / "initdb", *options, "--no-sync"], check=True, capture_output=True, cwd="/", **self.account
        )

    @property
    def data(self) -> Path:
        """Return the cluster's folder."""
        return self.folder / "data"

    def url(self, database: str) -> str:
        """Return how to reach a database."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def fresh(self) -> str:
        """Make an empty database, and return its URL."""
        self.made += 1
        name = f"test{self.made}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = ("-clisten_addresses=", f"-cunix_socket_directories={self.folder}")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binaries() / "postgres", "-D", self.data, *settings], cwd="/", stderr=log, stdout=log, **self.account
            )
        ends = time.monotonic() + STARTED_WITHIN_S
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < ends, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop; SIGINT ends open sessions, SIGQUIT does so without a clean end (postgres(1))."""
        if self.process:
            self.process.send_signal(how)
            self.process.wait(STARTED_WITHIN_S)
            self.process = None

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Let it fall and come back, as after a crash."""
        self.stop(how)
        self.start()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running() -> Iterator[Postgres]:
    """Run a server in a folder of its own, which goes with it."""
    # Not under pytest's folder: that is the caller's alone, and a socket's path is 107 bytes at most (unix(7)).
    folder = Path(tempfile.mkdtemp(prefix="haechi-postgres-"))
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT, ACCOUNT)
    server = None
    try:
        server = Postgres(folder)
        server.start()
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start a server for the session; take a database of your own from ``fresh``."""
    with running() as server:
        yield server
