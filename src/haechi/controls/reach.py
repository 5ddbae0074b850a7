"""What is open on a host, and what the host reaches: sockets and connections that were tried in the same run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Scope, Severity, Verdict, none_of
from haechi.observe import plan
from haechi.observe.posture import UnknownError

# A refusal comes from the far end: the way there was open although nobody serves the port.
PASSING = {"open": ("open", "refused"), "closed": ("timeout", "unreachable")}
RESULTS = (*PASSING["open"], *PASSING["closed"])
# The first port that a program gets when it asks for none (ip(7), ip_local_port_range).
EPHEMERAL = 32768


def listeners_declared(case: Case) -> Verdict:
    """Every open socket is declared, and every declared one is served."""
    declared = case.desired["firewall"]["listeners"]
    sockets = [socket for socket in case.posture.sockets if not socket.local]
    bad = [
        f"{socket.process or '?'} {socket.proto}/{socket.port} is not declared"
        for socket in sockets
        if not any(_covers(entry, socket.proto, socket.port, socket.process) for entry in declared)
    ]
    served = {(socket.proto, socket.port) for socket in case.posture.sockets}
    bad += [
        f"nobody serves {entry['process']} {entry['proto']}/{entry['port']}"
        for entry in declared
        if (entry["proto"], entry["port"]) not in served
    ]
    told = ", ".join(sorted({f"{s.process} {s.proto}/{s.port}" for s in sockets})) or "no socket is open"
    return none_of(bad, "the declared listeners and no others", told)


def reach(case: Case) -> Verdict:
    """Ways that a flow declares are open from this host and all others closed, as tried in this run."""
    tried = [probe.data for probe in case.probes if probe.data.get("expected") in ("open", "closed")]
    ends = [(row.get("address"), row.get("port"), row.get("expected")) for row in tried]
    asked = plan.probes_from(case.policy, case.host)
    untried = [_attempt(row) for row in asked if (row["address"], row["port"], row["expected"]) not in ends]
    if untried or not asked:
        raise UnknownError(f"not tried: {', '.join(untried[:5]) or 'policy knows no way from this host'}")
    unheard = [_attempt(row) for row in tried if row.get("result") not in RESULTS]
    if unheard:
        raise UnknownError(f"no clear answer: {', '.join(unheard[:5])}")
    bad = [_attempt(row) for row in tried if row["result"] not in PASSING[str(row["expected"])]]
    opened = sum(row["expected"] == "open" for row in tried)
    seen = f"{opened} declared ways are open, {len(tried) - opened} that no flow allows are closed"
    return none_of(bad, "declared ways open, all others closed", seen)


def _attempt(row: Mapping[str, Any]) -> str:
    what, where = row.get("what"), f"{row.get('to')} {row.get('address')}:{row.get('port')}"
    return f"{what} to {where}: {row.get('result')}, expected {row.get('expected')}"


def _covers(entry: Mapping[str, Any], proto: str, port: int, process: str) -> bool:
    # The kernel cuts a name to 15 characters (proc(5)); with socket activation systemd holds the socket.
    known = process in {entry["process"][:15], "systemd"}
    # A resolver asks from ports of the moment, and UDP has no state that tells them apart (ip(7)).
    return bool(
        known
        and not entry["local"]
        and entry["proto"] == proto
        and (entry["port"] == port or (proto == "udp" and port >= EPHEMERAL))
    )


CONTROLS = (
    Control(
        id="listeners-declared",
        title_ko="불필요한 포트 개방 여부(승인된 서비스 포트만 개방)",
        title_en="Every open port is declared, and every declared one is served",
        severity=Severity.HIGH,
        articles=("pipc-6-1-1", "efsr-17-3", "ismsp-2.10.3", "iso-a.8.21"),
        judge=listeners_declared,
        breaker=Breaker(
            how="a program listens that nobody declared",
            script="systemd-run --quiet --collect --unit=hx-listener python3 -m http.server 8099 && sleep 1",
            mend="undo",
            undo="systemctl stop hx-listener.service",
            touches=("socket:8099",),
        ),
    ),
    Control(
        id="firewall-reach",
        title_ko="서버 간 접근 통제 실효성(허용 흐름 통신, 비허용 흐름 차단)",
        title_en="From here the declared ways are open and all others closed",
        severity=Severity.HIGH,
        articles=("pipc-6-1-1", "efsr-15-1-1", "ismsp-2.6.1", "ismsp-2.6.2", "iso-a.8.22"),
        scope=Scope.PAIR,
        judge=reach,
        breaker=Breaker(
            how="a rule made by hand drops the way to the package cache",
            script="nft insert rule inet haechi output tcp dport 3142 drop",
            touches=("nft",),
            also=("firewall-live-is-file", "flows-work"),
            hosts=("edge1", "edge2", "app1", "db1", "log1", "vault1", "backup1"),
        ),
    ),
)
