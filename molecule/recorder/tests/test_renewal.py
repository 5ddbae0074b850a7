"""A leaf near its end is renewed by its own host, with no controller, and by nobody who is not that host."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from testinfra.host import Host

from .conftest import FAILED, KEEPS, SENDS, Desk, converge, eventually, recordings
from .test_certificates import LEAF, PKI

ALARM = "/var/lib/haechi/alarms/renewal-recorder.json"
WEB = "/etc/haechi/x509/web"
PACKAGE = "ansible_collections.haechi.guard.plugins.module_utils"
PAIR = f'test "$(openssl x509 -in {LEAF}.pem -noout -pubkey)" = "$(openssl pkey -in {LEAF}.key -pubout)"'
# What a thief would run: the host's own program, with another key, name or certificate.
ASK = f"""
import sys, datetime, json
sys.path.insert(0, "/usr/lib/haechi/renew.pyz")
from {PACKAGE}.pki import x509
from {PACKAGE}.renewal import request, run
open("/run/asked.key", "w").write(x509.new_key())
now, config = datetime.datetime.now(datetime.timezone.utc), json.load(open(run.CONFIG))
for leaf, key, subject in json.loads(sys.argv[1]):
    csr = x509.request("/run/asked.key", subject)
    sent = request.build(name="recorder", csr=csr, leaf=open(leaf).read(), key=key, at=now)
    print(run.ask(config["address"], config["port"], sent).decode().strip())
"""


def serial(host: Host) -> str:
    """Return the serial number of a host's leaf."""
    return host.check_output(f"openssl x509 -in {LEAF}.pem -noout -serial")


def aged(host: Host, log_host: Host, path: str, left: timedelta) -> None:
    """Put a leaf like the present one, from 80 days ago and signed by the authority's own key, at a path."""
    said = host.check_output(f"openssl x509 -in {LEAF}.pem -noout -ext subjectAltName,extendedKeyUsage")
    names = [f"DNS:{name}" for name in re.findall(r"DNS:([^\s,]+)", said)]
    names += [f"IP:{address}" for address in re.findall(r"IP Address:([^\s,]+)", said)]
    use = "serverAuth" if "Server" in said else "clientAuth"
    csr = host.check_output(f"openssl req -new -key {LEAF}.key -subj /CN=x")
    begins, ends = (f"{datetime.now(UTC) + off:%Y%m%d%H%M%SZ}" for off in (timedelta(days=-80), left))
    signed = log_host.check_output(
        "cd /run && printf %%s %s > aged.csr && printf %%b %s > aged.ext"
        f" && openssl x509 -req -in aged.csr -subj /CN=x -not_before {begins} -not_after {ends} -sha256"
        f" -CA {PKI}/x509_issuing.pem -CAkey {PKI}/x509_issuing.key -extfile aged.ext 2>/dev/null"
        f" && cat {PKI}/x509_issuing.pem",
        csr + "\n",
        f"subjectAltName={','.join(names)}\\nextendedKeyUsage={use}\\nbasicConstraints=critical,CA:FALSE\\n"
        "subjectKeyIdentifier=hash\\nauthorityKeyIdentifier=keyid\\n",
    )
    host.check_output("printf %%s %s > %s", signed + "\n", path)


def test_a_leaf_near_its_end_is_renewed_by_its_own_host(host: Host, desk: Desk, log_host: Host) -> None:
    """The authority away: the old pair stays and an alarm stands. It is back: a new key, and recordings arrive."""
    aged(host, log_host, f"{LEAF}.pem", timedelta(days=20))
    old, key = serial(host), host.check_output(f"sha256sum {LEAF}.key")
    log_host.check_output("systemctl stop haechi-renew-serve.socket")
    try:
        assert host.run("systemctl start haechi-renew.service").rc == 1
        assert (serial(host), host.check_output(f"sha256sum {LEAF}.key")) == (old, key)
        assert "is not renewed" in json.loads(host.file(ALARM).content_string)["what"]
        asked = host.check_output(f"openssl pkey -in {LEAF}.next -pubout")
    finally:
        log_host.check_output("systemctl start haechi-renew-serve.socket")

    host.check_output("systemctl start haechi-renew.service")
    assert serial(host) != old
    assert host.check_output(f"openssl x509 -in {LEAF}.pem -noout -pubkey") == asked
    assert host.run(PAIR).rc == 0
    assert host.check_output(f"openssl verify -CAfile /etc/haechi/x509/root.pem -untrusted {LEAF}.pem {LEAF}.pem")
    assert host.run(f"test -e {ALARM} || test -e {LEAF}.next").rc == 1
    assert (host.file(f"{LEAF}.key").mode, host.file(f"{LEAF}.key").user) == (0o600, "root")
    before = set(recordings(log_host, desk.name))
    assert desk.ssh("ann", f"sudo -n {FAILED}").returncode == 0
    assert eventually(lambda: set(recordings(log_host, desk.name)) > before)
    if desk.name == KEEPS:
        address = host.check_output("ss -Hltn 'sport = :30344' | awk '{print $4}'")
        shown = host.check_output(f"openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -serial")
        assert serial(host) in shown


