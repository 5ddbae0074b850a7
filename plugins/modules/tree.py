"""Place a whole tree of files in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tree
short_description: Place a whole tree of rendered files in one round trip
description:
  - The action plugin of the same name renders every template below O(source) on the controller; this module
    compares the result with the host, writes what differs atomically, and runs the follow-ups of what changed.
  - A template that renders to nothing stands for a file that must be absent.
  - Where a follow-up fails, the old files come back and the task fails, so that the next run tries again.
options:
  source:
    description: Folder below the role's C(templates), which mirrors C(/).
    type: str
    required: true
  modes:
    description: Path to mode, for what is not C(0644). Everything belongs to root.
    type: dict
    default: {}
  absent:
    description: Paths that must not exist.
    type: list
    elements: str
    default: []
  follow_ups:
    description:
      - "What to run when a path changed: C(paths) is a list of patterns, C(run) a list of commands, each a list
        of arguments. A command runs once."
    type: list
    elements: dict
    default: []
author: [Haechi]
"""

EXAMPLES = r"""
- name: Place the files of the baseline
  haechi.guard.tree:
    source: etc
    modes: {/etc/cron.allow: "0600"}
    follow_ups:
      - {paths: ["/etc/systemd/journald.conf.d/*"], run: [[systemctl, restart, systemd-journald]]}
"""

RETURN = r"""
paths: {description: Paths that changed., returned: always, type: list}
ran: {description: Follow-ups that ran., returned: always, type: list}
"""

import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.haechi.guard.plugins.module_utils import tree

ARGUMENT_SPEC: dict[str, Any] = {
    "source": {"type": "str", "required": True},
    "modes": {"type": "dict", "default": {}},
    "absent": {"type": "list", "elements": "str", "default": []},
    "follow_ups": {"type": "list", "elements": "dict", "default": []},
    "_files": {"type": "list", "elements": "dict", "default": []},
}


def follow(argv: tuple[str, ...]) -> str:
    """Run one follow-up; return what it complained of, or nothing."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return (done.stderr or done.stdout or f"exit code {done.returncode}").strip() if done.returncode else ""


def main() -> None:
    """Compare, write, follow up."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wanted = tree.wanted(module.params["_files"])
    paths = [*(file.path for file in wanted), *module.params["absent"]]
    steps = tree.plan({path: tree.observe(path) for path in paths}, wanted, module.params["absent"])
    commands = tree.due([step.path for step in steps], module.params["follow_ups"])
    result = {
        "changed": bool(steps),
        "paths": [step.path for step in steps],
        "ran": [" ".join(argv) for argv in commands],
        "diff": [tree.diff(step) for step in steps],
    }
    if not module.check_mode:
        for step in steps:
            tree.put(step.path, step.after)
        for argv in commands:
            complaint = follow(argv)
            if complaint:
                tree.restore(steps)
                module.fail_json(msg=f"`{' '.join(argv)}` failed after a change, the old files are back: {complaint}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
