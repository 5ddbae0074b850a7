"""The units of renewal: the host's timer, what finishes a swap at boot, and the authority's socket. Texts, no I/O."""

from __future__ import annotations

PROGRAM, SERVER = "/usr/lib/haechi/renew.pyz", "/usr/lib/haechi/renew-serve.pyz"
FOLDER = "/etc/systemd/system"
NAME, FINISH, SERVE = "haechi-renew", "haechi-renew-finish", "haechi-renew-serve"
_HEAD = "# Written by Haechi.\n"
# What both programs can do without (systemd.exec(5)).
_SHUT = """\
ProtectSystem=strict
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectHome=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
# The new key belongs to whoever uses it.
_RUN = f"""\
ReadWritePaths=/etc/haechi/x509 -/var/lib/haechi
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
{_SHUT}"""

SERVICE = f"""{_HEAD}[Unit]
Description=Have the TLS certificates of this host renewed that are due
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {PROGRAM}
TimeoutStartSec=300
{_RUN}"""
# Asked each hour, so that an authority that was away costs an hour; what is not due asks nobody.
TIMER = f"""{_HEAD}[Unit]
Description=Look each hour whether a TLS certificate has a third of its life left
[Timer]
OnCalendar=hourly
RandomizedDelaySec=30min
Persistent=yes
[Install]
WantedBy=timers.target
"""
AT_BOOT = f"""{_HEAD}[Unit]
Description=Finish the renewal of a TLS certificate that a crash interrupted
ConditionPathExistsGlob=/etc/haechi/x509/*.next
Before=network.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {PROGRAM} --finish
{_RUN}
[Install]
WantedBy=multi-user.target
"""
# Root's files are read because they are root's, by a process without root's rights; of those it has the two by which
# openssl reads what strangers send as nobody. The keys that sign for SSH are out of its sight.
ANSWER = f"""{_HEAD}[Unit]
Description=Sign a TLS certificate anew for the host that holds it
CollectMode=inactive-or-failed
[Service]
ExecStart=/usr/bin/python3 -I {SERVER}
StandardInput=socket
StandardOutput=socket
StandardError=journal
SyslogIdentifier=haechi-renewal
SyslogFacility=authpriv
RuntimeMaxSec=20
MemoryMax=256M
TasksMax=8
CapabilityBoundingSet=CAP_SETUID CAP_SETGID
RestrictAddressFamilies=none
ReadWritePaths=/etc/haechi/pki/issued-x509.jsonl
InaccessiblePaths=-/etc/haechi/pki/ssh_user_ca -/etc/haechi/pki/ssh_host_ca
ProtectProc=invisible
{_SHUT}"""


def listening(address: str, port: int) -> str:
    """Return the socket at which renewal is served."""
    return f"""{_HEAD}[Unit]
Description=Renew TLS certificates of hosts
[Socket]
ListenStream={address}:{port}
FreeBind=yes
Accept=yes
MaxConnections=16
MaxConnectionsPerSource=2
TriggerLimitIntervalSec=0
[Install]
WantedBy=sockets.target
"""
