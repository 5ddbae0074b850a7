"""What this edge does with requests that a look sends it over loopback: handshakes, an attack, too much, a marked one.

Run by posture as a process of its own, beside all else that is looked at; it imports the standard library alone. It
reaches no service: what passes is answered by this host's nginx. One counter is set, of a loopback source.
"""

from __future__ import annotations

import contextlib
import csv
import http.client
import io
import json
import secrets
import socket
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

HERE = "127.0.0.1"
ROOT, ADMIN = "/etc/haechi/x509/root.pem", "/run/haechi-edge/haproxy.sock"
SECONDS, PROGRAM_S = 5.0, 20.0
# keepalived asks every two seconds, and a check of a busy host may last ten.
PATIENCE_S = 14.0
# journald takes nothing while it waits for a disk that is busy (fsync).
LOGGED_S = 30.0
OLD = ("TLSv1", "TLSv1_1", "TLSv1_2")
# All of TLS 1.3 (RFC 8446, appendix B.4).
SUITES13 = tuple(
    f"TLS_{name}"
    for name in (
        "AES_128_GCM_SHA256",
        "AES_256_GCM_SHA384",
        "CHACHA20_POLY1305_SHA256",
        "AES_128_CCM_SHA256",
        "AES_128_CCM_8_SHA256",
    )
)
MOST_SUITES = 60
ATTACK, WORDS = "q=%27%20or%201%3D1%20--%20", "q=%EC%95%88%EB%85%95%ED%95%98%EC%84%B8%EC%9A%94"
LOGS = ("nginx/*.log", "haproxy*.log")
Asked = Mapping[str, Any]


def look(asked: Asked) -> dict[str, Any]:
    """Return all that is seen; ``asked`` has port, name, both addresses and the limits that policy gives."""
    before, until = asks(), time.monotonic() + PATIENCE_S
    seen = {
        "here": True,
        "holds": asked["address"] in _text("ip", "-4", "-o", "address", "show"),
        "offered": offered(asked),
        "certificate": certificate(asked),
        "waf": {"attack": status(asked, f"/.haechi/look?{ATTACK}"), "words": status(asked, f"/.haechi/look?{WORDS}")},
        "limits": limits(asked),
        "log": log(asked),
    }
    return {**seen, "watched": asked_since(before, until)}


def asks() -> int:
    """Return how often HAProxy has been asked whether it answers; -1 where it does not even tell."""
    try:
        rows = list(csv.DictReader(io.StringIO(_admin("show stat").removeprefix("# "))))
    except OSError:
        return -1
    return next((int(row["stot"]) for row in rows if (row["pxname"], row["svname"]) == ("alive", "FRONTEND")), -1)


def asked_since(before: int, until: float) -> bool:
    """Return whether keepalived asks: one that may not run its check holds the address of a dead edge for ever."""
    while before >= 0 and asks() <= before:
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return before >= 0


def offered(asked: Asked) -> dict[str, list[str]]:
    """Return the suites that a handshake ends with, by version; one that is refused has none."""
    found = {name.replace("_", "."): [*older(asked, name)] for name in OLD}
    found["TLSv1.3"] = newest(asked)
    return {version: suites for version, suites in found.items() if suites}


def older(asked: Asked, version: str) -> Iterator[str]:
    """Yield each suite of a version before 1.3 that is taken: after each, the next without it is tried."""
    left = "ALL:COMPLEMENTOFALL"
    for _ in range(MOST_SUITES):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
        try:
            context.set_ciphers(f"{left}:@SECLEVEL=0")
            with connected(asked) as line, context.wrap_socket(line, server_hostname=asked["name"]) as spoken:
                cipher = spoken.cipher()
                # Where a session ends by policy's last day, that is after the handshake.
                spoken.sendall(b"GET /.haechi/look HTTP/1.0\r\n\r\n")
                if not spoken.recv(1):
                    return
        except OSError:
            return
        if cipher is None:
            return
        yield cipher[0]
        left += f":!{cipher[0]}"


