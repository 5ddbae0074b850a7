"""What a connection over SSH can be used for, how long it lasts, and that sshd is what it was told to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of
from haechi.controls.sshd_settings import OURS, edit, number, settings_of, version
from haechi.observe.posture import UnknownError
from haechi.policy.resolve import managed

NO_FORWARDING = {
    "allowagentforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "x11forwarding": "no",
    "permittunnel": "no",
    "gatewayports": "no",
    "permitlisten": "none",
}
# KISA's bound for an idle session (U-12).
LONGEST_IDLE = 600
# Release notes of OpenSSH 9.8.
PENALTIES_SINCE = (9, 8)


def effective(case: Case) -> Verdict:
    """Everything that policy says of sshd is what ``sshd -T`` says."""
    wanted = _variant(case)["expect"]
    settings = settings_of(case, wanted)
    bad = [f"{key} {settings[key]} instead of {value}" for key, value in wanted.items() if settings[key] != value]
    return none_of(bad, f"{len(wanted)} keywords as policy has them", f"{len(wanted)} keywords are as policy has them")


def running(case: Case) -> Verdict:
    """Whoever runs as sshd has read the files that were judged."""
    sshd = case.posture.sshd
    bad = [] if sshd.active else ["ssh.service does not run"]
    bad += [f"{path} changed after sshd read it" for path in sshd.stale]
    return none_of(bad, "sshd runs with the files as they are", f"OpenSSH {sshd.version} runs, no file is newer")


def no_forwarding(case: Case) -> Verdict:
    """Nothing is tunnelled; a jump host leads to the ssh ports of managed hosts alone."""
    settings = settings_of(case, [*NO_FORWARDING, "disableforwarding", "allowtcpforwarding", "permitopen"])
    bad = [f"{key} {settings[key]}" for key, value in NO_FORWARDING.items() if settings[key] != value]
    if case.host not in case.policy.sshd.jump_hosts:
        wanted = {"disableforwarding": "yes", "allowtcpforwarding": "no"}
        bad += [f"{key} {settings[key]}" for key, value in wanted.items() if settings[key] != value]
        return none_of(bad, "no forwarding of any kind", "disableforwarding yes, allowtcpforwarding no")
    targets = {*settings["permitopen"].split()}
    bad += [f"allowtcpforwarding {settings['allowtcpforwarding']}"] * (settings["allowtcpforwarding"] != "local")
    bad += [f"permitopen {target}" for target in sorted(targets - {"none", *_ssh_ports(case)})]
    return none_of(bad, "only to the ssh ports of managed hosts", f"permitopen {' '.join(sorted(targets))}")


def guessing_slowed(case: Case) -> Verdict:
    """Whoever guesses gets few attempts, little time, few connections, and where sshd can, a penalty."""
    keys = ["maxauthtries", "logingracetime", "maxstartups", "persourcemaxstartups"]
    settings = settings_of(case, keys)
    # sshd's own defaults of the first two (sshd_config(5)): policy may be stricter, never looser.
    most = {"maxauthtries": 6, "logingracetime": 120, "persourcemaxstartups": 100}
    bad = [f"{key} {settings[key]}" for key, limit in most.items() if not 1 <= number(settings[key]) <= limit]
    if not re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*:[1-9][0-9]*", settings["maxstartups"]):
        bad.append(f"maxstartups {settings['maxstartups']}")
    told = [f"{key} {settings[key]}" for key in keys]
    if version(case) >= PENALTIES_SINCE:
        penalties = settings.get("persourcepenalties", "no")
        told.append(f"persourcepenalties {penalties}")
        bad += [] if re.search(r"\bauthfail:[1-9]", penalties) else [f"persourcepenalties {penalties}"]
    return none_of(bad, "at most 6 attempts in 120 s, limits and penalties by source", ", ".join(told))


def idle_ends(case: Case) -> Verdict:
    """Sessions that nobody uses end, and so do connections to a machine that went away."""
    keys = ["clientaliveinterval", "clientalivecountmax", "channeltimeout", "unusedconnectiontimeout"]
    settings = settings_of(case, keys)
    gone = number(settings["clientaliveinterval"]) * number(settings["clientalivecountmax"])
    shell = re.search(r"(?:^|\s)session:(?:shell|\*)=([0-9]{1,9})(?![0-9])", settings["channeltimeout"])
    bad = [] if 1 <= gone <= LONGEST_IDLE else [f"a dead connection is kept for {gone} s"]
    bad += [] if shell and 1 <= int(shell[1]) <= LONGEST_IDLE else [f"channeltimeout {settings['channeltimeout']}"]
    unused = settings["unusedconnectiontimeout"]
    bad += [] if 1 <= number(unused) <= LONGEST_IDLE else [f"unusedconnectiontimeout {unused}"]
    return none_of(bad, f"each within {LONGEST_IDLE} s", ", ".join(f"{key} {settings[key]}" for key in keys))


def logs_keys(case: Case) -> Verdict:
    """Which key opened a session stands in the log, by its fingerprint."""
    settings = settings_of(case, ["loglevel", "syslogfacility"])
    bad = [] if settings["loglevel"] == "VERBOSE" else [f"loglevel {settings['loglevel']}"]
    bad += (
        [] if settings["syslogfacility"] in {"AUTH", "AUTHPRIV"} else [f"syslogfacility {settings['syslogfacility']}"]
    )
    return none_of(bad, "loglevel VERBOSE to AUTH", f"loglevel VERBOSE to {settings['syslogfacility']}")


def _variant(case: Case) -> Mapping[str, Any]:
    """Return the desired text of the newest release that is not newer than the host's."""
    mine = version(case)
    fit = [row for row in case.desired["sshd"]["variants"] if tuple(map(int, row["at_least"].split("."))) <= mine]
    if not fit:
        raise UnknownError(f"sshd: policy has no configuration for OpenSSH {case.posture.sshd.version}")
    chosen: Mapping[str, Any] = max(fit, key=lambda row: tuple(map(int, row["at_least"].split("."))))
    return chosen


