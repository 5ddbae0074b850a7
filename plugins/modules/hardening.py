"""Documentation and arguments of ``haechi.guard.hardening``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: hardening
short_description: Make the operating system's part of the baseline true in one round trip
description:
  - Looks at the host once, plans against what is wanted, and applies the plan. Rights are only taken away.
  - What only a person can judge is returned in RV(findings) and shown as a warning; nothing was changed for it.
  - What this machine cannot make true, such as kernel values in a container, is returned in RV(not_real).
  - Places the files of O(tree) first; the action plugin of the same name renders them on the controller. Where a
    follow-up fails, the old files come back and the task fails, so that the next run tries again.
options:
  tree:
    description:
      - "C(source): a folder below the role's C(templates), which mirrors C(/); a template that renders to nothing is a
        file that must be absent. C(modes): path to mode, for what is not C(0644); everything belongs to root.
        C(absent): paths that must not exist. C(follow_ups): what to run when a path changed, C(paths), a list of
        patterns, and C(run), a list of commands, each a list of arguments that runs once."
    type: dict
  accounts:
    description:
      - "C(max_days), C(min_days): ageing of usable passwords. C(stock): Debian's unused accounts. C(known): accounts
        that may have a shell. C(sealed): accounts whose password does not age. C(hashes): accepted password hashes.
        C(home_max): most that a home may allow."
    type: dict
    required: true
  groups:
    description: Groups that must exist before a PAM profile names them.
    type: list
    elements: str
    default: []
  modes:
    description:
      - "Rules: C(topic), C(paths) (patterns), C(max) (quoted octal), C(owner), C(group), C(below) (all files under the
        paths), C(keep) (by dpkg-statoverride), C(but) (paths left alone)."
    type: list
    elements: dict
    default: []
  absent:
    description: Files that must not exist.
    type: list
    elements: str
    default: []
  set_id:
    description: "C(allow): programs that keep their set-ID bits. C(skip): folders that the walk leaves out."
    type: dict
    required: true
  units:
    description: Control id to units that are stopped and masked where they exist.
    type: dict
    default: {}
  packages:
    description: Control id to packages that are reported where they are installed.
    type: dict
    default: {}
  sysctl:
    description: Kernel values; C(*) in a key stands for every interface that is there.
    type: dict
    default: {}
  login_defs:
    description: Values of /etc/login.defs.
    type: dict
    default: {}
  time_server:
    description: Address that the clock follows; none where the host is the time server itself.
    type: str
author: [Haechi]
"""

EXAMPLES = r"""
- name: Close what may be closed
  haechi.guard.hardening:
    accounts: {max_days: 90, min_days: 1, stock: [], known: [haechi], sealed: [], hashes: ["$y$"], home_max: "0700"}
    set_id: {allow: [/usr/bin/sudo], skip: [/var/lib/docker]}
    modes: [{topic: U-16, paths: [/etc/passwd], max: "0644", owner: root, group: root}]
    tree:
      source: etc
      follow_ups:
        - {paths: ["/etc/systemd/journald.conf.d/*"], run: [[systemctl, restart, systemd-journald]]}
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
findings: {description: What a person must judge., returned: always, type: list}
not_real: {description: What this machine cannot make true., returned: always, type: list}
paths: {description: Files of the tree that changed., returned: always, type: list}
ran: {description: Follow-ups that ran., returned: always, type: list}
"""

ARGUMENT_SPEC = {
    "tree": {"type": "dict"},
    "accounts": {"type": "dict", "required": True},
    "groups": {"type": "list", "elements": "str", "default": []},
    "modes": {"type": "list", "elements": "dict", "default": []},
    "absent": {"type": "list", "elements": "str", "default": []},
    "set_id": {"type": "dict", "required": True},
    "units": {"type": "dict", "default": {}},
    "packages": {"type": "dict", "default": {}},
    "sysctl": {"type": "dict", "default": {}},
    "login_defs": {"type": "dict", "default": {}},
    "time_server": {"type": "str"},
}
