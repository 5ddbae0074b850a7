"""How the outside gets in: customers by the edge to the eKYC service and its database, people by tunnels."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from haechi.demo.story import COLLEAGUE, LAPTOP
from haechi.demo.tunnels import Laptop
from haechi.lab import logs
from haechi.lab.seed import TUNNEL

from .conftest import INVENTORY, ROOT, Lab

ASK = (ROOT / "molecule/edge/fixture/ask.py").read_text()
CANARY = 1078001
NAME, SERVICE, VPN = "ekyc.example.test", "10.77.0.2", "10.77.0.3"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept": "*/*"}
ALWAYS_TRUE = "' or '1'='1"
INJECTED = f"/search?{urlencode({'name': ALWAYS_TRUE})}"
EVERYBODY = [["홍길동", "verified"], ["이하나", "pending"], ["김민호", "verified"]]
PHOTO = bytes(range(256)) * 400
# A packet that leaves by one interface and no other, whatever routes there are.
GREETING = """
import socket, sys
s = socket.socket()
s.settimeout(3)
if sys.argv[1]:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
try:
    s.connect((sys.argv[2], 22))
    print(s.recv(4).decode())
except OSError:
    print("none")
"""
SSHD = {
    "gw1": ("10.77.40.2", "10.77.0.2", "10.77.0.3", "10.77.96.1"),
    "edge1": ("10.77.10.11",),
    "edge2": ("10.77.10.12",),
    "app1": ("10.77.20.11",),
    "db1": ("10.77.30.11",),
    "ops1": ("10.77.40.11",),
    "log1": ("10.77.40.12",),
    "vault1": ("10.77.40.13",),
    "backup1": ("10.77.50.11",),
}


def ask(lab: Lab, machine: str, path: str, **more: Any) -> dict[str, Any]:
    """Make one request as a browser would."""
    row = {"path": path, **more, "headers": BROWSER | more.get("headers", {})}
    where = {"address": SERVICE, "port": 443, "name": NAME} | more.pop("where", {})
    asked = json.dumps({"do": "requests", "rows": [row], **where})
    done = lab.inside(machine, "python3", "-c", ASK, text=asked)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)[0]
    return answer


def greets(lab: Lab, machine: str, address: str, device: str = "") -> bool:
    """Return whether an sshd answers there."""
    return lab.inside(machine, "python3", "-c", GREETING, device, address).stdout == "SSH-\n"


@pytest.fixture(scope="module")
def customer(lab: Lab) -> str:
    """Return a machine outside that trusts the site's authority."""
    root = lab.inside("edge1", "cat", "/etc/haechi/x509/root.pem").stdout
    assert "BEGIN CERTIFICATE" in root
    put = lab.inside("client1", "sh", "-c", 'printf "%s" "$1" > /root/haechi-root.pem', "-", root)
    assert put.returncode == 0
    return "client1"


def test_a_customer_is_answered_from_the_database_over_tls(lab: Lab, customer: str) -> None:
    """Through gateway, edge and application to PostgreSQL, and TLS 1.3 with the site's certificate."""
    told = ask(lab, customer, f"/lookup?{urlencode({'name': '홍길동'})}")

    assert (told["status"], json.loads(told["body"])) == (200, [["홍길동", "verified"]])
    assert told["tls"][0] == "TLSv1.3"


def test_a_photo_arrives_whole_and_is_kept(lab: Lab, customer: str) -> None:
    """What was sent is what the database says that it has."""
    path, digest = f"/cards?{urlencode({'name': '이하나'})}", hashlib.sha256(PHOTO).hexdigest()
    sent = {"method": "POST", "body": base64.b64encode(PHOTO).decode(), "headers": {"Content-Type": "image/jpeg"}}

    assert ask(lab, customer, path, **sent)["status"] == 200
    assert [digest, len(PHOTO)] in json.loads(ask(lab, customer, path)["body"])


def test_an_injection_works_on_the_service_and_not_through_the_edge(lab: Lab, customer: str) -> None:
    """Asked on its own machine it gives everybody away: the attack is one, and somebody stopped it on the way."""
    plain = {"address": "10.77.20.11", "port": 8080, "plain": True}

    assert sorted(json.loads(ask(lab, "app1", INJECTED, where=plain)["body"])) == sorted(EVERYBODY)
    assert ask(lab, customer, INJECTED)["status"] == 403


