"""A bundle holds for whoever has the public key, and for nobody once a byte of it is another."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509 import Certificate, load_pem_x509_certificate

from haechi.hr.proof import ProofError, bundle, dsse, stamp
from haechi.hr.proof.statement import statement
from tests.unit.hr.proof import samples

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
SAID = statement(samples.about(samples.revocation()))


def test_what_was_signed_is_what_is_read() -> None:
    """With the file's digest and the key's, which a page shows."""
    data = bundle.text(bundle.sign(KEY, SAID))
    found = bundle.verify(data, KEY.public_key())

    assert found.statement == json.loads(json.dumps(SAID))
    assert found.predicate["verdict"] == "proven"
    assert found.key == "34750f98bd59fcfc946da45aaabe933be154a4b5094e1c4abf42866505f3c97e"
    assert (found.stamped, found.stamp_checked) == (None, False)


def test_the_signature_is_over_dsse_s_own_encoding() -> None:
    """The example of the DSSE specification, protocol.md."""
    assert dsse.encoded("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def altered(**names: Any) -> bytes:
    made = bundle.sign(KEY, SAID)
    return bundle.text({**made, "dsseEnvelope": {**made["dsseEnvelope"], **names}})


def encoded(document: object) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (altered(payload=encoded({**SAID, "predicate": {}})), "did not sign this"),
        (altered(payloadType="application/json"), "did not sign this"),
        (altered(signatures=[]), "did not sign this"),
        (altered(signatures=[{"keyid": "", "sig": "AAAA"}]), "did not sign this"),
        (altered(signatures=[{"sig": "!"}]), "no DSSE envelope"),
        (altered(payload=7), "no DSSE envelope"),
        (b"[]", "it is no bundle of"),
        (b"{}", "it is no bundle of"),
        (b"{", "it is no JSON"),
        (bundle.text({**bundle.sign(KEY, SAID), "dsseEnvelope": None}), "it has no DSSE envelope"),
        (bundle.text(bundle.sign(KEY, {**SAID, "predicateType": "urn:other"})), "it says something else"),
        (bundle.text({**bundle.sign(KEY, SAID), "timestamp": "!"}), "its time stamp is no base64"),
        (bundle.text({**bundle.sign(KEY, SAID), "timestamp": "AAAA"}), "its time stamp cannot be read"),
    ],
)
def test_what_does_not_hold_is_not_read(data: bytes, why: str) -> None:
    """Altered, of another kind, or no bundle at all."""
    with pytest.raises(ProofError, match=why):
        bundle.verify(data, KEY.public_key())


def test_another_site_s_key_does_not_open_it() -> None:
    """Whatever the envelope says of the key's name."""
    other = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
    with pytest.raises(ProofError, match="did not sign this: it was altered, or is another site's"):
        bundle.verify(bundle.text(bundle.sign(KEY, SAID)), other.public_key())


def test_records_that_are_not_those_of_the_bundle_are_named(tmp_path: Path) -> None:
    """Altered or gone."""
    found = bundle.verify(bundle.text(bundle.sign(KEY, SAID)), KEY.public_key())
    name = f"{'a' * 32}.json"

    assert bundle.missing_records(found, tmp_path) == [name]
    (tmp_path / name).write_text("{}")
    assert bundle.missing_records(found, tmp_path) == [name]


class Authority:
    """A time-stamping authority: openssl ts(1) behind HTTP. ``wrong`` has it answer something else."""

    def __init__(self, folder: Path) -> None:
        """Make a root and a certificate that may do nothing but stamp."""
        self.folder, self.wrong, self.url = folder, b"", ""
        uses = "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"
        (folder / "ext").write_text(f"basicConstraints=critical,CA:FALSE\n{uses}")
        (folder / "serial").write_text("01\n")
        (folder / "ts.cnf").write_text(
            "[tsa]\ndefault_tsa=one\n[one]\ndir=.\nserial=serial\nsigner_cert=tsa.pem\nsigner_key=tsa.key\n"
            "signer_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha512\ness_cert_id_alg=sha256\n"
        )
        pair = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._openssl("req", "-x509", *pair, "-subj", "/CN=root", "-keyout", "root.key", "-out", "root.pem")
        self._openssl("req", "-new", *pair, "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr")
        made = ("-CA", "root.pem", "-CAkey", "root.key", "-extfile", "ext", "-out", "tsa.pem")
        self._openssl("x509", "-req", "-in", "tsa.csr", *made)

    @property
    def root(self) -> Certificate:
        """Return its root certificate."""
        return load_pem_x509_certificate((self.folder / "root.pem").read_bytes())

    def reply(self, query: bytes) -> bytes:
        """Return what openssl answers to a query."""
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "ts.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    made = Authority(tmp_path_factory.mktemp("tsa"))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            assert self.headers["content-type"] == "application/timestamp-query"
            answer = made.wrong or made.reply(query)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_time_stamp_holds_under_its_root_and_over_this_bundle(authority: Authority) -> None:
    """A real authority; without its certificate the time is told and not vouched for."""
    made = bundle.stamped(bundle.sign(KEY, SAID), authority.url)
    data = bundle.text(made)

    checked = bundle.verify(data, KEY.public_key(), (authority.root,))
    told = bundle.verify(data, KEY.public_key())
    assert (checked.stamp_checked, told.stamp_checked) == (True, False)
    assert checked.stamped is not None
    assert checked.stamped == told.stamped

    moved = {**bundle.sign(KEY, statement(samples.about(samples.revocation(number=8)))), "timestamp": made["timestamp"]}
    for roots in ((), (authority.root,)):
        with pytest.raises(ProofError, match="its time stamp"):
            bundle.verify(bundle.text(moved), KEY.public_key(), roots)


def test_a_time_stamp_of_a_stranger_does_not_hold(authority: Authority, tmp_path: Path) -> None:
    """Under a root that did not sign the authority's certificate."""
    data = bundle.text(bundle.stamped(bundle.sign(KEY, SAID), authority.url))

    with pytest.raises(ProofError, match="its time stamp does not hold"):
        bundle.verify(data, KEY.public_key(), (Authority(tmp_path).root,))


def test_a_stamp_for_something_else_is_not_taken(authority: Authority) -> None:
    """A replayed answer has another nonce; what is no answer is said to be none."""
    kept = stamp.fetch(authority.url, b"first")
    for wrong, why in ((kept, "its stamp is for something else"), (b"no DER", "its time stamp cannot be read")):
        authority.wrong = wrong
        with pytest.raises(ProofError, match=why):
            stamp.fetch(authority.url, b"first")
    authority.wrong = b""


def test_an_authority_that_is_away_is_said_to_be() -> None:
    """The bundle waits for it; policy says which one it is."""
    down = httpx.Client(transport=httpx.MockTransport(lambda _request: httpx.Response(503)))
    with pytest.raises(ProofError, match=r"^no time stamp from http://tsa/: it answers 503.*hr\.timestamp_authority"):
        stamp.fetch("http://tsa/", b"data", down)
