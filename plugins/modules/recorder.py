"""Documentation and arguments of ``haechi.guard.recorder``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: recorder
short_description: Make a host's TLS certificates and its recorder of sudo
description:
  - "TLS certificates first: a key is made on this host and stays, the authority signs its request by way of the
    controller. A certificate is signed anew when it is missing, says something else, or has a third of its life left."
  - A loopback C(sudo_logsrvd) that stores first and forwards to the log host, or on the log host keeps; the timer that
    raises alarms. stunnel carries recordings to the log host over TLS, with the same certificates.
  - Ends when the recorder answers. That people's sudo asks it is written by M(haechi.guard.guarded_change).
options:
  desired:
    description: The recorder part of the judged policy.
    type: dict
    required: true
attributes:
  check_mode: {description: Says what would be made., support: full}
  diff_mode: {description: One line for each change, and each file's difference., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Make the recorder
  haechi.guard.recorder:
    desired: "{{ haechi_desired[inventory_hostname].recorder }}"
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
"""

ARGUMENT_SPEC = {"desired": {"type": "dict", "required": True}}