def test_behind_the_edge_the_gateway_inspects_too(lab: Lab) -> None:
    """Who is on an edge is past the WAF; what Suricata knows is dropped on the way and told, and a lookup passes."""
    plain = {"address": "10.77.20.11", "port": 8080, "plain": True}
    attack = ask(lab, "edge1", INJECTED, where=plain, timeout=4)
    lookup = ask(lab, "edge1", f"/lookup?{urlencode({'name': '홍길동'})}", where=plain)

    assert (attack["status"], lookup["status"]) == (0, 200)
    told = [
        json.loads(line) for line in lab.inside("gw1", "cat", "/var/log/haechi-ids/closed.json").stdout.splitlines()
    ]
    dropped = {row["alert"]["signature_id"] for row in told if row.get("alert", {}).get("action") == "blocked"}
    assert 1078005 in dropped


def test_the_canary_of_each_suricata_arrives_on_the_log_host(lab: Lab) -> None:
    """Fired now, as a timer fires it twice a day: it comes over RELP and TLS, as whole JSON."""
    assert lab.inside("log1", "truncate", "--size", "0", logs.KEPT).returncode == 0
    assert lab.inside("gw1", "systemctl", "start", "haechi-ids-canary.service", timeout=180).returncode == 0

    wanted = {"127.0.77.41", "127.0.77.42"}
    until, arrived = time.monotonic() + 60, set[str]()
    while arrived != wanted and time.monotonic() < until:
        time.sleep(0.5)
        rows = [json.loads(line[line.index("{") :]) for line in kept(lab) if "{" in line]
        arrived = {row["dest_ip"] for row in rows if row.get("alert", {}).get("signature_id") == CANARY}
    assert arrived == wanted


def kept(lab: Lab) -> list[str]:
    """Return the whole lines that the log host keeps."""
    return lab.inside("log1", "cat", logs.KEPT).stdout.rpartition("\n")[0].splitlines()


@pytest.mark.parametrize("host", SSHD)
def test_no_sshd_answers_the_outside(lab: Lab, host: str) -> None:
    """Not the administrators' own machine either: it has no way but the tunnels that people open on it."""
    assert not any(greets(lab, LAPTOP, address, "eth0") for address in SSHD[host])


def test_through_a_tunnel_the_bastion_answers_and_no_other_host(lab: Lab) -> None:
    """Routes and rules of a job: an operator reaches ops1, and from there the others."""
    device = TUNNEL.format(COLLEAGUE)

    answering = {host for host, places in SSHD.items() if any(greets(lab, LAPTOP, one, device) for one in places)}
    assert answering == {"ops1"}
    onward = lab.inside(LAPTOP, "ssh", "-l", COLLEAGUE, "db1", "hostname")
    assert (onward.returncode, onward.stdout.strip()) == (0, "db1"), onward.stderr


def test_the_two_addresses_outside_are_two_doors(lab: Lab, customer: str) -> None:
    """On 443 of one the customers' service speaks TLS; on 443 of the other the VPN says nothing to who has no key."""
    assert ask(lab, customer, "/lookup")["status"] == 200
    assert ask(lab, customer, "/lookup", where={"address": VPN}, timeout=4)["status"] == 0


def test_the_tunnel_is_in_the_log_with_its_person(lab: Lab) -> None:
    """Who came, from where, and which address was given."""
    told = lab.inside("gw1", "sh", "-c", "journalctl --sync; journalctl -o cat -t haechi-vpn").stdout

    assert f'connected person="{COLLEAGUE}" from="10.77.0.12:' in told
    assert 'tunnel="10.77.96.' in told


def test_an_auditor_without_an_account_on_the_gateway_keeps_her_way_in(lab: Lab) -> None:
    """Her codes lie on the gateway, where she may not log in: another run of the site leaves them, and her tunnel."""
    laptop = Laptop(INVENTORY, f"haechi-lab-{LAPTOP}")
    laptop.give("sora")
    assert laptop.connect("sora", "tcp")

    again = lab.playbook("playbooks/site.yml", "--tags", "accounts,vpn", "--limit", "gw1")
    assert re.search(r"gw1 +: ok=\d+ +changed=0 ", again.stdout), again.stdout
    assert {host for host, places in SSHD.items() if greets(lab, LAPTOP, places[0], TUNNEL.format("sora"))} == {"ops1"}
