"""The units of the intrusion detection, its folders, and how long its logs are kept. Texts, no I/O."""

from __future__ import annotations

from collections.abc import Sequence

PROGRAM = "/usr/lib/haechi/ids.pyz"
FOLDER, LOGS, RUN = "/etc/haechi/ids", "/var/log/haechi-ids", "/run/haechi-ids"
SYSTEM = "/etc/systemd/system"
# By instance: two queues, and the group that copies go to; the controller renders the rules by the same numbers.
NUMBERS = {"open": 40, "closed": 41, "detect": 42}
WATCH, CANARY, QUEUES = "haechi-ids-watch.service", "haechi-ids-canary.timer", "haechi-ids-queues.service"
_HEAD = "# Written by Haechi (role ids).\n"
_SANDBOX = """NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
SystemCallArchitectures=native
"""


def service(name: str) -> str:
    """Return the unit of an instance."""
    return f"haechi-ids-{name}.service"


def command(name: str) -> str:
    """Return what an instance runs."""
    taken = "--nflog" if name == "detect" else f"-q {NUMBERS[name]}"
    return f"/usr/bin/suricata -c {FOLDER}/{name}.yaml {taken}"


def services(instances: Sequence[str]) -> tuple[str, ...]:
    """Return the units that must run and start at boot."""
    return (*map(service, instances), WATCH, CANARY, QUEUES)


def texts(instances: Sequence[str]) -> dict[str, str]:
    """Return path to text of everything but configurations and rules."""
    words = " ".join(instances)
    return {
        **{f"{SYSTEM}/{service(name)}": _suricata(name) for name in instances},
        f"{SYSTEM}/{WATCH}": _watch(words),
        f"{SYSTEM}/{QUEUES}": _QUEUES,
        f"{SYSTEM}/{CANARY}": _TIMER,
        f"{SYSTEM}/{CANARY.removesuffix('.timer')}.service": _canary(words),
        "/etc/tmpfiles.d/haechi-ids.conf": f"{_HEAD}d {RUN} 0700 root root\nd {LOGS} 0750 root adm\n",
        "/etc/logrotate.d/haechi-ids": _rotated(instances),
    }


def _suricata(name: str) -> str:
    return f"""{_HEAD}[Unit]
Description=Suricata on forwarded traffic, {name} (Haechi)
After=network-online.target systemd-tmpfiles-setup.service {QUEUES}
Wants=network-online.target
StartLimitIntervalSec=0
[Service]
ExecStart={command(name)}
Restart=always
RestartSec=2
TimeoutStopSec=10
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_SYS_NICE
ReadWritePaths={RUN} {LOGS}
{_SANDBOX}[Install]
WantedBy=multi-user.target
"""


def _watch(words: str) -> str:
    return f"""{_HEAD}[Unit]
Description=Watch over Suricata and its queues (Haechi)
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/python3 -I {PROGRAM} watch {words}
Restart=always
RestartSec=2
ReadWritePaths=/var/lib/haechi
{_SANDBOX}[Install]
WantedBy=multi-user.target
"""


# Before the network: what must not pass uninspected does not pass before Suricata is there either.
_QUEUES = f"""{_HEAD}[Unit]
Description=Queues of the intrusion detection (Haechi)
DefaultDependencies=no
After=local-fs.target haechi-guard-rollback.service haechi-firewall.service
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 -I {PROGRAM} load
[Install]
WantedBy=sysinit.target
"""
_TIMER = f"""{_HEAD}[Unit]
Description=Fire the canary of the intrusion detection twice a day (Haechi)
[Timer]
OnActiveSec=20s
OnUnitActiveSec=12h
AccuracySec=1s
[Install]
WantedBy=timers.target
"""


def _canary(words: str) -> str:
    return f"""{_HEAD}[Unit]
Description=Fire the canary of the intrusion detection (Haechi)
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {PROGRAM} canary {words}
TimeoutStartSec=120
Restart=on-failure
RestartSec=60
ReadWritePaths=/var/lib/haechi
{_SANDBOX}"""


def _rotated(instances: Sequence[str]) -> str:
    # A hangup has Suricata open its logs anew, and nothing else.
    told = "\n".join(f"        systemctl kill -s HUP {service(name)} || true" for name in instances)
    return f"""{_HEAD}{LOGS}/*.json {{
    daily
    rotate 400
    compress
    delaycompress
    missingok
    notifempty
    sharedscripts
    postrotate
{told}
    endscript
}}
"""
