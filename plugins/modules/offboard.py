"""Documentation of the action ``offboard``, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: offboard
short_description: Record that a person left, deny and prove it on every host, close with what is proven
description:
  - "C(record) signs a tombstone before any host is touched: no later run brings the person back. C(deny) is one task
    for all hosts of the play, the bastion first: it offers the person's public key, does on the host what
    M(haechi.guard.revoke) does, and offers it again beside a colleague's, from one process. C(close) counts every host
    of policy, writes the record, and fails for whatever is not proven."
  - C(deny) reaches hosts by ssh's own configuration (C(ansible_ssh_common_args), C(ansible_user), C(ansible_host)) and
    becomes root by C(sudo -n). A host that does not answer is tried again while the
    rest goes on, and stays an open item.
  - Only an accepted key before, a refused key now, the host's own confirmation and
    an accepted colleague prove a denial.
    A reset or a time-out is unknown.
  - For an id that policy and the list of leavers do not know every host is looked at too. A tombstone is signed
    when a host knew it; when none did, the step C(close) fails and nothing is signed.
  - In check mode the doors that are open are listed and nothing is written, the tombstone included.
options:
  step:
    description: Which step of the offboarding this task is.
    type: str
    required: true
    choices: [record, deny, close]
  person:
    description: Id of the person who leaves; for C(record).
    type: str
  canary:
    description: Id of the colleague whose login shows that logins work; chosen per host by default. For C(record).
    type: str
  unknown:
    description: Vouch for an id that neither policy, nor the list of leavers, nor any host knows. For C(record).
    type: bool
    default: false
  nonce:
    description: Whatever whoever asked wants to know the record of this very run by. For C(record).
    type: str
  run:
    description: What C(record) returned in C(run); for C(deny) and C(close).
    type: dict
  records:
    description: What C(deny) returned in C(records); for C(close).
    type: dict
    default: {}
attributes:
  check_mode: {description: Lists the doors that are open., support: full}
  diff_mode: {description: Shows each door that is shut., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Record that hana left
  haechi.guard.offboard: {step: record, person: hana}
  run_once: true
  register: __leaving

- name: Deny hana on every host and prove it
  haechi.guard.offboard: {step: deny, run: "{{ __leaving.run }}"}
  run_once: true
  register: __offboard
"""

RETURN = r"""
run: {description: What the other steps need., returned: for C(record), type: dict}
records: {description: What was seen on each host., returned: for C(deny), type: dict}
summary: {description: Every host of policy with what is proven., returned: for C(close) on success, type: dict}
written: {description: Files that hold the summary., returned: for C(close), type: list}
"""

from typing import Any

ARGUMENT_SPEC: dict[str, Any] = {
    "step": {"type": "str", "required": True, "choices": ["record", "deny", "close"]},
    "person": {"type": "str"},
    "canary": {"type": "str"},
    "unknown": {"type": "bool", "default": False},
    "nonce": {"type": "str"},
    "run": {"type": "dict"},
    "records": {"type": "dict", "default": {}},
}
