"""Who comes in: a certificate of one's own and a code that counts, and nothing less; each answer is in the log."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from namespaces import inside
from siege import Row, record

from .conftest import BIN, INVENTORY, ROOT, SEEDS, UP, Outside, enrolled, haechi, run

TRIXIE, DATA, BOOKWORM = "10.78.40.11", "10.78.30.11", "10.78.40.12"
KEY = re.compile(r"<(tls-crypt-v2|cert|key)>.*?</\1>\n", re.DOTALL)


@pytest.mark.parametrize(
    ("by", "pool"), [("udp", r"10\.78\.96\.(6[5-9]|[78]\d|9[0-4])/"), ("tcp", r"10\.78\.96\.(9[7-9]|1[01]\d|12[0-6])/")]
)
def test_certificate_and_code_open_a_tunnel_that_leads_where_the_job_goes(outside: Outside, by: str, pool: str) -> None:
    """The positive control of every refusal here. Ann's job reaches management and not the database."""
    since = outside.moment()
    client = outside.start("ann", by=by)
    assert client.until(UP) == UP, "".join(client.said)

    assert client.greets(TRIXIE)
    assert not client.greets(DATA)
    assert client.routes() == {"10.78.96.0/22", "10.78.40.0/24"}
    pushed = next(line for line in client.said if "PUSH_REPLY" in line)
    assert "dhcp-option DNS 10.78.40.11," in pushed
    assert any(re.search(pool, line) for line in client.said if "net_addr_v4_add" in line)
    assert any("Control Channel: TLSv1.3" in line for line in client.said)
    assert client.until("Data Channel: cipher 'AES-256-GCM'", seconds=5)
    client.end()
    assert outside.told(since, "connected", 'person="ann"', 'from="10.78.0.11:', f'by="{by}"', 'job="operator"')
    outside.until_told(since, "disconnected", 'person="ann"', 'received="', 'sent="', 'tunnel="10.78.96.')


def test_another_job_has_other_addresses_and_ways(outside: Outside) -> None:
    """Carol reads the database's logs; management does not answer her."""
    client = outside.connected("carol")

    assert client.greets(DATA)
    assert not client.greets(BOOKWORM)
    assert client.routes() == {"10.78.96.0/22", "10.78.30.0/24"}
    assert any("10.78.97." in line for line in client.said if "net_addr_v4_add" in line)


def test_a_wrong_code_and_one_that_was_used_are_refused(outside: Outside) -> None:
    """With the right certificate: it is not enough, and a code counts once."""
    since = outside.moment()
    assert outside.refused(outside.start("ann", answer="000000"))
    right = outside.code("ann")
    first = outside.start("ann", answer=right)
    assert first.until(UP) == UP
    first.end()
    assert outside.refused(outside.start("ann", answer=right))

    refusals = [line for line in outside.logged(since) if line.startswith("refused")]
    assert len(refusals) == 2
    assert all('person="ann" from="10.78.0.11' in line and "wrong code" in line for line in refusals)
    record(Row("VPN: wrong and used codes", blocked=True, seen="journal of the VPN"))


def test_a_certificate_with_another_s_code_or_name_is_refused(outside: Outside) -> None:
    """Ann's file with Bob's code, under either name; and her own code under his name."""
    since = outside.moment()
    theirs = outside.code("bob", lasts=25)
    assert outside.refused(outside.start("ann", answer=theirs))
    assert outside.refused(outside.start("ann", name="bob", answer=theirs))
    assert outside.refused(outside.start("ann", name="bob"))

    assert outside.told(since, "refused", 'person="ann"', "the user name is not that of the certificate")
    record(Row("VPN: somebody else's code or name", blocked=True, seen="journal of the VPN"))
    # And the code itself was good.
    assert outside.start("bob", answer=theirs).until(UP) == UP


