"""What a certificate opens, and what it does not."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

from .conftest import Desk, run, words

KEYS = "/etc/haechi/pki"


@pytest.mark.parametrize("person", ["ann", "bob"])
def test_a_certificate_opens_the_account_of_its_person(desk: Desk, person: str) -> None:
    """The positive control of every refusal below: an operator's job reaches both machines."""
    seen = desk.own(person)

    assert (seen.returncode, seen.stdout) == (0, f"{person}\n"), seen.stderr


@pytest.mark.parametrize("account", ["bob", "haechi", "root"])
def test_it_opens_nobody_else_s_account(desk: Desk, account: str) -> None:
    """Ann and Bob have the same job, and still each their own account."""
    seen = desk.login(account, desk.certificates["ann"], "ann")

    assert (seen.returncode, "Permission denied (publickey)" in seen.stderr) == (255, True)


@pytest.mark.parametrize(("machine", "code"), [("trixie", 0), ("bookworm", 255)])
def test_it_opens_only_where_the_job_reaches(desk: Desk, machine: str, code: int) -> None:
    """Carol's is as valid on bookworm as on trixie, and her job has no business there."""
    assert desk.own("carol", machine).returncode == code


def test_it_needs_its_own_key(desk: Desk) -> None:
    """Somebody else's certificate is no secret, and opens nothing without the key that it names."""
    assert desk.login("ann", desk.certificates["ann"], "bob").returncode == 255


def test_the_log_names_person_and_number(host: Host, desk: Desk) -> None:
    """The Key ID is the person's id and nothing else, so that one line of the list revokes all of theirs."""
    assert desk.own("ann").returncode == 0
    told = host.check_output("journalctl --sync && journalctl -t sshd -t sshd-session -o cat --since -60s")
    lines = told.splitlines()

    assert [line for line in lines if "Accepted publickey for ann" in line and " ID ann (serial " in line]


@pytest.mark.parametrize(("span", "code"), [("-10m:+10m", 0), ("-2h:-1h", 255), ("+1h:+2h", 255)])
def test_its_time_counts(host: Host, desk: Desk, span: str, code: int) -> None:
    """The same authority, key and person: only the hours differ."""
    if desk.name != "trixie":
        pytest.skip("the authority's key lies on trixie")
    host.check_output("rm -rf /run/signed && install -d -m 700 /run/signed")
    host.check_output("echo %s > /run/signed/k.pub", (desk.keys / "ann.pub").read_text().strip())
    host.check_output(f"ssh-keygen -q -s {KEYS}/ssh_user_ca -I ann -n operator:ann -V {span} /run/signed/k.pub")
    made = desk.folder / "k-cert.pub"
    made.write_text(host.file("/run/signed/k-cert.pub").content_string)

    assert desk.login("ann", made, "ann").returncode == code


def test_a_stranger_s_authority_signs_nothing(desk: Desk) -> None:
    """The right name, the right principal, the wrong signature."""
    run("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", desk.folder / "ca")
    (desk.folder / "k.pub").write_text((desk.keys / "ann.pub").read_text())
    signed = ("-s", desk.folder / "ca", "-I", "ann", "-n", "operator:ann", "-V", "+1h", desk.folder / "k.pub")
    assert run("/usr/bin/ssh-keygen", "-q", *signed).returncode == 0

    assert desk.login("ann", desk.folder / "k-cert.pub", "ann").returncode == 255


def test_a_host_is_known_by_its_certificate(desk: Desk) -> None:
    """A client that never saw the host and knows one line goes in; one that knows another authority goes no further."""
    known = desk.folder / "known_hosts"
    options = ("-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes")
    for name, code in (("ssh_host_ca.pub", 0), ("ssh_user_ca.pub", 255)):
        known.write_text(f"@cert-authority * {(desk.state / 'pki' / name).read_text()}")
        seen = desk.login("ann", desk.certificates["ann"], "ann", *options)
        assert seen.returncode == code, seen.stderr
    assert "Host key verification failed" in seen.stderr


def test_the_keys_that_sign_are_root_s_alone(host: Host, desk: Desk) -> None:
    """They lie on one host, and everything issued is written down there, in order."""
    if desk.name == "bookworm":
        assert not host.file(KEYS).exists
        return
    for path, mode in ((KEYS, 0o700), (f"{KEYS}/ssh_user_ca", 0o600), (f"{KEYS}/ssh_host_ca", 0o600)):
        seen = host.file(path)
        assert (seen.mode, seen.user, seen.group) == (mode, "root", "root"), path
    rows = [json.loads(line) for line in host.check_output(f"cat {KEYS}/issued.jsonl").splitlines()]
    assert [row["serial"] for row in rows] == list(range(1, len(rows) + 1))
    assert {"ann", "bob", "carol"} <= {row["person"] for row in rows}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        pytest.param(("dan",), "dan is not active: nobody who left gets a certificate", id="a-leaver"),
        pytest.param(("ann", "", "bob"), "this key is not one of ann's in policy", id="another-s-key"),
        pytest.param(("ann", "--job=auditor"), "ann has no job auditor with a login", id="another-job"),
        pytest.param(("ann", "--minutes=721"), "721 minutes: policy gives between 1 and 720", id="too-long"),
        pytest.param(("haechi",), "haechi is automation", id="the-automation"),
        pytest.param(("nemo", "", "ann"), "no identity has the id 'nemo'", id="nobody"),
    ],
)
def test_what_is_not_issued(desk: Desk, asked: tuple[str, ...], why: str) -> None:
    """Each with the one reason, and nothing written."""
    if desk.name != "trixie":
        pytest.skip("one authority is asked, for all machines")
    person, more, key = (*asked, "", "")[:3]
    done, out = desk.issue(person, *filter(None, [more]), key=key)

    assert done.returncode != 0
    assert why in words(done)
    assert not out.exists()
