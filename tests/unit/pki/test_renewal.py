"""Who is given a new certificate, and how a host takes it: by the real openssl, with a root of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.renewal import install, request, run, serve, units
from cryptography import x509 as certificates
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from haechi.desired import leaves
from haechi.pki import root
from haechi.pki.trust import NO_AUTHORITY
from tests.unit.sshd.conftest import policy as small

from .conftest import with_authority

AT = datetime.now(UTC)
ROW = {"host": "app1", "name": "recorder", "names": ["app1"], "addresses": ["10.0.0.1"], "use": "client"}
OTHER = {"host": "db1", "name": "recorder", "names": ["db1"], "addresses": ["10.0.0.2"], "use": "client"}
ME = {"user": pwd.getpwuid(os.getuid()).pw_name, "reload": []}


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an authority that its root has signed."""
    folder = tmp_path_factory.mktemp("pki")
    (folder / x509.KEY).write_text(x509.new_key("P-384"))
    signed = root.hold("a", x509.request(str(folder / x509.KEY), "x"), b"a passphrase nobody guesses", AT)
    (folder / x509.CHAIN).write_text(signed.issuing)
    (folder / x509.ROOT).write_text(signed.root)
    return folder


@pytest.fixture
def place(held: Path) -> serve.Place:
    """Return the authority that renews for app1 and db1 and has signed nothing yet."""
    (held / serve.LEAVES).write_text(json.dumps({"schema": 1, "days": 90, "leaves": [ROW, OTHER]}))
    (held / x509.REGISTER).write_text("")
    return serve.Place(folder=str(held), reader=None)


def leaf(folder: Path, held: Path, row: dict[str, Any] = ROW, days: int = 90) -> dict[str, Any]:
    """Make a host's leaf as the authority signs one; return the row of the host's own file."""
    path = str(folder / "recorder")
    Path(f"{path}.key").write_text(x509.new_key())
    csr = x509.request(f"{path}.key", row["names"][0])
    Path(f"{path}.pem").write_text(x509.sign(str(held), {**row, "csr": csr, "days": days}, AT))
    return {**row, **ME, "path": path}


@pytest.fixture(scope="module")
def mine(held: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the leaf of a host that only asks."""
    return leaf(tmp_path_factory.mktemp("host"), held)


def asked(mine: dict[str, Any], subject: str = "app1", *, new: str = "", at: datetime = AT, **more: str) -> bytes:
    """Return a host's request for a new key."""
    key = Path(f"{mine['path']}.next")
    key.write_text(new or x509.new_key())
    text = Path(f"{mine['path']}.pem").read_text()
    kept = {"name": "recorder", "csr": x509.request(str(key), subject), "leaf": text, "key": f"{mine['path']}.key"}
    return request.build(**{**kept, **more}, at=at)


def test_a_host_gets_its_own_names_for_its_new_key(place: serve.Place, held: Path, mine: dict[str, Any]) -> None:
    """And nothing else; what was signed for which certificate is written down."""
    told, line = serve.answer(asked(mine), place, AT)
    seen = x509.read(told["certificate"])

    assert (seen.names, seen.addresses, seen.uses) == (("app1",), ("10.0.0.1",), ("clientAuth",))
    assert seen.public == x509.public_of(f"{mine['path']}.next")
    assert timedelta(days=89) < seen.ends - AT < timedelta(days=91)
    assert line == "<5>recorder of app1 signed anew"
    row = json.loads((held / x509.REGISTER).read_text().splitlines()[-1])
    old = x509.read(Path(f"{mine['path']}.pem").read_text())
    assert (row["host"], row["renews"], row["days"]) == ("app1", old.serial, 90)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda mine: asked(mine, "db1"), "!asks in the name of CN=db1"),
        (lambda mine: asked(mine, name="vpn"), "!asks for 'vpn', which policy does not give it"),
        (lambda mine: asked(mine, new=x509.new_key("P-384")), "!not of the curve P-256"),
        (lambda mine: asked(mine, csr="none"), "!sent no request of a key"),
        (lambda mine: asked(mine, at=AT - timedelta(minutes=11)), "the clock here says"),
        (lambda mine: asked(mine)[:-9], "cut short"),
        (lambda mine: asked(mine).replace(b"recorder", b"recordes"), ""),
        (lambda mine: asked(mine, leaf=x509.new_key()), ""),
        (lambda _: b"x" * 40_000, "more than 32768 bytes"),
        (lambda _: b"", "no request"),
        (lambda _: b'{"body": "[]", "signature": ""}', "no request"),
        (lambda _: b'{"body": "{}", "signature": ""}', "its schema is 'None'"),
    ],
)
def test_what_it_must_not_get_is_refused(
    place: serve.Place, held: Path, mine: dict[str, Any], change: Callable[[dict[str, Any]], bytes], why: str
) -> None:
    """A host of ours that asks for something else is told of louder than a stranger."""
    signed = (held / x509.REGISTER).read_text()
    told, line = serve.answer(change(mine), place, AT)

    assert set(told) == {"refused"}
    assert why.removeprefix("!") in told["refused"]
    assert line.startswith("<1>" if why.startswith("!") else "<4>")
    assert (held / x509.REGISTER).read_text() == signed


