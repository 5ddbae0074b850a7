"""Documentation and arguments of ``haechi.guard.authority``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: authority
short_description: Make the authority that signs SSH certificates, and the certificates of the hosts
description:
  - Two Ed25519 keys, one for people and one for hosts, made on this host, readable by root alone; they never leave it.
  - Each host's certificate is signed anew when it is missing, says something else, or has a third of its life left.
  - On the controller the public halves are pinned; an authority that later presents others is refused. The hosts' keys
    are those that bootstrap pinned.
  - "The key of X.509's issuing authority is made here too. Its root is made in the controller's memory, once, where
    C(haechi_ca_passphrase_file) names its passphrase (C(haechi ca root)); sealed, it is handed out, not to this host."
options:
  desired:
    description: The pki part of the judged policy.
    type: dict
    required: true
attributes:
  check_mode: {description: Says what would be made., support: full}
  diff_mode: {description: One line for each change., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Make the authority
  haechi.guard.authority:
    desired: "{{ haechi_desired[inventory_hostname].pki }}"
"""

RETURN = r"""
user_ca: {description: The public key that signs for people., returned: when it is there, type: str}
host_ca: {description: The public key that signs for hosts., returned: when it is there, type: str}
issuing_request: {description: What the root must sign., returned: before the ceremony, type: str}
certificates: {description: Host to its certificate., returned: when there are any, type: dict}
"""

ARGUMENT_SPEC = {"desired": {"type": "dict", "required": True}}
