"""Documentation of the action plugin ``haechi.guard.drill``, which runs on the control node."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
module: drill
short_description: Drill the sealed account, from its holders' shares to its alarm
description:
  - Brings the secret back from enough shares, logs in with it at a console of every host of the play that the account
    may open, and sees that each host raises the alarm at once and logs it. The alarm that it raised itself it takes
    away again; where one stands already it tries nothing.
  - Writes holders, hosts and sights into the evidence, and fails, with how to mend it, where a login or an alarm lacks.
  - Shares and code are typed at the terminal, or read from files or named pipes that nobody else may read. They are in
    no variable, on no command line and in no log, and the secret is forgotten when the hosts have answered. A secret
    that was used has to be replaced by C(haechi break-glass split).
options:
  shares:
    description: Files with one share each, as many as it takes; asked for at the terminal by default.
    type: list
    elements: path
    default: []
  code: {description: "File with the account's one-time code of now, where it has codes.", type: path}
  reason: {description: Why the drill is held; by default because policy asks for it., type: str}
attributes:
  check_mode: {description: Says what would be drilled; asks for no share and no host., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Open the sealed account, and see its alarm
  haechi.guard.drill:
  run_once: true
"""

RETURN = r"""
hosts: {description: Where it was drilled., returned: success, type: list}
"""

ARGUMENT_SPEC: dict[str, Any] = {
    "shares": {"type": "list", "elements": "path", "default": [], "no_log": False},
    "code": {"type": "path"},
    "reason": {"type": "str"},
}
