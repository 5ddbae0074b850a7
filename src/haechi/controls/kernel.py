"""The kernel's values and core dumps. What is expected stands here in full: not what a role was told, but what must be.

A container has its host's kernel. There a value that cannot be set says nothing about this host, and what the files
would set at a boot is judged by ``kernel-at-boot`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import partial

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of, not_here
from haechi.observe.posture import UnknownError

Values = Mapping[str, tuple[str, ...]]

# What a process may see of another's memory, and what it needs to attack the kernel (kernel.org, admin-guide/sysctl).
MEMORY: Values = {
    "kernel.randomize_va_space": ("2",),
    "kernel.kptr_restrict": ("1", "2"),
    "kernel.dmesg_restrict": ("1",),
    "kernel.yama.ptrace_scope": ("1", "2", "3"),
    "kernel.perf_event_paranoid": ("2", "3", "4"),
    "kernel.unprivileged_bpf_disabled": ("1", "2"),
    "net.core.bpf_jit_harden": ("2",),
    "kernel.sysrq": ("0",),
    "fs.suid_dumpable": ("0",),
    "kernel.core_pattern": ("|/bin/false",),
}
# A file that another user planted in a shared folder is followed by nobody.
LINKS: Values = {
    "fs.protected_symlinks": ("1",),
    "fs.protected_hardlinks": ("1",),
    "fs.protected_fifos": ("1", "2"),
    "fs.protected_regular": ("1", "2"),
}
# A neighbour that forges its address, or tells this host another way (ip-sysctl of the kernel; BCP 38; RFC 1337).
NETWORK: Values = {
    **{f"net.ipv4.conf.{where}.rp_filter": ("1", "2") for where in ("all", "default")},
    **{f"net.ipv4.conf.{where}.accept_redirects": ("0",) for where in ("all", "default")},
    **{f"net.ipv4.conf.{where}.secure_redirects": ("0",) for where in ("all", "default")},
    **{f"net.ipv4.conf.{where}.send_redirects": ("0",) for where in ("all", "default")},
    **{f"net.ipv4.conf.{where}.accept_source_route": ("0",) for where in ("all", "default")},
    **{f"net.ipv4.conf.{where}.log_martians": ("1",) for where in ("all", "default")},
    **{f"net.ipv6.conf.{where}.accept_redirects": ("0",) for where in ("all", "default")},
    **{f"net.ipv6.conf.{where}.accept_ra": ("0",) for where in ("all", "default")},
    "net.ipv6.conf.all.accept_source_route": ("0",),
    "net.ipv4.icmp_echo_ignore_broadcasts": ("1",),
    "net.ipv4.icmp_ignore_bogus_error_responses": ("1",),
    "net.ipv4.tcp_syncookies": ("1",),
    "net.ipv4.tcp_rfc1337": ("1",),
}
# Where either `all` or the interface says yes, the kernel does it; IPv6 asks the interface alone (ip-sysctl).
INTERFACES: Values = {
    "net.ipv4.conf.*.accept_redirects": ("0",),
    "net.ipv4.conf.*.secure_redirects": ("0",),
    "net.ipv4.conf.*.send_redirects": ("0",),
    "net.ipv6.conf.*.accept_redirects": ("0",),
    "net.ipv6.conf.*.accept_ra": ("0",),
}
KEYS = tuple(sorted({*MEMORY, *LINKS, *NETWORK, *INTERFACES, "net.ipv4.ip_forward"}))
# A kernel that was built without IPv6 or Yama has no such switch to set.
MAY_BE_ABSENT = ("net.ipv6.", "kernel.yama.", "net.core.bpf_jit_harden", "kernel.unprivileged_bpf_disabled")
NO_CORES = {
    ("limits", "* - core"): "0",
    ("limits", "root - core"): "0",
    ("system.conf", "DefaultLimitCORE"): "0",
    ("coredump.conf", "Storage"): "none",
}


def values_hold(wanted: Values, case: Case) -> Verdict:
    """Every value is in force now."""
    sysctl = case.posture.sysctl
    unasked = sorted(set(wanted) - set(sysctl.values))
    if unasked:
        raise UnknownError(f"sysctl: not asked for {', '.join(unasked)}")
    seen = {key: sysctl.values[key] for key in wanted}
    bad = {key: value for key, value in seen.items() if not _holds(key, value, wanted[key])}
    expected = "; ".join(f"{key} = {' or '.join(values)}" for key, values in wanted.items())
    told = [f"{key} = {value}" for key, value in bad.items()]
    if bad and case.posture.host.container and not set(bad) & set(sysctl.writable):
        return not_here(f"the kernel is that of the container's host, which set {', '.join(told)}", expected)
    return none_of(told, expected, f"{len(seen)} kernel values hold")


def network_holds(case: Case) -> Verdict:
    """Every value of the network is in force now, on each interface that is there."""
    return values_hold({**NETWORK, **on_interfaces(case)}, case)


def on_interfaces(case: Case) -> Values:
    """Return what must hold on each interface of the host, by key.

    Raises ``UnknownError`` where no interface was looked at: every network namespace has a loopback.
    """
    values = case.posture.sysctl.values
    found: dict[str, tuple[str, ...]] = {}
    for pattern, allowed in INTERFACES.items():
        shared = {pattern.replace("*", name) for name in ("all", "default")}
        own = [key for key in values if fnmatchcase(key, pattern) and key not in shared]
        absent = pattern.startswith(MAY_BE_ABSENT) and {values.get(key, "") for key in shared} == {None}
        if not own and not absent:
            raise UnknownError(f"sysctl: not asked for {pattern}")
        found |= dict.fromkeys(own, allowed)
    return found


def _holds(key: str, value: str | None, allowed: tuple[str, ...]) -> bool:
    return key.startswith(MAY_BE_ABSENT) if value is None else value in allowed


def boot_sets_them(case: Case) -> Verdict:
    """Every value is set at the next boot by the files below sysctl.d, the last that speaks of it counting."""
    boot = case.posture.sysctl.boot
    wanted: dict[str, tuple[str, ...]] = {**MEMORY, **LINKS, **NETWORK, **on_interfaces(case)}
    wanted |= {key: (str(value),) for key, value in case.desired["baseline"]["sysctl"].items()}
    bad = [f"{key} = {boot.get(key, 'not set')}" for key, values in wanted.items() if boot.get(key) not in values]
    return none_of(bad, "every kernel value is set by a file below sysctl.d", f"{len(wanted)} values are set at boot")


def no_cores(case: Case) -> Verdict:
    """No program leaves its memory on a disk: by PAM's limits, systemd's, and systemd-coredump's own."""
    files = case.posture.settings.files
    unread = sorted({file for file, _ in NO_CORES} - set(files))
    if unread:
        raise UnknownError(f"settings: {', '.join(unread)} not in the observation")
    seen = {place: files[place[0]].get(place[1], "not set") for place in NO_CORES}
    bad = [f"{file}: {key} {seen[file, key]}" for (file, key), value in NO_CORES.items() if seen[file, key] != value]
    expected = "; ".join(f"{file}: {key} {value}" for (file, key), value in NO_CORES.items())
    return none_of(bad, expected, expected)


