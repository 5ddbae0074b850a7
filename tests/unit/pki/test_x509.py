"""The ceremony of the root, and what an issuing authority signs: by the real openssl."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from haechi.pki import root, trust
from haechi.policy.models import Policy

AT = datetime.now(UTC)
SECRET = "a passphrase nobody guesses"  # noqa: S105 - of a key that lives as long as its test


@pytest.fixture
def issuing(tmp_path: Path) -> Path:
    """Return the folder of an authority that has a key and was not signed yet."""
    folder = tmp_path / "pki"
    folder.mkdir()
    (folder / x509.KEY).write_text(x509.new_key("P-384"))
    return folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return the file of a passphrase."""
    path = tmp_path / "passphrase"
    path.write_text(f"{SECRET}\n")
    return path


def held(policy: Policy, folder: Path, state: Path, secret: Path, at: datetime = AT) -> Path:
    told, out = root.ceremony(policy, state, x509.request(str(folder / x509.KEY), "x"), secret, at)
    (folder / x509.CHAIN).write_text(told.x509_issuing)
    (folder / x509.ROOT).write_text(told.x509_root)
    return out


def order(folder: Path, **more: object) -> dict[str, object]:
    key = folder / "leaf.key"
    key.write_text(x509.new_key())
    asked = {"csr": x509.request(str(key), "another-name"), "days": 90, "use": "client", "addresses": ["10.0.0.1"]}
    return {"host": "app1", "name": "recorder", "names": ["app1"], **asked, **more}


def test_the_root_is_handed_out_once_and_sealed(policy: Policy, issuing: Path, tmp_path: Path, secret: Path) -> None:
    """Only the passphrase opens it; a second ceremony finds the file there and makes nothing."""
    out = held(policy, issuing, tmp_path / "state", secret)
    pinned = (tmp_path / "state/pki/x509_root.pem").read_text()

    assert out == tmp_path / "state/offline/x509_root.p12"
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(out.read_bytes(), b"another passphrase")
    key, certificate, _ = pkcs12.load_key_and_certificates(out.read_bytes(), SECRET.encode())
    assert key is not None
    assert certificate is not None
    assert key.public_key() == certificate.public_key()
    with pytest.raises(trust.TrustError, match="is there: the key of an earlier root"):
        held(policy, issuing, tmp_path / "state", secret)
    assert (tmp_path / "state/pki/x509_root.pem").read_text() == pinned


def test_a_passphrase_that_could_be_guessed_is_refused(policy: Policy, issuing: Path, tmp_path: Path) -> None:
    """Before anything is made."""
    (tmp_path / "short").write_text("nineteen characters")

    with pytest.raises(trust.TrustError, match="has 19 characters: take 20"):
        held(policy, issuing, tmp_path / "state", tmp_path / "short")
    assert not (tmp_path / "state").exists()


def test_a_leaf_says_what_was_ordered_and_no_more(policy: Policy, issuing: Path, tmp_path: Path, secret: Path) -> None:
    """Not the name that stands in the request; and its chain leads to the root."""
    held(policy, issuing, tmp_path / "state", secret)
    made = x509.sign(str(issuing), order(issuing), AT)
    seen = x509.read(made)

    assert (seen.names, seen.addresses, seen.uses) == (("app1",), ("10.0.0.1",), ("clientAuth",))
    assert seen.public == x509.public_of(str(issuing / "leaf.key"))
    assert timedelta(days=89) < seen.ends - AT < timedelta(days=91)
    chain, top = (issuing / x509.CHAIN).read_text(), (issuing / x509.ROOT).read_text()
    assert x509.comes_from(made, chain, top)
    assert "recorder" in (issuing / "issued-x509.jsonl").read_text()


def test_a_leaf_of_another_authority_is_not_trusted(
    policy: Policy, issuing: Path, tmp_path: Path, secret: Path
) -> None:
    """Same names, another key and another root."""
    held(policy, issuing, tmp_path / "one", secret)
    made = x509.sign(str(issuing), order(issuing), AT)
    (issuing / x509.KEY).write_text(x509.new_key("P-384"))
    held(policy, issuing, tmp_path / "two", secret)

    assert not x509.comes_from(made, (issuing / x509.CHAIN).read_text(), (issuing / x509.ROOT).read_text())


def test_the_issuing_authority_makes_no_further_authority(
    policy: Policy, issuing: Path, tmp_path: Path, secret: Path
) -> None:
    """Its certificate ends the path, and a leaf is none (RFC 5280, 4.2.1.9)."""
    held(policy, issuing, tmp_path / "state", secret)
    shown = x509.openssl("x509", "-noout", "-text", text=(issuing / x509.CHAIN).read_text())
    leaf = x509.openssl("x509", "-noout", "-text", text=x509.sign(str(issuing), order(issuing), AT))

    assert "CA:TRUE, pathlen:0" in shown
    assert "CA:FALSE" in leaf


def test_an_authority_that_expired_signs_nothing(policy: Policy, issuing: Path, tmp_path: Path, secret: Path) -> None:
    """Five years after its ceremony; openssl alone would sign, and the host would have what nobody takes."""
    held(policy, issuing, tmp_path / "state", secret, AT - timedelta(days=1826))

    with pytest.raises(x509.X509Error, match=r"x509_issuing\.pem expired .*, so nothing was signed: `haechi validate`"):
        x509.sign(str(issuing), order(issuing), AT)


def test_an_errand_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    """There is no authority in this folder."""
    (tmp_path / "leaf.key").write_text(x509.new_key())
    asked = (
        f'{{"folder": "{tmp_path}", "orders": [{{"name": "a", "host": "h", "csr": "", "names": ["h"], "days": 1}}]}}'
    )

    assert '"failed"' in x509.answer(asked.replace('"days"', '"addresses": [], "use": "both", "days"'))
