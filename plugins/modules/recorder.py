"""Make a host's TLS certificates and its recorder of sudo."""

from __future__ import annotations

DOCUMENTATION = r"""
module: recorder
short_description: Make a host's TLS certificates and its recorder of sudo
description:
  - "TLS certificates first: a key is made on this host and stays, the authority signs its request by way of the
    controller. A certificate is signed anew when it is missing, says something else, or has a third of its life left."
  - A loopback C(sudo_logsrvd) that stores first and forwards to the log host, or on the log host keeps; the timer that
    raises alarms. stunnel carries recordings to the log host over TLS, with the same certificates.
  - Ends when the recorder answers. That people's sudo asks it is written by M(haechi.guard.guarded_change).
options:
  desired:
    description: The recorder part of the judged policy.
    type: dict
    required: true
attributes:
  check_mode: {description: Says what would be made., support: full}
  diff_mode: {description: One line for each change, and each file's difference., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Make the recorder
  haechi.guard.recorder:
    desired: "{{ haechi_desired[inventory_hostname].recorder }}"
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
"""

from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.recorder import apply

ARGUMENT_SPEC: dict[str, Any] = {
    "desired": {"type": "dict", "required": True},
    "_signed": {"type": "dict", "default": {}},  # what the authority signed: see the action plugin
}


def main() -> None:
    """Look, make, prove."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    now = datetime.now(timezone.utc)  # noqa: UP017
    try:
        result = apply.ensure(module.params["desired"], module.params["_signed"], now, check=module.check_mode)
    except (apply.RecorderError, X509Error, OSError, KeyError) as error:
        module.fail_json(msg=f"recorder: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
