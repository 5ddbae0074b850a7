"""The units of the list that hosts fetch, and of the one host that serves it. Texts, no I/O."""

from __future__ import annotations

from ansible_collections.haechi.guard.plugins.module_utils.pki import held

PROGRAM = "/usr/lib/haechi/list.pyz"
FOLDER = "/etc/systemd/system"
NAME, BOOT, SERVE = "haechi-list", "haechi-list-boot", "haechi-list-serve"
_HEAD = "# Written by Haechi (role accounts).\n"
# The helper ends processes, edits accounts and homes: what could be taken from root here it needs.
_RUN = f"ExecStart=/usr/bin/python3 -I {PROGRAM}"

SERVICE = f"""{_HEAD}[Unit]
Description=Fetch the signed list of who left, and deny them
[Service]
Type=oneshot
{_RUN}
TimeoutStartSec=120
NoNewPrivileges=yes
"""
TIMER = f"""{_HEAD}[Unit]
Description=Fetch the signed list of who left every five minutes
[Timer]
OnActiveSec=1min
OnUnitActiveSec=5min
RandomizedDelaySec=20
AccuracySec=5
[Install]
WantedBy=timers.target
"""
# Ordered before sshd and not required by it: sshd starts when this has ended, however it ended.
AT_BOOT = f"""{_HEAD}[Unit]
Description=Hear who left before anybody can log in
After=network.target haechi-firewall.service nftables.service
Before=ssh.service ssh.socket
[Service]
Type=oneshot
{_RUN} --boot
TimeoutStartSec=15
NoNewPrivileges=yes
[Install]
WantedBy=multi-user.target
"""
# Whoever connects gets the file and has nothing to say: no request is read, so there is nothing to attack by one.
# cat opens nothing: systemd hands it the file and the connection. (A user of its own, DynamicUser, a container lacks.)
ANSWER = f"""{_HEAD}[Unit]
Description=Send the signed list of who left
CollectMode=inactive-or-failed
[Service]
ExecStart=/usr/bin/cat
StandardInput=file:{held.HELD}
StandardOutput=socket
StandardError=journal
User=nobody
ProtectSystem=strict
PrivateUsers=yes
RuntimeMaxSec=10
MemoryMax=16M
TasksMax=2
CapabilityBoundingSet=
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectHome=yes
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=none
RestrictNamespaces=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""


def listening(address: str, port: int) -> str:
    """Return the socket at which the list is served."""
    return f"""{_HEAD}[Unit]
Description=Serve the signed list of who left
[Socket]
ListenStream={address}:{port}
FreeBind=yes
Accept=yes
MaxConnections=64
MaxConnectionsPerSource=4
TriggerLimitIntervalSec=0
[Install]
WantedBy=sockets.target
"""


def wanted(config: dict[str, object], serve: str | None) -> dict[str, str | None]:
    """Return the unit files of a host by path; None for one that must not be there."""
    port = config["port"]
    return {
        f"{FOLDER}/{NAME}.service": SERVICE,
        f"{FOLDER}/{NAME}.timer": TIMER,
        f"{FOLDER}/{BOOT}.service": AT_BOOT,
        f"{FOLDER}/{SERVE}.socket": listening(serve, int(str(port))) if serve else None,
        f"{FOLDER}/{SERVE}@.service": ANSWER if serve else None,
    }


def enabled(serve: str | None) -> dict[str, str]:
    """Return the units that must be enabled, each with the link that says that it is."""
    links = {f"{NAME}.timer": "timers.target", f"{BOOT}.service": "multi-user.target"}
    links |= {f"{SERVE}.socket": "sockets.target"} if serve else {}
    return {unit: f"{FOLDER}/{target}.wants/{unit}" for unit, target in links.items()}