def test_a_request_for_more_names_is_refused(place: serve.Place, mine: dict[str, Any], tmp_path: Path) -> None:
    """Although what is signed would not have them."""
    (tmp_path / "k").write_text(x509.new_key())
    csr = x509.openssl(
        "req", "-new", "-key", str(tmp_path / "k"), "-subj", "/CN=app1", "-addext", "subjectAltName=DNS:db1"
    )

    assert "asks for db1 beside its own names" in serve.answer(asked(mine, csr=csr), place, AT)[0]["refused"]


def test_a_host_that_policy_dropped_is_refused(place: serve.Place, held: Path, mine: dict[str, Any]) -> None:
    """However long its certificate counts yet; so is one whose names policy has changed, until site has run there."""
    for rows in ([OTHER], [{**ROW, "names": ["app1", "hr.example.com"]}], [{**ROW, "use": "server"}]):
        (held / serve.LEAVES).write_text(json.dumps({"schema": 1, "days": 90, "leaves": rows}))
        assert "which policy does not give it: run site.yml" in serve.answer(asked(mine), place, AT)[0]["refused"]


def test_a_leaf_of_another_root_and_one_that_has_ended_are_strangers(
    place: serve.Place, held: Path, tmp_path: Path
) -> None:
    """Whatever they say of themselves."""
    mine = leaf(tmp_path, held)
    said = Path(f"{mine['path']}.pem")
    extensions = ("-addext", "subjectAltName=DNS:app1,IP:10.0.0.1", "-addext", "extendedKeyUsage=clientAuth")
    own = ("-x509", "-days", "9", "-subj", "/CN=app1", *extensions)
    said.write_text(x509.openssl("req", "-new", "-key", f"{mine['path']}.key", *own))
    assert serve.answer(asked(mine), place, AT)[0] == {"refused": "self-signed certificate"}

    mine = leaf(tmp_path, held, days=-1)
    assert serve.answer(asked(mine), place, AT)[0] == {"refused": "certificate has expired"}


def test_one_certificate_is_renewed_for_one_key(place: serve.Place, held: Path, tmp_path: Path) -> None:
    """A lost answer is asked for again with the same key; another key means that two have the old one."""
    mine = leaf(tmp_path, held)
    new = x509.new_key()
    for _ in range(2):
        assert "certificate" in serve.answer(asked(mine, new=new), place, AT)[0]

    told, line = serve.answer(asked(mine), place, AT)
    assert "was renewed at" in told["refused"]
    assert line.startswith("<1>renewal refused: app1: certificate ")


