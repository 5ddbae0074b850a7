"""Documentation of the action ``pin_host_key``, which runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pin_host_key
short_description: Pin a host's key before anything is said to it
description:
  - Asks the host, over the way that the inventory's ssh configuration gives, for the key it presents, and writes
    it to the known_hosts file of that configuration under the host's name. Nothing is sent to the host but the
    question; no login is tried.
  - The key must match O(fingerprint), or be the one that is pinned already. A first contact without a fingerprint
    is refused unless O(trust_first_contact) is set, because whoever sits on the way could answer.
options:
  fingerprint:
    description: C(SHA256:...) of the host key, as the provider's console or C(ssh-keygen -lf) on the host shows it.
    type: str
  trust_first_contact:
    description: Pin whatever key answers, and show its fingerprint to compare afterwards.
    type: bool
    default: false
author: [Haechi]
"""

EXAMPLES = r"""
- name: Pin the host key
  haechi.guard.pin_host_key:
    fingerprint: SHA256:Cxoc6U1ZGTqS6PxZyLFhrh4ux0vpuYVnE0M1p3IvVv8
"""

RETURN = r"""
fingerprint: {description: Fingerprint of the key that answered., returned: always, type: str}
"""

from typing import Any

ARGUMENT_SPEC: dict[str, Any] = {
    "fingerprint": {"type": "str"},
    "trust_first_contact": {"type": "bool", "default": False},
}
