"""systemd's part of the recorder: its service, the tunnel to the log host, and the timer that watches both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import running

FOLDER = Path("/etc/systemd/system")
SERVICE, TUNNEL, WATCH = "haechi-recorder.service", "haechi-recorder-tls.service", "haechi-recorder-watch"
_SCRIPT = "/usr/libexec/haechi/recorder"
# systemd never gives up: without a recorder nobody has sudo (systemd.unit(5), StartLimitIntervalSec).
# What neither needs is taken from both (systemd.exec(5)).
_SHUT = "NoNewPrivileges=yes\nProtectHome=yes\nPrivateTmp=yes\nProtectSystem=full\n"
_TEXTS = {
    SERVICE: f"""\
[Unit]
Description=Record what people do by sudo (Haechi)
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStartPre=/usr/bin/python3 -I -S {_SCRIPT} requeue
ExecStart=/usr/sbin/sudo_logsrvd -n
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
{_SHUT}
[Install]
WantedBy=multi-user.target
""",
    TUNNEL: f"""\
[Unit]
Description=Carry recordings to the log host over TLS (Haechi)
After=network.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=/usr/bin/stunnel4 /etc/haechi/recorder/stunnel.conf
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
{_SHUT}
[Install]
WantedBy=multi-user.target
""",
    f"{WATCH}.service": f"""\
[Unit]
Description=Look after the recorder and its certificates (Haechi)

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I -S {_SCRIPT} watch
""",
    f"{WATCH}.timer": """\
[Unit]
Description=Look after the recorder each minute (Haechi)

[Timer]
OnBootSec=30s
OnUnitActiveSec=60s
AccuracySec=1s

[Install]
WantedBy=timers.target
""",
}


def names(variant: Mapping[str, Any]) -> list[str]:
    """Return the units that must be enabled and run."""
    return [SERVICE, *([TUNNEL] if variant["tunnel"] else []), f"{WATCH}.timer"]


def files(variant: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the unit files."""
    kept = {*names(variant), f"{WATCH}.service"}
    return [{"path": str(FOLDER / name), "content": _TEXTS[name], "mode": "0644"} for name in _TEXTS if name in kept]


def absent(variant: Mapping[str, Any]) -> list[str]:
    """Return the unit files that must not be there."""
    return [] if variant["tunnel"] else [str(FOLDER / TUNNEL)]


def states(desired: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, str]:
    """Return the units that are not enabled, or do not run, with what is to be done."""
    if not desired["here"]:
        return {}
    return running.lacking(names(variant))
