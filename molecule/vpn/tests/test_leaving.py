"""How it ends: a leaver's tunnel and no other, an overdue list, the end of a session; and what does not end it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from siege import Row, record
from testinfra.host import Host

from .conftest import BIN, INVENTORY, REFUSED, SETTINGS, Outside, run

TRIXIE, PKI = "10.78.40.11", "/etc/haechi/pki"
HELD, ALARM = "/etc/haechi/vpn/crl.pem", "/var/lib/haechi/alarms/vpn-crl.json"


@pytest.fixture
def own_state(tmp_path: Path, over_ssh: Callable[[str], Host]) -> Iterator[dict[str, str]]:
    """Return a copy of the state, so that a leaver of the test is remembered nowhere else; then all come back."""
    line = next(li for li in (INVENTORY / ".ssh_config").read_text().splitlines() if "UserKnownHostsFile" in li)
    state = Path(line.split(maxsplit=1)[1].strip('"')).parent
    own = tmp_path / "state" / state.name
    for name in ("pki", "hr"):
        shutil.copytree(state / name, own / name)
    for path in (state / name for name in ("tombstone_key", "tombstone_key.pub", "allowed_signers", "known_hosts")):
        shutil.copy(path, own)
    yield {"HAECHI_STATE_DIR": str(tmp_path / "state")}
    # A look that finds no list keeps people out, which the role ends: the test after this one has somebody come in.
    for name in ("trixie", "gw", "data1"):
        over_ssh(name).check_output("rm -rf /var/lib/haechi/list; systemctl start haechi-list.service || true")
    again = run(str(BIN / "ansible-playbook"), "-i", str(INVENTORY), "molecule/vpn/converge.yml")
    assert again.returncode == 0, again.stdout


@pytest.fixture
def short(outside: Outside) -> Iterator[Callable[[str, int], None]]:
    """Let a test shorten what policy says of sessions, on the gateway alone."""
    before = outside.gateway.check_output("cat %s", SETTINGS)

    def put(word: str, seconds: int) -> None:
        text = json.dumps({**json.loads(before), word: seconds})
        outside.gateway.check_output("printf %%s %s > %s", text, SETTINGS)

    yield put
    outside.gateway.check_output("printf '%%s\\n' %s > %s", before, SETTINGS)


def test_a_session_goes_on_without_another_code_and_ends_after_its_time(
    outside: Outside, short: Callable[[str, int], None]
) -> None:
    """Renegotiated twice by a token; then it is over, and the token opens nothing."""
    short("session_s", 9)
    client = outside.connected("carol", "--reneg-sec", "3", "--auth-retry", "interact")
    begun = time.monotonic()
    assert client.until("TLS: soft reset", seconds=10)
    assert client.until("Control Channel: TLSv1.3", REFUSED, seconds=10) == "Control Channel: TLSv1.3"
    assert outside.tunnels() == ["carol"]

    while outside.tunnels() and time.monotonic() - begun < 30:
        time.sleep(0.5)
    assert time.monotonic() - begun > 7
    assert outside.tunnels() == []


def test_a_tunnel_without_traffic_ends(outside: Outside, short: Callable[[str, int], None]) -> None:
    """What keeps the connection alive is no traffic."""
    short("idle_s", 3)
    outside.connected("carol")
    assert outside.tunnels() == ["carol"]
    until = time.monotonic() + 15
    while outside.tunnels() and time.monotonic() < until:
        time.sleep(0.5)

    assert outside.tunnels() == []


def test_an_overdue_list_is_an_alarm_and_cuts_nobody_off_but_whom_it_names(
    outside: Outside, over_ssh: Callable[[str], Host]
) -> None:
    """Ann's certificate is on it and Carol's is not. The authority is away, as it must be for a list to grow old."""
    authority = over_ssh("trixie")
    serial = json.loads(authority.check_output(f"grep ann {PKI}/issued-vpn.jsonl | tail -1"))
    row = json.dumps({**serial, "why": "replaced"})
    authority.check_output(f"printf '%%s\\n' %s > {PKI}/revoked-vpn.jsonl", row)
    authority.check_output("systemctl start haechi-vpn-crl-sign.service")
    outside.gateway.check_output("systemctl restart haechi-vpn-crl.service")
    assert outside.gateway.run("test -e %s", ALARM).rc == 1
    try:
        authority.check_output("systemctl stop haechi-vpn-crl-serve.socket")
        old = authority.check_output(
            "python3 -I -c %s",
            "import sys, datetime as d; sys.path.insert(0, '/usr/lib/haechi/vpn-crl-sign.pyz')\n"
            "from ansible_collections.haechi.guard.plugins.module_utils.pki import crl, people\n"
            "now = d.datetime.now(d.timezone.utc); rows = people._revoked(people.FOLDER, now).values()\n"
            "by = tuple(str(people.FOLDER / n) for n in (people.CERT, people.KEY))\n"
            "print(crl.sign(rows, 1 << 40, (now - d.timedelta(days=9), d.timedelta(days=6)), by))",
        )
        outside.gateway.check_output("cp -p %s /run/crl.pem; printf '%%s\\n' %s > %s", HELD, old, HELD)
        assert outside.gateway.run("systemctl restart haechi-vpn-crl.service").rc != 0

        assert "it ended" in json.loads(outside.gateway.check_output("cat %s", ALARM))["what"]
        assert outside.hung_up_on("ann")
        assert outside.connected("carol").greets("10.78.30.11")
    finally:
        authority.check_output(f"rm {PKI}/revoked-vpn.jsonl; systemctl start haechi-vpn-crl-serve.socket")
        authority.check_output("systemctl start haechi-vpn-crl-sign.service")
        outside.gateway.check_output("cp -p /run/crl.pem %s; rm -f /etc/haechi/vpn/revoked/*", HELD)
        outside.gateway.check_output("systemctl restart haechi-vpn-crl.service")
    assert outside.gateway.run("test -e %s", ALARM).rc == 1
    assert outside.connected("ann").greets(TRIXIE)


def test_a_leaver_is_cut_off_and_stays_out_and_a_colleague_goes_on(
    outside: Outside, own_state: dict[str, str], over_ssh: Callable[[str], Host]
) -> None:
    """The offboarding of every day; nothing else is told to the VPN."""
    leaver, colleague = outside.connected("bob", "--auth-retry", "interact"), outside.connected("ann")
    assert leaver.greets(TRIXIE)
    assert colleague.greets(TRIXIE)
    since = outside.moment()
    playbook = (str(BIN / "ansible-playbook"), "-i", str(INVENTORY), "playbooks/offboard.yml")
    seen = run(*playbook, "-e", "person=bob", "--limit", "gw,trixie", "--check", **own_state)
    assert "tunnel 10.78.96." in seen.stdout, seen.stdout

    done = run(*playbook, "-e", "person=bob", "--limit", "gw,trixie", **own_state)
    assert outside.tunnels() == ["ann"], done.stdout
    assert not leaver.greets(TRIXIE)
    assert colleague.greets(TRIXIE)
    outside.until_told(since, "disconnected", 'person="bob"')
    assert outside.gateway.run("test -e /var/lib/haechi/vpn-mfa/bob").rc == 1

    # With a good code even: it is the list that keeps him out.
    assert outside.hung_up_on("bob")
    outside.until_told(since, "refused", 'person="bob"', 'from="10.78.0.11:', "they left")
    record(Row("VPN: a leaver comes back", blocked=True, seen="journal of the VPN"))
    # The authority signs as soon as it holds the new list of who left, by itself.
    authority = over_ssh("trixie")
    number = json.loads(authority.check_output(f"grep bob {PKI}/issued-vpn.jsonl | tail -1"))["serial"]
    until = time.monotonic() + 20
    while number not in authority.check_output(f"openssl crl -in {PKI}/vpn_people.crl -noout -text"):
        assert time.monotonic() < until
        time.sleep(0.5)
    outside.gateway.check_output("systemctl restart haechi-vpn-crl.service")
    assert outside.gateway.file(f"/etc/haechi/vpn/revoked/{int(number, 16)}").exists
    assert outside.tunnels() == ["ann"]
    assert colleague.greets(TRIXIE)


def test_a_configuration_that_openvpn_does_not_take_leaves_the_running_one(outside: Outside, tmp_path: Path) -> None:
    """What a person edited is put right, what cannot run is refused, and a tunnel goes on through both."""
    client = outside.connected("ann")
    play = tmp_path / "play.yml"
    play.write_text(
        "- hosts: gw\n  gather_facts: false\n  tasks:\n    - haechi.guard.policy:\n      run_once: true\n"
        "    - haechi.guard.desired:\n    - haechi.guard.vpn:\n        desired: >-\n"
        "          {{ haechi_desired.gw.vpn | combine({'configurations': {'udp': bad, 'tcp':"
        " haechi_desired.gw.vpn.configurations.tcp}}) }}\n      vars:\n"
        '        bad: "{{ haechi_desired.gw.vpn.configurations.udp }}tls-version-min 9.9\\n"\n'
    )
    done = run(str(BIN / "ansible-playbook"), "-i", str(INVENTORY), str(play))

    assert done.returncode != 0
    assert "OpenVPN does not take /etc/haechi/vpn/udp.conf, so what runs was left alone" in done.stdout
    assert outside.tunnels() == ["ann"]
    assert client.greets(TRIXIE)
