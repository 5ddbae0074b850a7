"""The receiver as a process: TLS 1.3 and nothing older, ready when it says so, a new certificate without a break."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from haechi.hr.receive.app import app
from haechi.hr.receive.config import ReceiverConfig, load
from haechi.hr.receive.hurry import Hurried

LOG = logging.getLogger(__name__)
STOPPED_WITHIN_S = 20
# The first descriptor that systemd hands over (SD_LISTEN_FDS_START).
_FIRST = 3


class Server(uvicorn.Server):
    """A server that tells systemd when it listens, and takes a renewed certificate on SIGHUP."""

    def __init__(self, receiver: ReceiverConfig) -> None:
        """Take the receiver's configuration. Raises ``sqlalchemy.exc.SQLAlchemyError`` and ``OSError``."""
        self.receiver, self.context = receiver, tls(receiver)
        super().__init__(configured(receiver, self.context))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.renew)
            notify("READY=1")

    def renew(self) -> None:
        """Read certificate and key again: connections that there are go on, and later ones see the new pair."""
        try:
            # Tried apart first, so that a pair that does not fit leaves the old one whole.
            tls(self.receiver)
            self.context.load_cert_chain(self.receiver.certificate, self.receiver.key)
        except (OSError, ssl.SSLError) as error:
            LOG.error("the new certificate is not taken, the old one stays: %s", error)  # noqa: TRY400
        else:
            LOG.info("certificate read anew")


def tls(receiver: ReceiverConfig) -> ssl.SSLContext:
    """Return a context that speaks TLS 1.3 alone (RFC 8446). Raises ``OSError`` for a pair that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(receiver.certificate, receiver.key)
    return context


def configured(receiver: ReceiverConfig, context: ssl.SSLContext) -> uvicorn.Config:
    """Return uvicorn's settings: no header that names the program, no log of its own requests, no trust in proxies."""
    return uvicorn.Config(
        app(receiver),
        host=str(receiver.address),
        port=receiver.port,
        http=Hurried,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=receiver.limits.connections,
        timeout_keep_alive=receiver.limits.seconds,
        timeout_graceful_shutdown=STOPPED_WITHIN_S,
        ssl_context_factory=lambda _config, _default: context,
    )


def notify(state: str) -> None:
    """Tell systemd a state, where it asked for it (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            link.sendall(state.encode())


def inherited() -> list[socket.socket] | None:
    """Return the sockets that systemd holds for this process, so that a restart refuses nobody (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    return [socket.socket(fileno=_FIRST + number) for number in range(int(os.environ.get("LISTEN_FDS", "0")))]


def serve(config: Path) -> int:
    """Run the receiver until it is told to end; return 0, or 3 where it cannot begin, which is said on stderr."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    # It logs each URL that it asks, query and all.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        server = Server(load(config))
    except (OSError, ValueError, SQLAlchemyError) as error:
        sys.stderr.write(f"haechi-receive: cannot begin: {error}\n")
        return 3
    server.run(inherited())
    return 0
