"""Deny people on a host and end what they run, in one round trip."""

from __future__ import annotations

DOCUMENTATION = r"""
module: revoke
short_description: Deny people on a host and end what they run, in one round trip
description:
  - "Denies first: the account expires, is locked and loses shell and groups; its keys and sudo rules go, and so do the
    person's keys under other accounts. Then ends sessions, user units, cron and at jobs and every process that runs as
    the person or descends from a login of theirs (C(sudo -i), C(tmux)), sweeps again, and looks whether it is so."
  - Processes in units and containers of the host are not killed but returned in C(escalated); such a person is not
    C(verified).
  - Takes set-ID bits and capabilities off the person's programs in the home and in folders that everybody may write;
    the role accounts does so on all local file systems.
  - Deletes no account and no file of the person's.
options:
  people:
    description: Ids of those who are denied.
    type: list
    elements: str
    required: true
  keys:
    description: Id to public keys, which are taken out of other accounts' files too.
    type: dict
    default: {}
  listed:
    description:
      - The list of everybody who is revoked, C(revoked) as ssh-keygen reads it and C(user_ca), for certificates. It is
        put in place first.
    type: dict
    default: {}
attributes:
  check_mode: {description: Returns what is open and would be ended., support: full}
  diff_mode: {description: Shows each door that is shut., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Deny hana
  haechi.guard.revoke:
    people: [hana]
    keys: {hana: ["ssh-ed25519 AAAA... hana"]}
"""

RETURN = r"""
people:
  description: "Id to C(denied), C(killed), C(escalated), C(remaining), C(account_phase), C(open), C(disarmed),
    C(verified); in check mode to C(doors), C(would_kill), C(escalated)."
  returned: always
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.haechi.guard.plugins.module_utils.accounts import change, errand

ARGUMENT_SPEC: dict[str, Any] = {
    "people": {"type": "list", "elements": "str", "required": True},
    # Public keys are no secret; Ansible would guess from the name.
    "keys": {"type": "dict", "default": {}, "no_log": False},
    "listed": {"type": "dict", "default": {}},
}


def main() -> None:
    """Look, deny, kill, look again."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    people, keys = module.params["people"], module.params["keys"]
    try:
        module.exit_json(**errand.answer(people, keys, module.params["listed"], check=module.check_mode))
    except (change.AccountError, OSError) as error:
        module.fail_json(msg=f"{error}; nobody was denied here")


if __name__ == "__main__":
    main()