def _ssh_ports(case: Case) -> set[str]:
    hosts = [case.policy.hosts[name] for name in managed(case.policy) if name != case.host]
    addresses = [str(host.address) for host in hosts] + [f"[{host.address6}]" for host in hosts if host.address6]
    return {f"{address}:{case.policy.sshd.port}" for address in addresses}


CONTROLS = (
    Control(
        id="sshd-effective",
        title_ko="SSH 유효 설정과 정책의 일치",
        title_en="sshd is what policy says, by its effective configuration",
        severity=Severity.HIGH,
        articles=("ismsp-2.9.1", "ismsp-2.10.1", "iso-a.8.9"),
        judge=effective,
        breaker=edit("one connection may open more sessions", "MaxSessions", "50"),
    ),
    Control(
        id="sshd-running-is-configured",
        title_ko="실행 중인 SSH 서비스의 최신 설정 반영",
        title_en="The running sshd has read its files",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.9.1", "iso-a.8.9"),
        judge=running,
        breaker=Breaker(
            how="the file is changed and sshd is not told",
            script=f"sleep 1.1; echo '# changed by hand' >> {OURS}",
            touches=("sshd",),
            also=("U-01",),
        ),
    ),
    Control(
        id="sshd-no-forwarding",
        title_ko="SSH 포워딩·터널링 제한(점프 호스트 외 금지)",
        title_en="SSH tunnels nothing; a jump host leads to managed hosts alone",
        severity=Severity.HIGH,
        articles=("pipc-6-3", "efsr-15-1-3", "ismsp-2.6.1", "iso-a.8.22"),
        judge=no_forwarding,
        breaker=edit("agents are forwarded", "AllowAgentForwarding", "yes", "sshd-effective"),
    ),
    Control(
        id="sshd-guessing-slowed",
        title_ko="SSH 무차별 대입 공격 제한",
        title_en="Whoever guesses at SSH is slowed down",
        severity=Severity.HIGH,
        articles=("pipc-5-6", "efsr-15-1-1", "ismsp-2.5.3", "iso-a.8.5"),
        judge=guessing_slowed,
        breaker=edit("a connection may try twenty keys", "MaxAuthTries", "20", "sshd-effective"),
    ),
    Control(
        id="sshd-idle-ends",
        title_ko="SSH 유휴 세션 자동 종료",
        title_en="An idle SSH session ends",
        severity=Severity.MEDIUM,
        articles=("pipc-6-4", "ismsp-2.6.2", "iso-a.8.5"),
        judge=idle_ends,
        breaker=edit("a shell may stand for a day", "ChannelTimeout", "session:shell=86400", "sshd-effective"),
    ),
    Control(
        id="sshd-logs-keys",
        title_ko="SSH 접속기록에 사용 키 지문 기록",
        title_en="The log names the key of each login",
        severity=Severity.MEDIUM,
        articles=("efsr-13-1-9", "ismsp-2.9.4", "iso-a.8.15"),
        judge=logs_keys,
        breaker=edit("sshd logs errors only", "LogLevel", "ERROR", "sshd-effective"),
    ),
)
