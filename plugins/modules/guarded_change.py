"""Documentation and arguments of ``haechi.guard.guarded_change``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: guarded_change
short_description: Change what can lock people out, prove it by new connections, or put it back
description:
  - Validates the new files with the real program, saves the old state, arms a rollback on the host itself, swaps,
    activates, proves by new connections that everybody who got in before still gets in, and only then keeps the change.
  - A cut cable, a dead controller, a reboot and a bad rule end the same way. The old state is back in seconds.
  - One task, one round trip where nothing changes. True in check mode and diff.
author: The Haechi project
options:
  subsystem:
    description: What is changed; it decides how the candidate is tried, activated and put back.
    type: str
    required: true
    choices: [nftables, sshd, pam, sudo, grant, sealed, ids]
  files:
    description: Files by C(path), with C(content) (null means absent), C(mode), C(owner) and C(group).
    type: list
    elements: dict
    default: []
  source:
    description: A folder below the role's C(templates), which mirrors the host's root; its files are added to C(files).
    type: str
  options:
    description:
      - nftables. C(load), the file to load; C(tables), what it holds; C(harvest), a file of counters; C(enable), units;
        C(values), a prefix of kernel values that are set after the load; C(listeners), declared sockets, which are
        compared with the open ones; what differs is a warning.
      - sshd. C(variants), texts by C(at_least) release, each with C(path), C(content), C(mode) and C(expect).
      - pam. C(enable) and C(disable), profiles of pam-auth-update; C(enable_where), a PAM module's file to the profile
        that is enabled where the host has that module.
      - grant. The document of C(haechi.desired.grants.build); the host renders files and clock itself.
      - ids. None.
      - sealed. C(account) and, in C(secrets), C(hash).
    type: dict
    default: {}
  secrets:
    description: More of C(options), which stand in no log.
    type: dict
    default: {}
  prove:
    description: Whose way in must stay open. C(automation), C(sentinel), C(operators), C(through).
    type: dict
    required: true
  rollback_after:
    description: Seconds after which the host puts the old state back by itself.
    type: int
    default: 25
"""

EXAMPLES = r"""
- name: Let sudo allow what policy says
  haechi.guard.guarded_change:
    subsystem: sudo
    files:
      - {path: /etc/sudoers.d/haechi-ann, content: "ann ALL=(root) NOPASSWD: /usr/bin/id\n", mode: "0440"}
    prove: "{{ haechi_desired[inventory_hostname].prove }}"
"""

RETURN = r"""
proofs:
  description: What was tried over new connections, with what was expected and seen.
  type: list
  elements: dict
  returned: when something was swapped
"""

ARGUMENT_SPEC = {
    "subsystem": {
        "type": "str",
        "required": True,
        "choices": ["nftables", "sshd", "pam", "sudo", "grant", "sealed", "ids"],
    },
    "files": {"type": "list", "elements": "dict", "default": []},
    "source": {"type": "str"},  # rendered on the controller: see the action plugin
    "options": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "prove": {"type": "dict", "required": True},
    "rollback_after": {"type": "int", "default": 25},
}