def test_an_authority_without_its_files_says_little(place: serve.Place, held: Path, mine: dict[str, Any]) -> None:
    """What is wrong there is for its own journal."""
    (held / serve.LEAVES).unlink()
    told, line = serve.answer(asked(mine), place, AT)

    assert told == {"refused": "the authority could not sign: its journal says why"}
    assert line.startswith("<1>not signed: [Errno 2]")


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


@pytest.fixture
def host(held: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return a host's leaf with its alarms in a folder of the test's own; it trusts the authority's root."""
    (tmp_path / "root.pem").write_bytes((held / x509.ROOT).read_bytes())
    monkeypatch.setattr(run, "ROOT", str(tmp_path / "root.pem"))
    monkeypatch.setattr(run, "CONFIG", str(tmp_path / "renew.json"))
    monkeypatch.setattr(alarm, "ALARMS", tmp_path / "alarms")
    monkeypatch.setattr(alarm.syslog, "syslog", lambda *_: None)
    return leaf(tmp_path, held)


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


def test_the_programs_run_alone(tmp_path: Path) -> None:
    """With nothing on their path but themselves, and the same bytes each time."""
    plan = install.on_host({"days": 90, "renewal": {"address": "10.0.0.9", "port": 4718}, "leaves": []})
    assert plan.program is not None
    assert install.on_host({"days": 90, "renewal": {}, "leaves": []}).program == plan.program
    (tmp_path / "renew.pyz").write_bytes(plan.program[1])
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "renew.pyz")], capture_output=True, text=True, check=False, env={}
    )
    assert "No such file or directory: '/etc/haechi/renew.json'" in done.stderr

    told = install.on_authority(tmp_path, {"days": 90, "address": "10.0.0.9", "port": 4718, "leaves": []})
    assert told.program is not None
    (tmp_path / "serve.pyz").write_bytes(told.program[1])
    served = [sys.executable, "-I", str(tmp_path / "serve.pyz")]
    done = subprocess.run(served, input="{}", capture_output=True, text=True, check=False, env={})
    assert json.loads(done.stdout) == {"refused": "it is cut short, or no request"}
    assert done.stderr == "<4>refused: it is cut short, or no request [nowhere]\n"


def test_the_authority_s_service_has_no_rights_and_no_ssh_keys() -> None:
    """It writes one file, opens no connection, and reads what strangers send as nobody."""
    for line in (
        "ProtectSystem=strict",
        "CapabilityBoundingSet=CAP_SETUID CAP_SETGID",
        "RestrictAddressFamilies=none",
        "ReadWritePaths=/etc/haechi/pki/issued-x509.jsonl",
        "InaccessiblePaths=-/etc/haechi/pki/ssh_user_ca -/etc/haechi/pki/ssh_host_ca",
        "NoNewPrivileges=yes",
    ):
        assert f"{line}\n" in units.ANSWER
    assert serve.Place().reader == "nobody"
    assert "ListenStream=10.0.0.9:4718\n" in units.listening("10.0.0.9", 4718)


def test_policy_says_which_certificates_are_renewed_and_where() -> None:
    """Each host's, by name, names, addresses and use; and who reloads is told to the host alone."""
    own = {"name": "hr", "host": "db", "names": ["hr.example.com"], "use": "both", "reload": ["hr.service"]}
    pki = {"host": "bastion", "leaf_days": 30, "leaves": [own]}
    policy = small(pki=pki)

    assert leaves.renewal(with_authority()) is None
    row = {"host": "db", "name": "hr", "names": ["db", "hr.example.com"], "addresses": ["10.2.0.10"], "use": "both"}
    assert leaves.renewal(policy) == {"address": "10.1.0.10", "port": 4718, "days": 30, "leaves": [row]}
    told: Any = leaves.build(policy, "db", NO_AUTHORITY)
    assert told["renewal"] == {"address": "10.1.0.10", "port": 4718}
    assert [leaf["reload"] for leaf in told["leaves"]] == [["hr.service"]]


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
