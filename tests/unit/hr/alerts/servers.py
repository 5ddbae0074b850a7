"""A mail relay and a webhook's receiver, as small as they can be and real."""

from __future__ import annotations

import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Relay(socketserver.StreamRequestHandler):
    """Enough of RFC 5321 to take a mail; one whose receivers are at `full.example` is refused."""

    def handle(self) -> None:
        """Talk until QUIT."""
        self.wfile.write(b"220 relay\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            if verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            full = verb == b"RCPT" and b"full.example" in line
            self.wfile.write(b"452 full\r\n" if full else b"250 fine\r\n")


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted; answers what the test wants."""

    def do_POST(self) -> None:
        """Keep it."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posts.append((dict(self.headers), json.loads(body), body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def relay() -> Iterator[Any]:
    with serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay)) as server:
        server.mails = []
        yield server


@contextmanager
def hook(answer: int = 204) -> Iterator[Any]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Hook)) as server:
        server.posts, server.answer = [], answer
        yield server