def test_a_code_without_a_certificate_that_counts_is_refused(outside: Outside) -> None:
    """None, one that she signed herself, and a host's own, which the site's authority signed."""
    since = outside.moment()
    key = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /run/own.key -out /run/own.pem"
    outside.gateway.check_output(f"{key} -days 2 -subj /CN=ann -addext extendedKeyUsage=clientAuth 2>/dev/null")
    leaf = "/etc/haechi/x509/recorder"
    pairs = [("/run/own.pem", "/run/own.key"), (f"{leaf}.pem", f"{leaf}.key")]
    for certificate, private in pairs:
        held = [outside.gateway.check_output("cat %s", path) for path in (certificate, private)]
        parts = f"<cert>\n{held[0]}\n</cert>\n<key>\n{held[1]}\n</key>\n"
        hiding = next(match[0] for match in KEY.finditer(outside.profiles["ann"]) if match[1] == "tls-crypt-v2")
        assert outside.hung_up_on("ann", KEY.sub("", outside.profiles["ann"]) + hiding + parts)

    told = outside.gateway.check_output(
        f"journalctl --sync; journalctl -o cat -u haechi-vpn@tcp --since '{since}' | grep 'VERIFY ERROR'"
    ).splitlines()
    assert all("10.78.0.11:" in line for line in told)
    assert sum("depth=0" in line or "depth=1" in line for line in told) >= 2
    record(Row("VPN: a certificate of one's own making", blocked=True, seen="journal of the VPN"))


def test_without_the_key_that_hides_the_handshake_nothing_answers(outside: Outside) -> None:
    """Not even a refusal: a scanner finds no service there."""
    since = outside.moment()
    bare = KEY.sub(lambda found: "" if found[1] == "tls-crypt-v2" else found[0], outside.profiles["ann"])
    client = outside.start("ann", text=bare)

    assert client.until(UP, "TLS: Initial packet", seconds=4) == ""
    told = outside.gateway.check_output(
        f"journalctl --sync; journalctl -o cat -u haechi-vpn@udp --since '{since}' | grep 'not determine wrapping'"
    )
    assert "10.78.0.11" in told
    record(Row("VPN: a scan without the key", blocked=True, seen="journal of the VPN"))


def test_a_profile_is_delivered_once(outside: Outside) -> None:
    """On a terminal, for somebody with a place; a second time another person must say so. Nobody keeps the secrets."""
    where = ("-i", str(INVENTORY))
    assert "run it on a terminal" in haechi("vpn", "profile", "--person", "ann", *where).stderr
    assert "dan is not active" in haechi("vpn", "profile", "--person", "dan", *where).stderr
    argv = [str(BIN / "haechi"), "vpn", "profile", "--person", "ann", "--out", "/run/none.ovpn", *where]
    code, said, _ = enrolled(argv, ROOT)
    assert (code, "ann has a profile: with `--ask FILE` another person approves" in said) == (1, True), said

    seed, private = outside.seeds["ann"], KEY.search(outside.profiles["ann"].partition("<key>")[2])
    kept = outside.gateway.check_output(f"stat -c '%a %U' {SEEDS}/ann {SEEDS}")
    assert kept.splitlines() in (["600 root", "700 root"], ["400 root", "700 root"])
    # Past sudo, which would write the seed down with the command that looks for it.
    logged = subprocess.run([*inside("gw"), "journalctl", "--no-pager"], capture_output=True, text=True, check=True)
    assert ("haechi-vpn" in logged.stdout, seed in logged.stdout) == (True, False)
    assert private is not None


def test_a_second_profile_needs_another_person_and_ends_the_first(outside: Outside, keys: Path, tmp_path: Path) -> None:
    """Carol lost her laptop. An approval of codes for SSH approves no profile."""
    asked, out = tmp_path / "carol.json", tmp_path / "carol.ovpn"
    argv = ("vpn", "profile", "--person", "carol", "-i", str(INVENTORY))
    assert haechi(*argv, "--ask", str(asked), "--by", "ann", "--reason", "laptop lost").returncode == 0
    command = [str(BIN / "haechi"), *argv, "--approval", str(asked), "--out", str(out)]
    for namespace in ("haechi-enrol", "haechi-vpn"):
        asked.with_name("carol.json.sig").unlink(missing_ok=True)
        assert run("ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(keys / "ann"), str(asked)).returncode == 0
        code, said, seed = enrolled(command, ROOT)
        assert (code == 0) == (namespace == "haechi-vpn"), said
    assert (out.stat().st_mode & 0o777, "BEGIN PRIVATE KEY" in out.read_text()) == (0o600, True)

    old, outside.profiles["carol"], outside.seeds["carol"] = outside.profiles["carol"], out.read_text(), seed
    outside.gateway.check_output("systemctl restart haechi-vpn-crl.service")
    assert outside.hung_up_on("carol", old)
    assert outside.connected("carol").greets(DATA)
