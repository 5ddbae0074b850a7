"""Make the automation account and the way in for it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bootstrap
short_description: Make the automation account and the way in for it
description:
  - Makes the account without a usable password, places its keys in C(/etc/ssh/authorized_keys.d), gives it sudo
    without a password, and lets sshd read that folder. It only adds; no one who gets in today is kept out.
  - From OpenSSH 9.8 on sshd shuts out a source that fails, or leaves, too often (C(PerSourcePenalties)). Proofs offer
    keys and leave, so those that the automation comes from are exempt, as the role sshd has it later.
  - The action plugin of the same name first makes sure that python3 and sudo are there, and afterwards proves the
    account over a new connection.
options:
  user:
    description: Id of the automation account.
    type: str
    required: true
  keys:
    description: Its public keys.
    type: list
    elements: str
    required: true
  sources:
    description: Addresses that it comes from.
    type: list
    elements: str
    default: []
author: [Haechi]
"""

EXAMPLES = r"""
- name: Make the automation account
  haechi.guard.bootstrap:
    user: haechi
    keys: ["ssh-ed25519 AAAA... haechi"]
    sources: [10.0.40.1]
"""

RETURN = r"""
commands: {description: Commands that made or mended the account., returned: always, type: list}
paths: {description: Files that changed., returned: always, type: list}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.bootstrap import host
from ansible_collections.haechi.guard.plugins.module_utils.bootstrap.plan import plan

ARGUMENT_SPEC: dict[str, Any] = {
    "user": {"type": "str", "required": True},
    # Public keys are no secret; Ansible would guess from the name.
    "keys": {"type": "list", "elements": "str", "required": True, "no_log": False},
    "sources": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    """Read, plan, apply."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    user, keys = module.params["user"], module.params["keys"]
    try:
        todo = plan(host.observe(user), user, keys, module.params["sources"])
        changes = host.steps(todo)
        if not module.check_mode:
            host.apply(todo, changes)
            if reasons := host.obstacles(user, keys):
                module.fail_json(msg=f"sshd on this host would still keep {user} out: {'; '.join(reasons)}")
    except (host.BootstrapError, ValueError) as error:
        module.fail_json(msg=str(error))
    shown = [{"prepared": f"$ {' '.join(argv)}\n"} for argv in todo.commands]
    module.exit_json(
        changed=bool(todo.commands or changes),
        commands=[" ".join(argv) for argv in todo.commands],
        paths=[step.path for step in changes],
        diff=[*shown, *(tree.diff(step) for step in changes)],
    )


if __name__ == "__main__":
    main()