def _on_real_kernels(key: str, wrong: str) -> Breaker:
    """Return the breaker of a kernel value: where the kernel is the host's own, which the lab's containers lack."""
    return Breaker(
        how=f"{key} is set to {wrong}",
        script=f"sysctl -q -w {key}={wrong}",
        touches=(f"sysctl:{key}",),
        hosts=("vm",),
    )


CONTROLS = (
    Control(
        id="kernel-memory",
        title_ko="커널 메모리 보호 설정(ASLR, 커널 주소 노출 및 ptrace 제한)",
        title_en="The kernel keeps programs from each other's memory and its own from all",
        severity=Severity.MEDIUM,
        articles=("efsr-15-4", "ismsp-2.10.1", "iso-a.8.9"),
        judge=partial(values_hold, MEMORY),
        breaker=_on_real_kernels("kernel.kptr_restrict", "0"),
    ),
    Control(
        id="kernel-links",
        title_ko="공유 디렉터리의 링크·FIFO 악용 방지 설정",
        title_en="Links and pipes that others planted in shared folders are not followed",
        severity=Severity.MEDIUM,
        articles=("efsr-15-4", "ismsp-2.10.1", "iso-a.8.9"),
        judge=partial(values_hold, LINKS),
        breaker=_on_real_kernels("fs.protected_regular", "0"),
    ),
    Control(
        id="kernel-network",
        title_ko="네트워크 스푸핑 및 경로 변조 방지 커널 설정",
        title_en="Forged sources, redirects and source routes are refused by the kernel",
        severity=Severity.MEDIUM,
        articles=("pipc-6-1-1", "efsr-15-1-1", "ismsp-2.6.1", "iso-a.8.20"),
        judge=network_holds,
        breaker=_on_real_kernels("net.ipv4.conf.eth0.accept_redirects", "1"),
    ),
    Control(
        id="kernel-at-boot",
        title_ko="재부팅 후 커널 보안 설정 유지",
        title_en="The next boot sets the kernel's values again",
        severity=Severity.MEDIUM,
        articles=("efsr-15-4", "ismsp-2.9.1", "iso-a.8.9"),
        judge=boot_sets_them,
        breaker=Breaker(
            how="our file below sysctl.d loses a value to an editor",
            script="sed -i 's/^kernel.kptr_restrict = .*/kernel.kptr_restrict = 0/' /etc/sysctl.d/90-haechi.conf",
            touches=("file:/etc/sysctl.d/90-haechi.conf",),
        ),
    ),
    Control(
        id="kernel-cores",
        title_ko="코어 덤프 생성 금지",
        title_en="No program leaves a core dump",
        severity=Severity.MEDIUM,
        articles=("pipc-6-3", "ismsp-2.6.2", "iso-a.8.12"),
        judge=no_cores,
        breaker=Breaker(
            how="a limit lets every user's programs dump core",
            script="sed -i 's/core  0/core  unlimited/' /etc/security/limits.d/50-haechi.conf",
            touches=("file:/etc/security/limits.d/50-haechi.conf",),
        ),
    ),
)
