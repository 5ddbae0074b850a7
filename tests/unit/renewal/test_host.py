"""When a host asks, what it takes, and what it has when nothing comes or it crashes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.renewal import request, run, serve
from cryptography import x509 as certificates
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from .conftest import AT, ROW


@contextlib.contextmanager
def serving(answer: Callable[[bytes], bytes], times: int = 1) -> Iterator[int]:
    """Answer so many requests as the authority would; return the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def each() -> None:
            for _ in range(times):
                connection, _ = listening.accept()
                with connection:
                    sent = b""
                    while part := connection.recv(1 << 14):
                        sent += part
                    connection.sendall(answer(sent))

        threading.Thread(target=each, daemon=True).start()
        yield listening.getsockname()[1]


def config(mine: dict[str, Any], port: int) -> dict[str, Any]:
    """Write what the host is told, and return it."""
    told = {"schema": 1, "address": "127.0.0.1", "port": port, "days": 90, "leaves": [mine]}
    Path(run.CONFIG).write_text(json.dumps(told))
    return told


def pair(mine: dict[str, Any]) -> tuple[str, str]:
    """Return the public key of a leaf and that of the key beside it."""
    return x509.read(Path(f"{mine['path']}.pem").read_text()).public, x509.public_of(f"{mine['path']}.key")


@pytest.mark.parametrize(("days", "due"), [(59, False), (61, True), (91, True)])
def test_a_leaf_is_due_with_a_third_of_its_life_left(host: dict[str, Any], days: int, *, due: bool) -> None:
    """Of 90 days, after 60."""
    seen = x509.read(Path(f"{host['path']}.pem").read_text())

    assert run.due(seen, AT + timedelta(days=days)) is due


def test_what_is_not_due_asks_nobody(host: dict[str, Any]) -> None:
    """Nothing listens at this port; and an alarm of an earlier failure goes."""
    config(host, 1)
    alarm.raise_alarm("renewal-recorder", "x")

    assert run.main([]) == 0
    assert list(alarm.ALARMS.iterdir()) == []


def test_a_new_pair_takes_the_old_one_s_place(host: dict[str, Any], place: serve.Place, held: Path) -> None:
    """The key under the mode that it needs; the file of the swap is gone, and no alarm stands."""
    old = short(host, held)
    with serving(lambda sent: json.dumps(serve.answer(sent, place, AT)[0]).encode()) as port:
        config(host, port)
        assert run.main([]) == 0

    new = pair(host)
    assert new[0] == new[1] != old
    assert Path(f"{host['path']}.key").stat().st_mode & 0o777 == 0o600
    assert not Path(f"{host['path']}.next").exists()
    assert not alarm.ALARMS.exists()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: b'{"refused": "certificate has expired"}', "127.0.0.1 says: certificate has expired"),
        (lambda _: b"", "hung up without a word"),
        (lambda _: b"[]", "says: no answer"),
        (lambda _: b"x" * 40_000, "more than 32768 bytes"),
        (lambda _: b'{"certificate": "none"}', "recorder.pem is not renewed"),
    ],
)
def test_an_answer_that_is_none_leaves_the_old_pair(
    host: dict[str, Any], held: Path, answer: Callable[[bytes], bytes], why: str
) -> None:
    """And an alarm that says why."""
    old = short(host, held)
    with serving(answer) as port:
        config(host, port)
        assert run.main([]) == 1

    assert pair(host) == (old, old)
    assert why in json.loads((alarm.ALARMS / "renewal-recorder.json").read_text())["what"]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({"names": ["db1"]}, "what was signed is for db1, 10.0.0.1"),
        ({"use": "server"}, "what was signed is for app1"),
        ({"days": 200}, "what was signed counts from"),
        ({"days": -1}, "what was signed counts from"),
        ({"csr": "another"}, "what was signed is another key's"),
    ],
)
def test_a_certificate_that_was_not_asked_for_is_not_taken(
    host: dict[str, Any], held: Path, tmp_path: Path, order: dict[str, Any], why: str
) -> None:
    """Whoever signed it."""
    new = tmp_path / "new.key"
    new.write_text(x509.new_key())
    said = {**ROW, "csr": x509.request(str(new), "app1"), "days": 90, **order}
    said["csr"] = x509.request(f"{host['path']}.key", "x") if order.get("csr") else said["csr"]
    made = x509.sign(str(held), said, AT)

    with pytest.raises(request.RequestError, match=why):
        run.checked(made, host, x509.public_of(str(new)), 90, AT)


