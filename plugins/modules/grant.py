"""Documentation of the action plugin ``haechi.guard.grant``, which runs on the control node."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
module: grant
short_description: Judge a request for a privilege and its approvals
description:
  - Reads the signed request and approvals on record and refuses, with the reason, what is expired, altered, replayed,
    not approved by enough people of permitted jobs, or asked by or approved by somebody who has left.
  - Marks the request as granted, so that later runs leave its rules alone until its window is over. Asks no host.
options:
  grant: {description: "Id of a request, or the file that C(haechi request write) wrote.", type: str, required: true}
  end: {description: Take the grant back before its window is over., type: bool, default: false}
  told:
    description: Hosts that took the grant; with it nothing is judged, and this is remembered.
    type: list
    elements: str
attributes:
  check_mode: {description: Judges and marks nothing., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Judge the request and its approvals
  haechi.guard.grant:
    grant: 0123456789abcdef
  run_once: true
  register: __grant
"""

RETURN = r"""
hosts: {description: Where it counts., returned: success, type: list}
options: {description: "What the guarded change of subsystem C(grant) takes.", returned: success, type: dict}
"""

ARGUMENT_SPEC: dict[str, Any] = {
    "grant": {"type": "str", "required": True},
    "end": {"type": "bool", "default": False},
    "told": {"type": "list", "elements": "str"},
}
