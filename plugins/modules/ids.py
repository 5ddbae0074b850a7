"""Documentation and arguments of ``haechi.guard.ids``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ids
short_description: Run Suricata on what a gateway lets through
description:
  - One Suricata for each choice that policy makes. C(open) and C(closed) are inline and drop what matches; the one lets
    its traffic pass while nobody inspects, the other stops it. C(detect) is given copies, and can stop nothing.
  - Rules are Haechi's own and those of the sources that policy names. A change is tried first, by the real Suricata
    beside the one that inspects, over recorded traffic that must be found and traffic that must not. What fails changes
    nothing; what is taken is loaded without ending the inspection.
  - Which packets go there is another task's, behind the guarded change; C(queues_due) says whether that is due.
options:
  desired:
    description: The ids part of the judged policy.
    type: dict
    required: true
attributes:
  check_mode: {description: Says what would be made., support: full}
  diff_mode: {description: "Each file's difference; of rules, their size.", support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Inspect what is let through
  haechi.guard.ids:
    desired: "{{ haechi_desired[inventory_hostname].ids }}"
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
queues_due: {description: Whether other packets are handed over than policy says., returned: always, type: bool}
"""

ARGUMENT_SPEC = {"desired": {"type": "dict", "required": True}}
