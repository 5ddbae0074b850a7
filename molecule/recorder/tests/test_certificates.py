"""X.509: the root is not there, the issuing key is root's alone, and a leaf's key never left its host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from testinfra.host import Host

from .conftest import INVENTORY, KEEPS, SENDS, Desk, converge, watched

LEAF = "/etc/haechi/x509/recorder"
PKI = "/etc/haechi/pki"


def state() -> Path:
    """Return the state folder of the control node."""
    line = next(li for li in (INVENTORY / ".ssh_config").read_text().splitlines() if "UserKnownHostsFile" in li)
    return Path(line.split(maxsplit=1)[1].strip('"')).parent


def test_the_root_signed_once_and_is_not_on_the_authority(host: Host, desk: Desk) -> None:
    """Its public key is of no private key on the host that signs; what was handed out is sealed."""
    if desk.name != KEEPS:
        assert not host.file(f"{PKI}/x509_issuing.key").exists
        return
    root = host.check_output(f"openssl x509 -in {PKI}/x509_root.pem -noout -pubkey")
    # A whole line: the descriptions of Debian's packages speak of keys too, and openssl reads those for minutes.
    line = "^-----BEGIN ([A-Z]+ )*PRIVATE KEY-----$"
    keys = host.check_output("grep -rlIE %s /etc /root /var/lib /tmp /run 2>/dev/null || true", line).split()
    assert f"{PKI}/x509_issuing.key" in keys
    assert root not in [host.run("openssl pkey -in %s -pubout -passin pass:", path).stdout for path in keys]
    issuing = host.file(f"{PKI}/x509_issuing.key")
    assert (issuing.mode, issuing.user, issuing.group) == (0o600, "root", "root")
    assert "pathlen:0" in host.check_output(f"openssl x509 -in {PKI}/x509_issuing.pem -noout -text")
    sealed = state() / "offline/x509_root.p12"
    assert (sealed.stat().st_mode & 0o777, b"PRIVATE" in sealed.read_bytes()) == (0o600, False)


def test_a_leaf_is_of_this_host_and_its_key_is_root_s_alone(host: Host, desk: Desk) -> None:
    """Names as policy has them, signed by the issuing authority, whose chain leads to the root."""
    said = host.check_output(f"openssl x509 -in {LEAF}.pem -noout -ext subjectAltName,extendedKeyUsage")

    assert f"DNS:{desk.name}" in said
    assert ("Server" if desk.name == KEEPS else "Client") in said
    verify = f"openssl verify -CAfile /etc/haechi/x509/root.pem -untrusted {LEAF}.pem {LEAF}.pem"
    assert host.check_output(verify).endswith(": OK")
    key = host.file(f"{LEAF}.key")
    assert (key.mode, key.user) == (0o600, "root")


@pytest.mark.parametrize("damage", ["rm -f {0}.pem", "rm -f {0}.key", "echo x > {0}.pem"])
def test_a_lost_or_damaged_leaf_is_made_again(over_ssh: Callable[[str], Host], damage: str) -> None:
    """By the next run, on every machine."""
    machines = {name: over_ssh(name) for name in (KEEPS, *SENDS)}
    for machine in machines.values():
        machine.check_output(damage.format(LEAF))

    again = converge()
    assert again.returncode == 0, again.stdout
    test = f'test "$(openssl x509 -in {LEAF}.pem -noout -pubkey)" = "$(openssl pkey -in {LEAF}.key -pubout)"'
    assert {name: machine.run(test).rc for name, machine in machines.items()} == dict.fromkeys(machines, 0)


def test_a_stranger_sends_the_log_host_nothing(desk: Desk, log_host: Host, over_ssh: Callable[[str], Host]) -> None:
    """Without a certificate of the site's the handshake fails, so nobody who reaches the port can write there."""
    if desk.name == KEEPS:
        pytest.skip("the log host does not connect to itself")
    address = log_host.check_output("ss -Hltn 'sport = :30344' | awk '{print $4}'")
    other = over_ssh(desk.name)
    ca = "-CAfile /etc/haechi/x509/root.pem -verify_return_error -tls1_3"
    own = other.run(
        f"sleep 2 | openssl s_client -connect {address} {ca} -cert {LEAF}.pem -cert_chain {LEAF}.pem -key {LEAF}.key"
    )
    none = other.run(f"sleep 2 | openssl s_client -connect {address} {ca}")

    assert "Verify return code: 0 (ok)" in own.stdout
    assert "certificate required" in none.stderr
    assert "certificate required" not in own.stderr


def test_a_certificate_that_is_none_is_an_alarm(host: Host) -> None:
    """The watch says so; that a quarter left means that nothing renews, unit tests show."""
    alarm = "/var/lib/haechi/alarms/certificate-recorder.json"
    host.check_output(f"cp {LEAF}.pem /run/kept.pem")
    short = f"openssl req -new -x509 -key {LEAF}.key -subj /CN=x -days 3 -out {LEAF}.pem"
    try:
        watched(host, short)
        assert not host.file(alarm).exists
        watched(host, f"echo none > {LEAF}.pem")
        assert "is no certificate" in host.file(alarm).content_string
    finally:
        watched(host, f"cp /run/kept.pem {LEAF}.pem")
    assert not host.file(alarm).exists
