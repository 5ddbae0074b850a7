"""Documentation of the action plugin ``desired``, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: desired
short_description: Hand each host its own part of the judged policy
description:
  - Sets the fact C(haechi_desired) of a host, a mapping with the host's name and its documents, one a role.
  - Comes after M(haechi.guard.policy), for every host; one host never holds what another must become.
    Connects to no host.
author: The Haechi project
options: {}
"""

EXAMPLES = r"""
- name: Judge the policy before any host is touched
  haechi.guard.policy:
  run_once: true

- name: Hand each host its own part of it
  haechi.guard.desired:
"""

RETURN = r"""
ansible_facts:
  description: C(haechi_desired), a mapping of this host alone to its documents.
  type: dict
  returned: success
"""

ARGUMENT_SPEC: dict[str, object] = {}
