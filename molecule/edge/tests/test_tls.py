"""What is spoken at the door: TLS 1.3, and nothing older unless policy says until when."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
from namespaces import inside
from siege import Row, record

from .conftest import EDGE, NAME, ROOT, run_in

KNOCK = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()"
SCANNER, SCAN = ROOT / ".cache/tools/sslyze/bin/python", ROOT / "molecule/edge/fixture/scan.py"
CBC = "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA"


@pytest.fixture
def scan(outside, tmp_path):
    """Scan the edge from outside, with the site's root alone, by sslyze in its own environment."""
    root = tmp_path / "root.pem"
    root.write_text(run_in(outside.machine, "cat", "/root/haechi-root.pem").stdout)

    def run():
        enter = ["nsenter", "--target", inside(outside.machine)[2], "--net"]
        argv = [*enter, str(SCANNER), "-W", "ignore", str(SCAN), EDGE, "443", NAME, str(root)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_tls_1_3_is_spoken_with_the_authority_s_certificate(outside):
    """The client trusts the site's root alone, and checks the name."""
    answer = outside.ask("/lookup?name=x")

    assert (answer["status"], answer["tls"][0]) == (200, "TLSv1.3")
    assert outside.ask("/", name="other.example.test")["status"] == 0


def test_tls_1_2_is_refused(outside):
    assert "PROTOCOL_VERSION" in outside.ask("/", version="TLSv1_2")["body"].upper()


def test_a_scanner_finds_tls_1_3_and_nothing_weaker(scan):
    """Every protocol and suite that there ever was is offered, and what Mozilla asks of a modern server is kept."""
    found = scan()

    record(Row("TLS below 1.3, weak suites", not found["issues"], "the handshake"))
    assert found == {
        "issues": {},
        "suites": {"tls_1_3": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]},
    }


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(("name", "group"), [("trixie", "X25519MLKEM768"), ("bookworm", "X25519")])
def test_a_key_is_agreed_by_the_best_that_the_release_has(name, group):
    """The hybrid with ML-KEM wants OpenSSL 3.5; both ends here are of the machine's own release."""
    done = run_in(name, "openssl", "s_client", "-connect", "127.0.0.1:4721", "-servername", NAME, text="\n")

    assert f"group: {group}\n" in done.stdout or f"Server Temp Key: {group}, " in done.stdout


def test_plain_http_is_refused(outside):
    """Nothing listens on port 80, and on 443 nobody answers a word without TLS."""
    assert run_in("client", "python3", "-c", KNOCK, EDGE, "443").returncode == 0
    assert run_in("client", "python3", "-c", KNOCK, EDGE, "80").returncode != 0
    answer = outside.ask("/", plain=True)
    assert answer["status"] in {0, 400}


@pytest.mark.parametrize(("path", "status"), [("/lookup?name=x", 200), ("/?q=<script>alert(1)</script>", 403)])
def test_every_answer_says_hsts(outside, path, status):
    answer = outside.ask(path.replace("<", "%3C").replace(">", "%3E"))

    assert (answer["status"], answer["headers"]["strict-transport-security"]) == (
        status,
        "max-age=31536000; includeSubDomains",
    )


def test_a_name_that_policy_does_not_have_is_refused(outside):
    answer = outside.ask("/", headers={"Host": "somebody.else"})

    assert (answer["status"], answer["headers"]["strict-transport-security"][:8]) == (421, "max-age=")


def test_tls_1_2_is_offered_while_policy_says_so_and_ends_by_the_host_s_own_clock(
    outside, playbook, tmp_path, holder, scan
):
    """Only with AEAD. Then its last day passes, and nobody runs a playbook."""
    inventory = tmp_path / "inventory"
    shutil.copytree(ROOT / "molecule/inventory", inventory, symlinks=True)
    policy = inventory / "group_vars/all/policy/edge.yml"
    policy.write_text(f"{policy.read_text()}  tls12_until: 2099-12-31\n")
    name = holder()
    try:
        code, words = playbook("--tags", "edge", "--limit", name, inventory=inventory)
        assert code == 0, words[-2000:]

        opted = outside.ask("/lookup?name=x", version="TLSv1_2")
        assert (opted["status"], opted["tls"][0]) == (200, "TLSv1.2")
        assert opted["tls"][1] in {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"}
        assert outside.ask("/", version="TLSv1_2", suites=CBC)["status"] == 0
        assert "tls_versions" in scan()["issues"]

        past = "sed -i 's/date() ge [0-9]*/date() ge 1700000000/' /etc/haproxy/haproxy.cfg && systemctl reload haproxy"
        assert run_in(name, "sh", "-c", past).returncode == 0
        # The worker of before answers until the new one is there.
        until = time.time() + 60
        while (asked := outside.ask("/lookup?name=x", version="TLSv1_2"))["status"] and time.time() < until:
            time.sleep(0.2)
        assert asked["status"] == 0
        assert outside.ask("/lookup?name=x")["status"] == 200
    finally:
        code, words = playbook("--tags", "edge", "--limit", name)
    assert code == 0, words[-2000:]
    assert outside.ask("/", version="TLSv1_2")["status"] == 0
