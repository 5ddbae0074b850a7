"""Block an address for a time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: block
short_description: Block an address or network for a time
description:
  - Acts before every flow, on established connections too, and ends by itself.
  - Management networks are refused here, and passed over by the table itself.
  - Blocks live in the kernel. A restart of the host ends them.
author: The Haechi project
options:
  address:
    description: An address or a network in CIDR form.
    type: str
    required: true
  seconds:
    description: How long.
    type: int
    default: 3600
  never:
    description: Networks that must not be blocked, from policy.
    type: list
    elements: str
    required: true
  state:
    description: Blocked or not.
    type: str
    default: present
    choices: [present, absent]
"""

EXAMPLES = r"""
- name: Keep a brute-force source out for an hour
  haechi.guard.block:
    address: 192.0.2.7
    never: "{{ haechi_desired[inventory_hostname].firewall.never_block }}"
"""

RETURN = r"""
blocked:
  description: All blocks in force, with the seconds they have left.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.haechi.guard.plugins.module_utils.firewall import blocks

ARGUMENT_SPEC = {
    "address": {"type": "str", "required": True},
    "seconds": {"type": "int", "default": 3600},
    "never": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
}


def main() -> None:
    """Compare with the set, and add or delete one element."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    try:
        network = blocks.blockable(params["address"], params["never"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    name = [*blocks.TABLE, blocks.set_of(network)]
    _, listing, _ = module.run_command(["nft", "-j", "list", "set", *name], check_rc=True)
    before = blocks.elements(listing)
    wanted = params["state"] == "present"
    changed = wanted != (str(network) in before)
    if changed and not module.check_mode:
        element = f"{{ {network}{' timeout ' + str(params['seconds']) + 's' if wanted else ''} }}"
        module.run_command(["nft", "add" if wanted else "delete", "element", *name, element], check_rc=True)
    after = (
        {**before, str(network): params["seconds"]}
        if wanted
        else {k: v for k, v in before.items() if k != str(network)}
    )
    module.exit_json(changed=changed, blocked=after if changed else before)


if __name__ == "__main__":
    main()