def test_a_swap_that_a_crash_interrupted_is_finished(host: Host) -> None:
    """Key and certificate lie together in one file until both are in place; at boot it comes before the network."""
    host.check_output(f"cat {LEAF}.key {LEAF}.pem > {LEAF}.next && openssl ecparam -genkey -name P-256 -out {LEAF}.key")
    assert host.run(PAIR).rc == 1

    host.check_output("systemctl start haechi-renew-finish.service")
    assert host.run(PAIR).rc == 0
    assert not host.file(f"{LEAF}.next").exists
    shown = host.check_output(
        "systemctl show haechi-renew-finish.service haechi-renew.timer -p UnitFileState,ActiveState"
    )
    assert shown.split() == [
        "ActiveState=inactive",
        "UnitFileState=enabled",
        "ActiveState=active",
        "UnitFileState=enabled",
    ]


def test_nobody_else_is_given_one(host: Host, desk: Desk, log_host: Host) -> None:
    """A leaf that has ended, one of a stranger, another's name, a leaf whose key he has not: refused, and logged."""
    if desk.name != "bookworm":
        pytest.skip("the authority's host judges, and one asks it")
    aged(host, log_host, "/run/ended.pem", timedelta(days=-1))
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /run/foreign.key"
    host.check_output(f"openssl req -new -x509 {key} -subj /CN={desk.name} -days 9 -out /run/foreign.pem")
    asked = [
        ("/run/ended.pem", f"{LEAF}.key", desk.name),
        ("/run/foreign.pem", "/run/foreign.key", desk.name),
        (f"{LEAF}.pem", f"{LEAF}.key", KEEPS),
        (f"{LEAF}.pem", "/run/foreign.key", desk.name),
    ]
    told = [json.loads(line) for line in host.check_output("python3 -I -c %s %s", ASK, json.dumps(asked)).splitlines()]

    said = [row.pop("refused") for row in told]
    assert told == [{}] * 4
    assert said[:2] == ["certificate has expired", "self-signed certificate"]
    assert f"asks in the name of CN={KEEPS}" in said[2]
    logged = log_host.check_output("journalctl --sync && journalctl -o cat -n 9 -t haechi-renewal --since -30s")
    assert [text in logged for text in said] == [True] * 4


def test_a_run_of_the_role_renews_with_a_new_key_too(over_ssh: Callable[[str], Host], log_host: Host) -> None:
    """Where no timer did: on every machine another key and its certificate, and what signs stays where it is."""
    machines = {name: over_ssh(name) for name in (KEEPS, *SENDS)}
    keys = {name: machine.check_output(f"sha256sum {LEAF}.key") for name, machine in machines.items()}
    for machine in machines.values():
        aged(machine, log_host, f"{LEAF}.pem", timedelta(days=20))

    again = converge()
    assert again.returncode == 0, again.stdout
    for name, machine in machines.items():
        assert machine.check_output(f"sha256sum {LEAF}.key") != keys[name]
        assert machine.run(PAIR).rc == 0
        assert machine.run(f"test -e {LEAF}.next").rc == 1
        assert (machine.file(f"{LEAF}.key").mode, machine.file(f"{LEAF}.key").user) == (0o600, "root")


@pytest.fixture
def web(over_ssh: Callable[[str], Host]) -> Iterator[Host]:
    """Return the machine with a certificate of a service's own, and that service: it writes down that it reloads."""
    machine = over_ssh("bookworm")
    unit = (
        "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecReload=/usr/bin/touch /run/reloaded\n"
    )
    machine.check_output("printf %%s %s > /run/systemd/system/haechi-web.service", unit)
    machine.check_output("systemctl daemon-reload && systemctl start haechi-web && rm -f /run/reloaded")
    yield machine
    machine.run("systemctl stop haechi-web; rm -f /run/systemd/system/haechi-web.service /run/reloaded")


def test_a_service_takes_the_certificate_that_a_run_of_the_role_brings(web: Host) -> None:
    """Its own user alone reads the key, and it is told."""
    web.check_output(f"rm {WEB}.pem")

    again = converge()
    assert again.returncode == 0, again.stdout
    key = web.file(f"{WEB}.key")
    assert (key.mode, key.user) == (0o600, "www-data")
    assert "DNS:web.example.test" in web.check_output(f"openssl x509 -in {WEB}.pem -noout -ext subjectAltName")
    assert web.file("/run/reloaded").exists


def test_a_run_of_the_role_finds_nothing_to_do(desk: Desk) -> None:
    """What the host renewed is what policy says."""
    if desk.name != KEEPS:
        pytest.skip("one run is about all three")
    again = converge()

    assert again.returncode == 0, again.stdout
    counts = re.findall(r"(?m)^(\S+) +: ok=\d+ +changed=(\d+)", again.stdout)
    assert sorted(counts) == [("bookworm", "0"), ("gw", "0"), ("trixie", "0")], again.stdout
