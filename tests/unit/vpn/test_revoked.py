"""The authority of the VPN's people and its list, by the real openssl; and the gateway that takes it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.pki import crl, people, x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.vpn import revoked

NOW = datetime.now(UTC).replace(microsecond=0)
LIFE = timedelta(days=6)


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return who left, to be added to; whom a host believes about that is shown in tests/unit/pull."""
    found: set[str] = set()
    monkeypatch.setattr(people, "left", lambda _: frozenset(found))
    return found


@pytest.fixture
def authority(tmp_path: Path, gone: set[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an authority of a VPN's people."""
    assert gone == set()
    monkeypatch.setattr(people.files, "set_mode", lambda *_: None)
    monkeypatch.setattr(people.files, "write", _written)
    folder = tmp_path / "pki"
    folder.mkdir()
    people.ensure(folder, {"site": "small", "crl_days": 6}, check=False)
    return folder


@pytest.fixture
def gateway(tmp_path: Path, authority: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a run of the gateway's program, which gets what the authority has."""
    for name, path in {"CONFIG": "crl.json", "HELD": "crl.pem", "NUMBERS": "revoked"}.items():
        monkeypatch.setattr(revoked, name, str(tmp_path / path))
    monkeypatch.setattr(revoked, "PEOPLE", str(authority / people.CERT))
    monkeypatch.setattr(revoked.files, "write", _written)
    monkeypatch.setattr(revoked, "_fetched", lambda _: (authority / people.LIST).read_text())
    monkeypatch.setattr(alarm, "ALARMS", tmp_path / "alarms")
    monkeypatch.setattr(alarm.syslog, "syslog", lambda *_: None)
    (tmp_path / "crl.json").write_text("{}")
    return lambda: revoked.main([])


def _written(path: str, data: bytes, **_: int) -> None:
    Path(path).write_bytes(data)


def issued(authority: Path, person: str, *, again: bool = False) -> str:
    """Have a certificate signed; return its number."""
    key = authority.parent / "key"
    key.write_text(x509.new_key())
    order = {"person": person, "csr": x509.request(str(key), "whoever"), "days": 90, "again": again}
    told = people.issue(authority, order, NOW)
    (authority.parent / "leaf").write_text(told["certificate"])
    return told["serial"]


def listed(authority: Path) -> crl.Crl:
    """Return the list as it was signed."""
    return crl.read((authority / people.LIST).read_text())


def test_a_certificate_is_of_the_person_whoever_the_request_names(authority: Path) -> None:
    """Of a client, signed by the people's authority, which is nobody else's."""
    issued(authority, "ann")
    leaf = str(authority.parent / "leaf")

    assert "CN = ann" in x509.openssl("x509", "-in", leaf, "-noout", "-subject", "-nameopt", "oneline")
    verify = ("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", str(authority / people.CERT), leaf)
    assert x509.openssl(*verify).endswith(": OK\n")
    with pytest.raises(X509Error):
        x509.openssl(*(word.replace("sslclient", "sslserver") for word in verify))


def test_one_profile_a_person_and_another_ends_the_first(authority: Path) -> None:
    """A second only where somebody approved it."""
    first = issued(authority, "ann")
    with pytest.raises(people.PeopleError, match=r"ann has a profile of 20.*another person approves a new one"):
        issued(authority, "ann")
    second = issued(authority, "ann", again=True)

    assert listed(authority).serials == {first}
    assert second not in listed(authority).serials


def test_who_left_gets_none_and_what_they_have_is_revoked_for_ever(authority: Path, gone: set[str]) -> None:
    """Hired again they come back with another certificate; the old one stays out."""
    old = issued(authority, "ann")
    kept = issued(authority, "bob")
    gone.add("ann")
    assert people.renew(authority, NOW)
    assert listed(authority).serials == {old}
    with pytest.raises(people.PeopleError, match="ann left"):
        issued(authority, "ann")
    gone.clear()
    new = issued(authority, "ann")

    assert listed(authority).serials == {old}
    assert {new, kept} & listed(authority).serials == set()


def test_what_has_ended_is_on_no_list_and_in_nobody_s_way(authority: Path, gone: set[str]) -> None:
    """A list would grow for ever, and the register with it."""
    issued(authority, "ann")
    gone.add("ann")
    assert people.renew(authority, NOW)
    for days in (91, 100):
        assert people.renew(authority, NOW + timedelta(days=days))
    assert listed(authority).serials == set()
    assert len((authority / people.REVOKED).read_text().splitlines()) == 1

    gone.clear()
    key = authority.parent / "key"
    order = {"person": "ann", "csr": x509.request(str(key), "ann"), "days": 90, "again": False}
    assert people.issue(authority, order, NOW + timedelta(days=101))["serial"]


def test_a_list_is_signed_anew_at_a_third_of_its_life(authority: Path) -> None:
    """With a higher number; before that the old one stands."""
    first = listed(authority)
    assert first.ends - first.issued == LIFE
    assert not people.renew(authority, NOW + timedelta(days=1, hours=23))
    assert people.renew(authority, NOW + timedelta(days=2, hours=1))

    assert listed(authority).number > first.number


def test_the_gateway_refuses_what_is_listed_and_keeps_it_so(authority: Path, gateway: Callable[[], int]) -> None:
    """One file a number, as OpenVPN looks for it; none of them ever goes."""
    first = issued(authority, "ann")
    issued(authority, "ann", again=True)
    assert gateway() == 0

    assert [path.name for path in Path(revoked.NUMBERS).iterdir()] == [str(int(first, 16))]
    (authority / people.REVOKED).unlink()
    assert people.renew(authority, NOW + timedelta(minutes=1))
    assert gateway() == 0
    assert Path(revoked.NUMBERS, str(int(first, 16))).is_file()


def test_a_list_that_is_old_or_a_stranger_s_is_not_taken(authority: Path, gateway: Callable[[], int]) -> None:
    """What is held stays in force."""
    old = (authority / people.LIST).read_text()
    assert people.renew(authority, NOW + timedelta(days=3))
    assert gateway() == 0
    held = Path(revoked.HELD).read_text()
    (authority / people.LIST).write_text(old)
    assert gateway() == 1
    strange = authority.parent / "strange"
    strange.mkdir()
    people.ensure(strange, {"site": "other", "crl_days": 6}, check=False)
    (authority / people.LIST).write_text((strange / people.LIST).read_text())
    assert gateway() == 1

    assert Path(revoked.HELD).read_text() == held


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(days=3, hours=23), ""),
        (timedelta(days=4), "two thirds of its life are over and no new one came"),
        (timedelta(days=7), "it ended"),
    ],
)
def test_at_two_thirds_it_is_an_alarm(age: timedelta, said: str) -> None:
    """And at its end, in other words."""
    seen = crl.Crl(number=1, issued=NOW, ends=NOW + LIFE, serials=frozenset())

    assert said in revoked.overdue(seen, NOW + age)
    assert bool(revoked.overdue(seen, NOW + age)) == bool(said)


