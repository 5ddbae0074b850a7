"""What the machine must be, stated here in full and not read from the role that makes it so."""

from __future__ import annotations

# By path below /proc/sys, as the running kernel says it.
SYSCTL = {
    "fs/protected_fifos": "2",
    "fs/protected_hardlinks": "1",
    "fs/protected_regular": "2",
    "fs/protected_symlinks": "1",
    "fs/suid_dumpable": "0",
    "kernel/core_pattern": "|/bin/false",
    "kernel/dmesg_restrict": "1",
    "kernel/kptr_restrict": "2",
    "kernel/perf_event_paranoid": "3",
    "kernel/randomize_va_space": "2",
    "kernel/sysrq": "0",
    "kernel/unprivileged_bpf_disabled": "1",
    "kernel/yama/ptrace_scope": "1",
    "net/core/bpf_jit_harden": "2",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/all/accept_source_route": "0",
    "net/ipv4/conf/all/log_martians": "1",
    "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/all/secure_redirects": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/accept_redirects": "0",
    "net/ipv4/conf/default/accept_source_route": "0",
    "net/ipv4/conf/default/log_martians": "1",
    "net/ipv4/conf/default/rp_filter": "1",
    "net/ipv4/conf/default/secure_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/icmp_echo_ignore_broadcasts": "1",
    "net/ipv4/icmp_ignore_bogus_error_responses": "1",
    "net/ipv4/ip_forward": "0",
    "net/ipv4/tcp_rfc1337": "1",
    "net/ipv4/tcp_syncookies": "1",
    "net/ipv6/conf/all/accept_ra": "0",
    "net/ipv6/conf/all/accept_redirects": "0",
    "net/ipv6/conf/all/accept_source_route": "0",
    "net/ipv6/conf/default/accept_ra": "0",
    "net/ipv6/conf/default/accept_redirects": "0",
    # `all` and `default` do not reach an interface that was there before them (ip-sysctl of the kernel).
    "net/ipv4/conf/eth0/accept_redirects": "0",
    "net/ipv4/conf/eth0/secure_redirects": "0",
    "net/ipv4/conf/eth0/send_redirects": "0",
    "net/ipv6/conf/eth0/accept_ra": "0",
    "net/ipv6/conf/eth0/accept_redirects": "0",
}
SSHD = {
    "authenticationmethods": "publickey,keyboard-interactive",
    "kbdinteractiveauthentication": "yes",
    "passwordauthentication": "no",
    "permitrootlogin": "no",
}
ACCOUNTS = ["ann", "bob", "haechi", "sentinel"]
# What a container is never judged by, by the control's id.
KERNEL = ["kernel-at-boot", "kernel-cores", "kernel-links", "kernel-memory", "kernel-network"]
