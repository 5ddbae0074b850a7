"""What signs and serves the VPN's revocation list on the authority's host: units and a program. Planned first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm, program
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import crl, held, people, x509
from ansible_collections.haechi.guard.plugins.module_utils.pull import document
from ansible_collections.haechi.guard.plugins.module_utils.pull import units as served
from ansible_collections.haechi.guard.plugins.module_utils.renewal import install
from ansible_collections.haechi.guard.plugins.module_utils.renewal.units import FOLDER

PROGRAM = "/usr/lib/haechi/vpn-crl-sign.pyz"
SIGN, SERVE = "haechi-vpn-crl-sign", "haechi-vpn-crl-serve"
_HEAD = "# Written by Haechi (role pki).\n"
_SERVICE = f"""{_HEAD}[Unit]
Description=Sign the revocation list of the VPN where it is due
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {PROGRAM}
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/etc/haechi/pki -/var/lib/haechi
PrivateTmp=yes
ProtectHome=yes
"""
_TIMER = f"""{_HEAD}[Unit]
Description=Look every five minutes whether the revocation list of the VPN is due
[Timer]
OnActiveSec=1min
OnUnitActiveSec=5min
AccuracySec=5
[Install]
WantedBy=timers.target
"""
_PATH = f"""{_HEAD}[Unit]
Description=Sign the revocation list of the VPN as soon as somebody left
[Path]
PathChanged={held.HELD}
[Install]
WantedBy=multi-user.target
"""


def plan(desired: Mapping[str, Any]) -> install.Plan:
    """Return what the authority's host lacks; ``desired`` names address and port of the socket."""
    # As the list of who left is sent: whoever connects gets the file, and has nothing to say.
    answer = served.ANSWER.replace(held.HELD, str(people.FOLDER / people.LIST))
    socket = served.listening(desired["address"], desired["port"])
    rows = {f"{SIGN}.service": _SERVICE, f"{SIGN}.timer": _TIMER, f"{SIGN}.path": _PATH}
    rows |= {f"{SERVE}.socket": socket, f"{SERVE}@.service": answer}
    made = program.build("pki.people", [m.__name__ for m in (alarm, files, crl, held, people, x509, document)])
    wanted = {f"{SIGN}.timer": True, f"{SIGN}.path": True, f"{SERVE}.socket": True}
    return install.plan({f"{FOLDER}/{name}": (text, "0644") for name, text in rows.items()}, (PROGRAM, made), wanted)
