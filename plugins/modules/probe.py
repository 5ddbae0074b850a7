"""Documentation of the action plugin ``haechi.guard.probe``, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: probe
short_description: Have hosts try the perimeter, and judge what came of it
description:
  - C(look) has the host try, all at once and within seconds, some hosts of every zone at every port of a flow and at
    some that intruders seek. Nothing is sent over a connection that opens; over UDP it asks for a status or the time.
  - C(judge) holds what all hosts of the play told against policy. It shows the zone matrix, and fails where an
    undeclared way is open, a declared one is cut, or something was not seen.
options:
  step:
    description: Which half.
    type: str
    required: true
    choices: [look, judge]
author: [Haechi]
"""

EXAMPLES = r"""
- name: Try every zone
  haechi.guard.probe:
    step: look
  register: __probe
"""

RETURN = r"""
answer: {description: What the host found., returned: look, type: dict}
written: {description: The file that holds the verdicts., returned: judge, type: str}
"""

ARGUMENT_SPEC = {"step": {"type": "str", "required": True, "choices": ["look", "judge"]}}
