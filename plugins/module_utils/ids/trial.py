"""Rules and configurations on trial, beside the Suricata that inspects: they must find what they are for."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils.ids import own, pcap

PROGRAM = "/usr/bin/suricata"
# Forty thousand rules take it ten seconds on a small machine.
SECONDS = 300
HOME = "vars.address-groups.HOME_NET=[192.0.2.0/24]"


class RefusedError(Exception):
    """A candidate is not taken; the text says why, and what inspected before inspects on."""


def judge(configurations: Mapping[str, str], rules: str) -> None:
    """Raise ``RefusedError`` unless Suricata takes every configuration, and the rules do what ours are for."""
    with tempfile.TemporaryDirectory(prefix="haechi-ids-") as folder:
        place = Path(folder)
        (place / "all.rules").write_text(rules, encoding="utf-8")
        for name, text in configurations.items():
            (place / f"{name}.yaml").write_text(text, encoding="utf-8")
            _suricata(place, name, "-T")
        found = _alerts(place, next(iter(configurations)))
    wrong = [*complaints(found)]
    if wrong:
        raise RefusedError(f"the rules fail their fixtures: {'; '.join(wrong)}")


def _alerts(place: Path, name: str) -> list[dict[str, Any]]:
    """Return the events of a run over all fixtures."""
    (place / "fixtures.pcap").write_bytes(pcap.written(talk for one in own.OWN for talk in (one.found, one.passed)))
    more = ("--set", HOME, "--set", "unix-command.enabled=no", "--simulate-ips", "-k", "none", "--runmode", "single")
    _suricata(place, name, "-r", str(place / "fixtures.pcap"), *more, "--init-errors-fatal")
    log = place / f"{name}.json"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []


def complaints(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with the events that the fixtures made: the n-th rule's are 2n (found) and 2n+1 (passed)."""
    rows = [*events]
    for number, one in enumerate(own.OWN):
        hit, missed = (_of(rows, pcap.port_of(2 * number + more)) for more in (0, 1))
        mine = [alert for alert in hit if alert["signature_id"] == one.sid]
        if not mine:
            yield f"rule {one.sid} ({one.message}) does not find what it is for"
        elif one.action == "drop" and not any(alert["action"] == "blocked" for alert in mine):
            yield f"rule {one.sid} ({one.message}) finds what it is for, and does not drop it"
        if missed:
            sids = sorted({str(alert["signature_id"]) for alert in missed})
            yield f"harmless traffic beside rule {one.sid} is taken for an attack by {', '.join(sids)}"


def _of(events: Iterable[Mapping[str, Any]], port: int) -> list[Mapping[str, Any]]:
    alerts = (one for one in events if one.get("event_type") == "alert")
    return [one["alert"] for one in alerts if port in {one.get("src_port"), one.get("dest_port")}]


def _suricata(place: Path, name: str, *arguments: str) -> None:
    where = ("-c", str(place / f"{name}.yaml"), "-S", str(place / "all.rules"), "-l", str(place))
    argv = [PROGRAM, *where, *arguments]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise RefusedError(f"Suricata does not end within {SECONDS} s") from error
    if done.returncode != 0:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("E: ")]
        words = " / ".join(said[:3] or (done.stderr or done.stdout).strip().splitlines()[-3:])
        raise RefusedError(f"Suricata does not take the candidate: {words[:600]}")