def test_what_another_root_signed_is_not_taken(host: dict[str, Any], held: Path, tmp_path: Path) -> None:
    """What the site's own signed is, with its chain."""
    new = tmp_path / "new.key"
    new.write_text(x509.new_key())
    good = x509.sign(str(held), {**ROW, "csr": x509.request(str(new), "app1"), "days": 90}, AT)
    assert run.checked(good, host, x509.public_of(str(new)), 90, AT) == good
    Path(run.ROOT).write_text((held / x509.CHAIN).read_text())
    with pytest.raises(request.RequestError, match="not signed by the site's authority"):
        run.checked(good, host, x509.public_of(str(new)), 90, AT)


@pytest.mark.exhaustive
def test_the_same_key_is_asked_about_until_there_is_an_answer(
    host: dict[str, Any], place: serve.Place, held: Path
) -> None:
    """So an answer that was lost on its way does not look like a thief."""
    short(host, held)
    lost: list[bytes] = []

    def answer(sent: bytes) -> bytes:
        told = json.dumps(serve.answer(sent, place, AT)[0]).encode()
        lost.append(sent)
        return told if len(lost) == 2 else b""

    with serving(answer, times=2) as port:
        config(host, port)
        assert [run.main([]), run.main([])] == [1, 0]
    rows = [json.loads(line) for line in (held / x509.REGISTER).read_text().splitlines()[-2:]]
    assert rows[0]["public"] == rows[1]["public"]
    assert rows[0]["renews"] == rows[1]["renews"]


def test_a_crash_between_key_and_certificate_is_mended(host: dict[str, Any]) -> None:
    """Both lie in one file until both are in place; a key alone, whose certificate is not here yet, stays aside."""
    config(host, 1)
    key, chain = (Path(f"{host['path']}{end}").read_text() for end in (".key", ".pem"))
    Path(f"{host['path']}.next").write_text(key + chain)
    Path(f"{host['path']}.key").write_text(x509.new_key())
    assert pair(host)[0] != pair(host)[1]

    assert run.main(["--finish"]) == 0
    assert pair(host)[0] == pair(host)[1]
    assert not Path(f"{host['path']}.next").exists()
    Path(f"{host['path']}.next").write_text(x509.new_key())
    assert run.main(["--finish"]) == 0
    assert pair(host)[0] == pair(host)[1]
    assert Path(f"{host['path']}.next").exists()


def short(mine: dict[str, Any], held: Path) -> str:
    """Give a host a leaf of which a quarter is left, two days of eight; return its public key."""
    key = serialization.load_pem_private_key(Path(f"{mine['path']}.key").read_bytes(), None)
    signer = serialization.load_pem_private_key((held / x509.KEY).read_bytes(), None)
    issuing = certificates.load_pem_x509_certificate((held / x509.CHAIN).read_bytes())
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    by = certificates.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    names = [certificates.DNSName("app1"), certificates.IPAddress(ip_address("10.0.0.1"))]
    made = (
        certificates.CertificateBuilder(
            issuer_name=issuing.subject, subject_name=certificates.Name([]), public_key=key.public_key()
        )
        .serial_number(certificates.random_serial_number())
        .not_valid_before(AT - timedelta(days=6))
        .not_valid_after(AT + timedelta(days=2))
        .add_extension(certificates.SubjectAlternativeName(names), critical=True)
        .add_extension(certificates.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(certificates.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(certificates.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(by, critical=False)
        .sign(signer, hashes.SHA256())
    )
    text = made.public_bytes(serialization.Encoding.PEM).decode()
    Path(f"{mine['path']}.pem").write_text(text + (held / x509.CHAIN).read_text())
    return x509.read(text).public
