"""Who is given a new certificate, and who is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.renewal import request, serve

from .conftest import AT, OTHER, ROW, leaf


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
        (lambda _: b"\n", "no request"),
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


@pytest.mark.exhaustive
def test_one_certificate_is_renewed_for_one_key(place: serve.Place, held: Path, tmp_path: Path) -> None:
    """A lost answer is asked for again with the same key; another key means that two have the old one."""
    mine = leaf(tmp_path, held)
    new = x509.new_key()
    for _ in range(2):
        assert "certificate" in serve.answer(asked(mine, new=new), place, AT)[0]

    told, line = serve.answer(asked(mine), place, AT)
    assert "was renewed at" in told["refused"]
    assert line.startswith("<1>renewal refused: app1: certificate ")


def test_whoever_only_knocks_is_not_written_down(place: serve.Place) -> None:
    """An audit tries each declared way, from each host."""
    assert serve.answer(b"", place, AT) == ({"refused": "it is no request"}, "")


def test_an_authority_without_its_files_says_little(place: serve.Place, held: Path, mine: dict[str, Any]) -> None:
    """What is wrong there is for its own journal."""
    (held / serve.LEAVES).unlink()
    told, line = serve.answer(asked(mine), place, AT)

    assert told == {"refused": "the authority could not sign: its journal says why"}
    assert line.startswith("<1>not signed: [Errno 2]")