def test_an_authority_that_is_away_is_an_alarm_in_time_and_no_sooner(
    authority: Path, gateway: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that is fresh waits for it."""
    assert gateway() == 0
    monkeypatch.setattr(revoked, "_fetched", _away)
    assert gateway() == 1
    assert not (alarm.ALARMS / "vpn-crl.json").exists()

    by = (str(authority / people.CERT), str(authority / people.KEY))
    Path(revoked.HELD).write_text(crl.sign([], 7, (NOW - timedelta(days=9), LIFE), by))
    assert gateway() == 1
    said = json.loads((alarm.ALARMS / "vpn-crl.json").read_text())["what"]
    assert "it ended" in said
    assert "nobody is there" in said


def _away(_: object) -> str:
    raise OSError("nobody is there")


def test_openssl_itself_takes_the_list(authority: Path) -> None:
    """Our own reading of it is not the judge."""
    issued(authority, "ann")
    leaf, cert = authority.parent / "leaf", authority / people.CERT
    check = [
        "openssl",
        "verify",
        "-crl_check",
        "-CAfile",
        str(cert),
        "-CRLfile",
        str(authority / people.LIST),
        str(leaf),
    ]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    before = leaf.read_text()
    issued(authority, "ann", again=True)
    leaf.write_text(before)

    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (done.returncode, "certificate revoked" in done.stderr) == (2, True)
