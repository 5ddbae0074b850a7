"""Documentation and arguments of ``haechi.guard.posture``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: posture
short_description: Look at a host in one round trip
description:
  - Read-only, the same in check mode. Returns everything that controls about one host are judged by, in sections; a
    section that could not be read is unknown, with the reason.
  - No secret leaves the host. Of a password hash only its prefix is told, of keys only fingerprints.
  - Tries connections from the host, and sends nothing over those that open; over UDP it asks for a status or the time.
author: The Haechi project
options:
  nonce:
    description: The run's number, which comes back in the answer; at least 16 characters.
    type: str
    required: true
  subject:
    description: The host's name in the inventory, which comes back in the answer.
    type: str
    required: true
  users:
    description: Accounts for which sshd is asked what it would be.
    type: list
    elements: str
    default: []
  sysctl:
    description: Kernel keys to look at; C(*) stands for every interface that is there.
    type: list
    elements: str
    default: []
  skip:
    description: Folders that the walk over all files leaves out.
    type: list
    elements: str
    default: []
  knock:
    description: Addresses with a port, as C(192.0.2.10:22), that the account of HR's receiver tries to reach.
    type: list
    elements: str
    default: []
  edge:
    description: Where the edge of this host is to be tried, and its limits; nothing on a host that is none.
    type: dict
    default: {}
  probes:
    description: Connections to try, each with C(address) (a number) and C(port); other keys come back as they are.
    type: list
    elements: dict
    default: []
  tries:
    description: Attempts of a zone matrix, each C([address, proto, port, patient]); proto is one of tcp, udp, icmp.
    type: list
    elements: list
    default: []
"""

EXAMPLES = r"""
- name: Look at the host
  haechi.guard.posture:
    nonce: 0123456789abcdef
    subject: "{{ inventory_hostname }}"
    users: [root]
    probes:
      - {what: web, address: 192.0.2.10, port: 443}
"""

RETURN = r"""
observation:
  description: The posture document.
  type: dict
  returned: success
probes:
  description: The probes with C(result), one of open, refused, timeout, unreachable, blocked, untried, and C(why).
  type: list
  elements: dict
  returned: success
tries:
  description: The tries, each with the source address, the result and the milliseconds that it took.
  type: list
  elements: list
  returned: success
"""

ARGUMENT_SPEC = {
    "nonce": {"type": "str", "required": True},
    "subject": {"type": "str", "required": True},
    "users": {"type": "list", "elements": "str", "default": []},
    "sysctl": {"type": "list", "elements": "str", "default": []},
    "skip": {"type": "list", "elements": "str", "default": []},
    "knock": {"type": "list", "elements": "str", "default": []},
    "edge": {"type": "dict", "default": {}},
    "probes": {"type": "list", "elements": "dict", "default": []},
    "tries": {"type": "list", "elements": "list", "default": []},
}
