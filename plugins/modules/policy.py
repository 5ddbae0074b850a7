"""Documentation of the action plugin ``policy``, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Judge the policy and hand every host what it must become
description:
  - Reads C(group_vars/all/policy) of the inventory in use, judges it, takes the leavers out, and sets the fact
    C(haechi_desired), one document a role for each host. Connects to no host.
  - The first task of every play, with C(run_once). Fails with all problems at once.
author: The Haechi project
options:
  needs:
    description:
      - Ids of the people this run is about. Problems elsewhere in the policy are then warnings.
      - Without it the whole policy must be right.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Judge the policy before any host is touched
  haechi.guard.policy:
  run_once: true
"""

RETURN = r"""
ansible_facts:
  description: C(haechi_desired), a mapping of host to its documents.
  type: dict
  returned: success
"""

ARGUMENT_SPEC = {"needs": {"type": "list", "elements": "str"}}
