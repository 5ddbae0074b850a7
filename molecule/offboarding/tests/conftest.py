"""An HR system outside, and the receiver that it speaks to."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

INVENTORY = Path(__file__).parents[2] / "inventory"
RECEIVER, PORT = "10.78.30.11", 8443
ROOT = "/root/haechi-root.pem"
# What an HR system does, with nothing but Python: one request, its answer as JSON.
SPEAK = f"""
import http.client, json, ssl, sys
asked = json.load(sys.stdin)
trust = ssl.create_default_context(cafile={ROOT!r})
if asked["newest"]:
    trust.maximum_version = ssl.TLSVersion[asked["newest"]]
try:
    line = http.client.HTTPSConnection({RECEIVER!r}, {PORT}, context=trust, timeout=10)
    line.request(asked["method"], asked["path"], asked["body"], asked["headers"])
    heard = line.getresponse()
    tls = line.sock and line.sock.version()
    print(json.dumps({{"status": heard.status, "body": heard.read().decode(), "tls": tls}}))
except OSError as error:
    print(json.dumps({{"status": 0, "body": str(error), "tls": None}}))
"""


@dataclass(frozen=True)
class Answer:
    """What the receiver answered; 0 where there was no answer."""

    status: int
    body: str
    tls: str | None

    @property
    def json(self) -> Any:
        """Return the body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Outside:
    """A machine beyond the gateway that trusts the site's authority."""

    host: Host
    token: str

    def asks(self, method: str, path: str, body: Any = None, *, token: str | None = None, newest: str = "") -> Answer:
        """Send one request with a bearer token, the source's own if not another's."""
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/scim+json"}
        text = None if body is None else json.dumps(body)
        asked = {"method": method, "path": path, "body": text, "headers": headers, "newest": newest}
        done = self.host.run(f"echo {shlex.quote(json.dumps(asked))} | python3 -c {shlex.quote(SPEAK)}")
        assert done.rc == 0, done.stderr
        return Answer(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def outside(inside: Callable[[str], Host], host: Host, keys: Path) -> Outside:
    """Return the HR system, which was told the token when the source was made."""
    client = inside("client")
    root = host.check_output("cat /etc/haechi/x509/root.pem")
    client.check_output(f"echo {shlex.quote(root)} > {ROOT}")
    return Outside(client, (keys / "hr-idp").read_text().strip())
