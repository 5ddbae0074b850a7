"""Documentation and arguments of ``haechi.guard.firmware``; the action plugin has the host do it."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
module: firmware
short_description: Have fwupd look after a host's firmware, and install in the window alone
description:
  - "C(ensure) brings fwupd and makes it what policy says: nothing is reported or offered to neighbours, nothing is
    fetched but from the source of policy, nothing is said at a login. What else a site set in fwupd's files stays."
  - "C(window) connects to nothing. It fails outside of the window that policy names, with when the next one begins."
  - "C(install) has fwupd install what waits, one device after the other, and nothing after one that failed. The host's
    own clock must lie in the window too. It never reboots; what waits for a reboot is said. What became of each device
    goes into the evidence."
options:
  step: {description: What is to be done., type: str, choices: [ensure, window, install], default: ensure}
  desired: {description: The firmware part of the judged policy; for C(ensure)., type: dict}
  begins: {description: "When the window begins, in seconds since 1970; for C(install).", type: int, default: 0}
  ends: {description: "When the window ends, in seconds since 1970; for C(install).", type: int, default: 0}
attributes:
  check_mode: {description: "Says what would be made or installed, at any hour.", support: full}
  diff_mode: {description: "One line for each key, unit, package or device.", support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Have fwupd look after the firmware, and do nothing by itself
  haechi.guard.firmware:
    desired: "{{ haechi_desired[inventory_hostname].firmware }}"
"""

RETURN = r"""
changes: {description: "What was made true, or what became of each device.", returned: always, type: list}
devices: {description: What became of each device., returned: for C(install), type: list}
begins: {description: When the window begins., returned: for C(window), type: int}
ends: {description: When the window ends., returned: for C(window), type: int}
"""

ARGUMENT_SPEC: dict[str, Any] = {
    "step": {"type": "str", "choices": ["ensure", "window", "install"], "default": "ensure"},
    "desired": {"type": "dict"},
    "begins": {"type": "int", "default": 0},
    "ends": {"type": "int", "default": 0},
}
