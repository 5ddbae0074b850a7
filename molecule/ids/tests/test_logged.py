"""The canary on the log host: what Suricata writes is ready for a log server, by a real one (RELP over TLS)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from namespaces import inside

from haechi.lab import logs

from .conftest import Gateway, until

CANARY = 1078001
FOLDER, KEPT = "/root/hx-relp", "/var/log/hx-from-gateway.json"
MACHINES: dict[logs.End, str] = {"sends": "gw", "keeps": "trixie"}
KEEPER = "10.78.40.11"
# The packages' own service must not run beside ours, not for a moment.
BRING = "ln -sf /dev/null /etc/systemd/system/rsyslog.service; export DEBIAN_FRONTEND=noninteractive; {}"
INSTALL = "apt-get -q --yes --no-install-recommends {} install rsyslog-relp"
# What another host lacks, by that host's own record of what it has (apt.conf(5)).
ELSEWHERE = "-o Dir::State::status=/root/hx-status -o Dir::Cache::archives=/root/hx-debs --download-only"


def does(end: logs.End, script: str, content: bytes = b"") -> bytes:
    argv = [*inside(MACHINES[end]), "sh", "-ec", script]
    done = subprocess.run(argv, input=content, capture_output=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def log_host(tmp_path: Path) -> Iterator[None]:
    """Have both ends run rsyslog; the gateway's own wall lets it fetch no packages, so the log host hands them on."""
    logs.certificates(tmp_path, days=1)
    does("keeps", "cat > /root/hx-status", does("sends", "cat /var/lib/dpkg/status"))
    fetch = f"apt-get -q update; mkdir -p /root/hx-debs/partial; {INSTALL.format(ELSEWHERE)}"
    does("keeps", BRING.format(f"{fetch}; {INSTALL.format('')}"))
    packed = does("keeps", "cd /root/hx-debs; tar -c *.deb")
    does(
        "sends",
        BRING.format("mkdir -p /root/hx-debs; tar -C /root/hx-debs -x; dpkg --install /root/hx-debs/*.deb"),
        packed,
    )
    for name in logs.ENDS:
        files = [file.format(name) for file in logs.FILES]
        packed = subprocess.run(["tar", "-C", str(tmp_path), "-c", *files], check=True, capture_output=True).stdout
        does(name, f"mkdir -p -m 0700 {FOLDER}; tar -C {FOLDER} -x", packed)
        does(name, f"cat > {FOLDER}/rsyslog.conf", logs.configuration(name, KEEPER, FOLDER, KEPT).encode())
        does(name, f"systemd-run --quiet --collect --unit=hx-relp {logs.COMMAND.format(folder=FOLDER)}")
    yield
    for name in logs.ENDS:
        gone = "systemctl stop hx-relp; rm -rf /root/hx-*"
        does(name, f"{gone} {KEPT}; {BRING.format('apt-get -q --yes purge rsyslog rsyslog-relp')}")
        does(name, "rm /etc/systemd/system/rsyslog.service; systemctl daemon-reload")


@pytest.mark.usefixtures("log_host")
def test_the_canary_of_each_instance_arrives_on_the_log_host(gateway: Gateway) -> None:
    """As whole JSON, so a log server needs no parser of its own."""

    def arrived() -> set[str]:
        lines = does("keeps", f"cat {KEPT} 2>/dev/null || true").decode().splitlines()
        rows = [json.loads(line[line.index("{") :]) for line in lines if "{" in line]
        found = [row for row in rows if row.get("alert", {}).get("signature_id") == CANARY]
        return {row["dest_ip"] for row in found}

    gateway.does("systemctl start haechi-ids-canary.service")
    until(lambda: arrived() == {f"127.0.77.{number}" for number in (40, 41, 42)}, "a canary is missing on the log host")
