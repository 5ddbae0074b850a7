"""Documentation and arguments of ``haechi.guard.accounts``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: accounts
short_description: Make a host's accounts what policy says, in one round trip
description:
  - Looks at accounts, groups, ageing, every authorized_keys file, sudoers files and processes once, plans, and applies.
  - Who is disabled is denied first and then loses sessions and processes, see M(haechi.guard.revoke). Who is absent is
    disabled and then removed; the home stays and becomes root's, since the user id may be given out again.
  - A person who has not logged in for longer than C(dormant_days) is disabled here, but for the last who can get in.
  - Sudo rules are not written here but by M(haechi.guard.guarded_change); those of leavers are removed here at once.
options:
  desired:
    description: The accounts part of the judged policy.
    type: dict
    required: true
  gains:
    description:
      - C(later) makes true what takes away and gives no person anything yet, see C(waiting). So a play takes on all
        hosts before any host gives; check mode plans all of it at once.
    type: str
    choices: [now, later]
    default: now
attributes:
  check_mode: {description: Plans and reports all the same., support: full}
  diff_mode: {description: One line for each change., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Make the accounts what policy says
  haechi.guard.accounts:
    desired: "{{ haechi_desired[inventory_hostname].accounts }}"
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
report:
  description: "What policy does not know: C(unknown_accounts), C(unknown_keys), C(unread_keys), C(shared_keys),
    C(extra_sudoers), C(powerful), C(foreign_homes), C(escalated)."
  returned: always
  type: dict
sudoers:
  description: Sudoers files that are not as they must be, policy's and those it wants gone.
  returned: always
  type: list
waiting: {description: Whether C(gains) waits for something here., returned: always, type: bool}
dormant: {description: People shut out for disuse., returned: always, type: list}
ended: {description: Id to the processes that were killed or are left., returned: when somebody was ended, type: dict}
"""

ARGUMENT_SPEC = {
    "desired": {"type": "dict", "required": True},
    "gains": {"type": "str", "choices": ["now", "later"], "default": "now"},
}
