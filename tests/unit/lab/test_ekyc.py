"""The stand-in for an eKYC API, asked over a connection of the test's own."""

from __future__ import annotations

import http.client
import socket
import threading
from http.server import ThreadingHTTPServer

from haechi.lab import ekyc


def test_an_answer_does_not_wait_for_the_other_end_s_acknowledgement() -> None:
    """Its body is a write of its own, and 40 ms late by Nagle's algorithm: the bench would measure that."""
    seen: list[int] = []

    class Seen(ekyc.Api):
        database = ekyc.Database("")

        def said(self, path: str, words: dict[str, str]) -> object:
            seen.append(self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            return super().said(path, words)

    with ThreadingHTTPServer(("127.0.0.1", 0), Seen) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        line.request("GET", "/lookup?name=%ED%99%8D%EA%B8%B8%EB%8F%99")
        answer = line.getresponse()
        body = answer.read().decode()
        line.close()
        server.shutdown()

    assert (answer.status, body) == (200, '[["홍길동", "verified"]]')
    assert seen == [1]
