"""Documentation of the action plugin ``haechi.guard.audit``, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Look at a host in one round trip, and judge what was seen
description:
  - C(look) collects the posture of a host and the answers of sshd to offers of keys; it changes nothing.
  - C(judge) gives a verdict for every control from what all hosts of the play answered. It fails where a control failed
    or could not be judged, and names it.
options:
  step:
    description: Which half.
    type: str
    required: true
    choices: [look, judge]
author: [Haechi]
"""

EXAMPLES = r"""
- name: Look at the host
  haechi.guard.audit:
    step: look
  register: __audit
"""

RETURN = r"""
answer: {description: What the host and sshd answered., returned: look, type: dict}
written: {description: The file that holds the verdicts., returned: judge, type: str}
"""

ARGUMENT_SPEC = {"step": {"type": "str", "required": True, "choices": ["look", "judge"]}}
