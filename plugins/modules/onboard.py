"""Documentation of the action plugin ``haechi.guard.onboard``, which runs on the control node."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
module: onboard
short_description: Judge who comes; after the roles give their codes on, and say what is left to do
description:
  - C(begin) refuses whom policy does not know, has disabled or has no dates for today, whoever may log in nowhere, and
    whoever left. Somebody who left comes back by O(rehire) alone, with a new key and a reason. It returns the hosts
    that the roles C(accounts) and C(mfa) are for. Asks no host.
  - C(close) looks at the person's hosts for one-time codes where that is the factor, gives hosts that lack them the
    codes that others have, over SSH and past every file, says what the person has to do, and keeps the record.
options:
  step: {description: Before the roles or after them., type: str, required: true, choices: [begin, close]}
  person: {description: Id of the person., type: str, required: true}
  rehire: {description: Let somebody come back who left., type: bool, default: false}
  rehired: {description: What C(begin) returned in C(rehired)., type: bool, default: false}
  reason: {description: Why; needed for somebody who left., type: str}
attributes:
  check_mode: {description: Ends no tombstone and gives no codes., support: full}
  diff_mode: {description: Names the hosts that are given codes., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: See who comes
  haechi.guard.onboard: {step: begin, person: hana}
  run_once: true
  register: __onboard
"""

RETURN = r"""
hosts: {description: Whom the roles are for., returned: for C(begin), type: list}
rehired: {description: Whether somebody who left comes back., returned: for C(begin), type: bool}
"""

ARGUMENT_SPEC: dict[str, Any] = {
    "step": {"type": "str", "required": True, "choices": ["begin", "close"]},
    "person": {"type": "str", "required": True},
    "rehire": {"type": "bool", "default": False},
    "rehired": {"type": "bool", "default": False},
    "reason": {"type": "str"},
}
