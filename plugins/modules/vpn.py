"""Documentation and arguments of ``haechi.guard.vpn``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: vpn
short_description: Run the VPN of people on a gateway
description:
  - "OpenVPN over UDP and over TCP, with what it asks at each handshake and connect: who left, which addresses and
    routes a job has, how long a session lasts."
  - "A configuration that is another than the one that runs is tried first, by the real OpenVPN beside it, on loopback.
    What it does not take changes nothing; what does not get ready after the swap is put back."
  - Keys that people share with the gateway are made on it and stay.
options:
  desired:
    description: The VPN part of the judged policy.
    type: dict
    required: true
attributes:
  check_mode: {description: Says what would be made., support: full}
  diff_mode: {description: Each file's difference; secrets are in none., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Let people in by a tunnel of their own
  haechi.guard.vpn:
    desired: "{{ haechi_desired[inventory_hostname].vpn }}"
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
"""

ARGUMENT_SPEC = {"desired": {"type": "dict", "required": True}}
