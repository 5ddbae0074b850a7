"""Documentation and arguments of ``haechi.guard.service``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service
short_description: Run a service of Haechi's own on a host
description:
  - Places Haechi and what it needs, in the lock's versions, in C(/opt/haechi-<application>). The controller resolves
    and packs it, so the host needs neither a package index nor a compiler. The version that runs is replaced in one
    step.
  - Places those of the role's templates below C(etc), which mirrors C(/etc), that have C(haechi-<application>) in
    their path, and secrets that no diff and no log shows. Then enables and starts the units; where they do not start,
    the old files come back and the task fails.
options:
  application:
    description: What is run.
    type: str
    required: true
    choices: [receive, work]
  folders:
    description: Folders of the host to folders of the controller whose text files they hold, and no others; readable
      for root and the account of the service.
    type: dict
    default: {}
  files:
    description: Path to text of further files that only root and the account of the service may read.
    type: dict
    default: {}
  secrets:
    description: Path to text of files that root alone reads, in C(/etc/haechi-<application>/secrets); others there go.
    type: dict
    default: {}
  lacking:
    description: What the controller lacks for it; any of it fails the task before the host is touched.
    type: list
    elements: str
    default: []
  units:
    description: Units that must be enabled and run, in the order in which they start.
    type: list
    elements: str
    required: true
attributes:
  check_mode: {description: Says what would be made., support: full}
  diff_mode: {description: Each file's difference but those of secrets., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Receive what HR systems say
  haechi.guard.service:
    application: receive
    units: [haechi-receive.socket, haechi-receive.service]
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
"""

ARGUMENT_SPEC = {
    "application": {"type": "str", "required": True, "choices": ["receive", "work"]},
    "folders": {"type": "dict", "default": {}},
    "files": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "lacking": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "required": True},
}
