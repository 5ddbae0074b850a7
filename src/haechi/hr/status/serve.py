"""The page's own unit: it listens on loopback, or with TLS 1.3 where a certificate is given, and tells alerts too."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import uvicorn

from haechi import policy as policies
from haechi import tombstones
from haechi.hr.alerts.watch import Watch
from haechi.hr.status.app import Pages, Site, make
from haechi.policy.models import Policy
from haechi.policy.resolve import active_people

POLICY_LIVES_S = 30.0


class PageError(Exception):
    """The page cannot be served as asked; the text says why and how to mend it."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where to listen; ``certificate`` and ``key`` are files in PEM, both or none."""

    host: str = "127.0.0.1"
    port: int = 8444
    certificate: Path | None = None
    key: Path | None = None


def serve(pages: Pages, watch: Watch, where: Where) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``PageError``."""
    if where.certificate is None and not _is_loopback(where.host):
        raise PageError(
            f"{where.host}: whoever is on the way could read along: give --cert and --key, or use 127.0.0.1"
        )
    config = uvicorn.Config(
        make(pages),
        host=where.host,
        port=where.port,
        # Links are secrets for a minute, and stand in what would be logged.
        access_log=False,
        log_config=None,
        server_header=False,
        ssl_certfile=where.certificate,
        ssl_keyfile=where.key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise PageError(f"{where.certificate}, {where.key}: {error}: give a certificate and its key in PEM") from error
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    stopped = Event()
    thread = Thread(target=watch.run, args=(stopped,), name="alerts", daemon=True)
    thread.start()
    try:
        _run(uvicorn.Server(config), where)
    finally:
        stopped.set()
        thread.join()


@dataclass
class PolicySite:
    """Policy as it stands, read anew twice a minute; while it has errors the last one without them counts."""

    inventory: Path
    state: Path
    clock: Callable[[], float] = time.monotonic
    _read: tuple[float, Policy | None] = field(default=(float("-inf"), None))

    def __call__(self) -> Site:
        """Return what the page needs of it. Raises ``PageError`` where there was never one without errors."""
        now = self.clock()
        if now - self._read[0] >= POLICY_LIVES_S:
            loaded = policies.load(self.inventory)
            self._read = (now, loaded.policy if loaded.policy and not loaded.errors else self._read[1])
        policy = self._read[1]
        if policy is None or policy.hr is None:
            raise PageError(f"{self.inventory}: no policy with `hr` and without errors: run `haechi validate`")
        return Site(
            title=policy.site.title,
            names={who.id: who.name for who in policy.identities},
            may=frozenset(_who_may(policy, self.state)),
            sla=policy.hr.sla,
            zone=ZoneInfo(policy.hr.time_zone),
        )


def _who_may(policy: Policy, state: Path) -> set[str]:
    """Return the active people who have not left; nobody where that cannot be known."""
    with suppress(tombstones.TombstoneError):
        left = tombstones.revoked(state)
        return {*active_people(policy)} - left
    return set()


def _run(server: uvicorn.Server, where: Where) -> None:
    try:
        server.run()
    except SystemExit as error:  # how uvicorn says that it cannot listen
        raise PageError(f"{where.host}:{where.port} cannot be listened on: name another with --listen") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
