"""The receiver in front: it hears over TLS 1.3, forgets nothing, and whoever takes it over reaches nothing."""

from __future__ import annotations

import json
import shlex
import time

import pytest

PERSON = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "nobody-yet", "active": True}
# What this host itself reaches, whatever the site's firewall: its own sshd, and the recorder of the log host.
NEAR = (("10.78.30.11", 22), ("127.0.0.1", 22), ("10.78.40.11", 30344))
# The sshd of every other managed host.
FAR = (("10.78.40.2", 22), ("10.78.40.11", 22), ("10.78.40.12", 22))
KNOCK = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=4).close()
    print("open")
except OSError as error:
    print(type(error).__name__)
"""
COUNT = """
import sqlite3
print(sqlite3.connect("/var/lib/haechi-receive/inbox.sqlite").execute("select count(*) from inbox").fetchone()[0])
"""
STRANGER = "not-the-token"


def taken_over(host, *command):
    """Run a command as whoever has taken the receiver over."""
    return host.run(f"runuser -u haechi-receive -- {shlex.join(command)}")


def kept(host):
    return int(host.check_output(f"python3 -c {shlex.quote(COUNT)}"))


def test_the_outside_is_heard_over_tls_1_3(outside):
    answer = outside.asks("GET", "/health")
    assert (answer.status, answer.tls) == (200, "TLSv1.3")


def test_an_older_tls_is_refused(outside):
    assert outside.asks("GET", "/health", newest="TLSv1_2").status == 0


def test_a_stranger_is_refused_and_nothing_is_kept(outside, host):
    before = kept(host)
    answer = outside.asks("POST", "/scim/idp/v2/Users", PERSON, token=STRANGER)
    assert answer.status == 401
    assert kept(host) == before


def test_what_is_accepted_is_kept_also_when_the_receiver_is_killed_right_after(outside, host):
    before = kept(host)
    name = f"p{int(time.time())}"
    assert outside.asks("POST", "/scim/idp/v2/Users", {**PERSON, "userName": name}).status == 201
    host.check_output("systemctl kill --signal=KILL haechi-receive.service")
    assert kept(host) == before + 1


def test_whoever_comes_while_it_starts_anew_waits_and_is_heard(outside, host):
    host.check_output("systemctl restart --no-block haechi-receive.service")
    assert outside.asks("GET", "/health").status == 200


@pytest.mark.parametrize(("address", "port"), NEAR)
def test_whoever_takes_it_over_reaches_nothing_that_the_host_reaches(host, address, port):
    assert host.check_output(f"python3 -c {shlex.quote(KNOCK)} {address} {port}") == "open"
    assert taken_over(host, "python3", "-c", KNOCK, address, str(port)).stdout.strip() not in {"open", "TimeoutError"}


@pytest.mark.parametrize(("address", "port"), FAR)
def test_whoever_takes_it_over_reaches_no_host(host, address, port):
    assert taken_over(host, "python3", "-c", KNOCK, address, str(port)).stdout.strip() not in {"open", "TimeoutError"}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/haechi-receive/secrets/payroll",
        "/etc/haechi/x509/hr-receiver.key",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/shadow",
    ],
)
def test_whoever_takes_it_over_reads_no_secret_of_the_host(host, path):
    assert host.run(f"test -e {path}").rc == 0
    assert taken_over(host, "cat", path).rc != 0


def test_whoever_takes_it_over_has_no_key_and_no_sudo(host):
    assert taken_over(host, "sudo", "-n", "true").rc != 0
    found = host.check_output("find / -xdev -user haechi-receive -not -path '/proc/*' -not -path '/run/*'").split()
    assert all(path.startswith("/var/lib/haechi-receive") for path in found)
    assert not taken_over(host, "sh", "-c", "ls ~/.ssh/id_* 2>/dev/null").stdout


def test_no_secret_is_in_its_log(outside, host):
    outside.asks("GET", "/scim/idp/v2/Users?filter=userName%20eq%20%22no-such-person%22")
    host.check_output("journalctl --sync")
    said = host.check_output("journalctl --no-pager -o cat -u haechi-receive.service")
    assert "GET /scim/idp/v2/Users 200" in said
    assert outside.token not in said
    assert "no-such-person" not in said


def test_its_settings_are_root_s_and_hold_no_secret(host, outside):
    settings = host.file("/etc/haechi-receive/config.json")
    assert (settings.user, settings.mode) == ("root", 0o644)
    assert outside.token not in settings.content_string
    assert [source["name"] for source in json.loads(settings.content_string)["sources"]] == ["idp", "payroll"]


def test_the_wall_is_there_before_the_receiver_after_a_start(host):
    host.check_output("systemctl restart haechi-receive-wall.service haechi-receive.service")
    order = "ActiveEnterTimestampMonotonic"
    wall, receiver = (
        int(host.check_output(f"systemctl show -P {order} haechi-receive{name}.service")) for name in ("-wall", "")
    )
    assert 0 < wall <= receiver
