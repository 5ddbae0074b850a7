"""Documentation of the action plugin ``policy``, which does the work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: policy
short_description: Judge the policy and work out what every host must become
description:
  - Reads C(group_vars/all/policy) of the inventory in use, judges it, takes the leavers out, and works out what each
    host must become; M(haechi.guard.desired) hands each host its own part. Connects to no host.
  - The first task of every play, with C(run_once). Fails with all problems at once.
author: The Haechi project
options:
  needs:
    description:
      - Ids of the people this run is about. Problems elsewhere in the policy are then warnings.
      - Without it the whole policy must be right.
    type: list
    elements: str
  documents:
    description:
      - Whether M(haechi.guard.desired) will ask for what hosts must become.
      - By default it will, unless C(needs) is given.
    type: bool
  certificate:
    description:
      - Whether the automation should have its certificate before the first connection. It is fetched from the authority
        when less than ten minutes are left of it; where none comes, the bare key is used, and a warning says so.
      - Together with C(documents) also whether shared secrets are listed for rotation that somebody knew who moved.
    type: bool
    default: false
  x509:
    description:
      - Whether the run hands out what the X.509 authorities sign. One of them that expired then stops it, before any
        host is touched; elsewhere it is a warning.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Judge the policy before any host is touched
  haechi.guard.policy:
  run_once: true
"""

RETURN = r"""
haechi_run:
  description: What the run is about, for its evidence and its judges.
  type: dict
  returned: success
"""

ARGUMENT_SPEC = {
    "needs": {"type": "list", "elements": "str"},
    "documents": {"type": "bool"},
    "certificate": {"type": "bool", "default": False},
    "x509": {"type": "bool", "default": False},
}