def newest(asked: Asked) -> list[str]:
    """Return the suites of TLS 1.3 that are taken; Python cannot choose among them before 3.15."""
    to = ("-connect", f"{HERE}:{asked['port']}", "-servername", asked["name"])
    tried = {
        suite: subprocess.Popen(
            ["openssl", "s_client", "-tls1_3", "-ciphersuites", suite, *to],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for suite in SUITES13
    }
    return [
        suite for suite, process in tried.items() if f"Cipher is {suite}" in process.communicate(timeout=PROGRAM_S)[0]
    ]


def certificate(asked: Asked) -> dict[str, Any]:
    """Return the certificate that is served: whether the site's root vouches for it under that name, and its days."""
    try:
        with trusted(asked) as spoken:
            seen: Any = spoken.getpeercert() or {}
    except (OSError, ssl.CertificateError):
        return {"trusted": False, "begins": None, "ends": None}
    days = {word: _moment(seen[key]) for word, key in (("begins", "notBefore"), ("ends", "notAfter"))}
    return {"trusted": True, **days}


def status(asked: Asked, path: str, source: str = HERE, **more: Any) -> int:
    """Return the status that a request of a browser's kind is answered; 0 where it is not."""
    return answer(asked, path, source, **more)[0]


def answer(asked: Asked, path: str, source: str = HERE, **more: Any) -> tuple[int, str]:
    """Return status and HSTS of an answer."""
    speaker = http.client.HTTPSConnection(asked["name"], timeout=SECONDS)
    try:
        speaker.sock = trusted(asked, source)
        body = more.get("body")
        headers = {"User-Agent": "Mozilla/5.0 (haechi)", "Accept": "*/*", **more.get("headers", {})}
        speaker.request("POST" if body else "GET", path, body, headers)
        heard = speaker.getresponse()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        speaker.close()
    return heard.status, heard.getheader("Strict-Transport-Security") or ""


def limits(asked: Asked) -> dict[str, Any]:
    """Return what a body above the limit, a source above its rate, and one with too many connections get."""
    size = {"Content-Type": "application/json", "Content-Length": str(asked["body_kib"] * 1024 + 1)}
    # More than HAProxy waits for, so that the size is judged and not the wait (tune.bufsize).
    told = {
        "body": status(asked, "/.haechi/look", body=b" " * 20_000, headers=size),
        "hsts": answer(asked, "/.haechi/look")[1],
    }
    busy = own(asked, 2)
    # HAProxy 2.6 takes a key in the table's own form alone.
    _admin(f"set table sources key ::ffff:{busy} data.http_req_rate {asked['source_requests'] * 2}")
    told["requests"] = status(asked, "/.haechi/look", busy)
    return told | {"connections": held(asked)}


def own(asked: Asked, number: int) -> str:
    """Return a loopback address that the other edge does not use: what one counts of a source, both know."""
    return f"127.{'.'.join(asked['here'].split('.')[-2:])}.{number}"


def held(asked: Asked) -> int:
    """Return how many connections one source may have at once, two above policy's number at most."""
    lines = []
    for _ in range(asked["source_connections"] + 2):
        # One that is refused at once is reset before it is known to be open.
        with contextlib.suppress(ConnectionError):
            lines.append(connected(asked, own(asked, 3)))
    time.sleep(0.1)
    try:
        return sum(map(_stands, lines))
    finally:
        for line in lines:
            line.close()


def _stands(line: socket.socket) -> bool:
    line.settimeout(0)
    try:
        return line.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def log(asked: Asked) -> dict[str, Any]:
    """Return whether a request's path is in the logs, and which of its other parts are there too."""
    marks = {name: f"haechi{secrets.token_hex(8)}" for name in ("path", "query", "cookie", "body")}
    since = int(time.time()) - 1
    headers = {"Cookie": f"look={marks['cookie']}", "Content-Type": "application/json"}
    path, body = f"/.haechi/{marks['path']}?q={marks['query']}", f'{{"a": "{marks["body"]}"}}'
    until, text = time.monotonic() + LOGGED_S, ""
    while marks["path"] not in text and time.monotonic() < until:
        # Again: after the flood of `limits` a connection may be refused, and HAProxy never waits for its log: what
        # journald cannot take at once is dropped (DroppedLogs of its `show info`).
        status(asked, path, headers=headers, body=body)
        text = _logged(since, marks["path"])
    return {"path": marks["path"] in text, "also": sorted(n for n in ("query", "cookie", "body") if marks[n] in text)}


def _logged(since: int, word: str) -> str:
    """Return the newest of the logs, within two seconds with a word in it if it comes at all."""
    until = time.monotonic() + 2
    while word not in (text := _text_of_logs(since)) and time.monotonic() < until:
        time.sleep(0.1)
    return text


def _text_of_logs(since: int) -> str:
    journal = _text("journalctl", "--no-pager", "-o", "cat", "--since", f"@{since}", "-u", "haproxy", "-u", "nginx")
    files = [path for pattern in LOGS for path in Path("/var/log").glob(pattern)]
    return journal + "".join(path.read_text(encoding="utf-8", errors="replace")[-100_000:] for path in files)


def connected(asked: Asked, source: str = HERE) -> socket.socket:
    """Return a connection from a loopback address."""
    return socket.create_connection((HERE, asked["port"]), SECONDS, (source, 0))


def trusted(asked: Asked, source: str = HERE) -> ssl.SSLSocket:
    """Return a connection whose far end has shown a certificate of the site."""
    context = ssl.create_default_context(cafile=ROOT)
    return context.wrap_socket(connected(asked, source), server_hostname=asked["name"])


def _admin(command: str) -> str:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(SECONDS)
        line.connect(ADMIN)
        line.sendall(f"{command}\n".encode())
        return b"".join(iter(lambda: line.recv(65536), b"")).decode()


def _text(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_S).stdout


def _moment(said: str) -> str:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(said), timezone.utc).isoformat()  # noqa: UP017 - Python 3.11


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look(json.loads(sys.argv[1]))))
