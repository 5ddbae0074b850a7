"""Compare declared listeners with open sockets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: listeners
short_description: Compare declared listeners with the sockets that are really open
description:
  - Read-only. A socket that policy does not declare is a warning by name, port and process, and so is a declared
    listener that nobody serves.
author: The Haechi project
options:
  declared:
    description: Listeners by C(proto), C(port), C(process) and C(local).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Compare the declared listeners with the open sockets
  haechi.guard.listeners:
    declared:
      - {proto: tcp, port: 22, process: sshd, local: false}
"""

RETURN = r"""
undeclared:
  description: Open sockets that no declaration covers.
  type: list
  elements: dict
  returned: success
missing:
  description: Declared listeners that nobody serves.
  type: list
  elements: str
  returned: success
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.haechi.guard.plugins.module_utils.firewall import sockets

ARGUMENT_SPEC = {"declared": {"type": "list", "elements": "dict", "required": True}}


def main() -> None:
    """Look, compare, warn."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    _, out, _ = module.run_command(["ss", "-H", "-l", "-t", "-u", "-n", "-p"], check_rc=True)
    seen, declared = sockets.parse(out), module.params["declared"]
    extra, absent = sockets.undeclared(seen, declared), sockets.missing(seen, declared)
    for socket in extra:
        module.warn(f"{socket.process} listens on {socket.proto}/{socket.port}, which policy does not declare")
    for name in absent:
        module.warn(f"policy declares {name}, and nobody listens there")
    module.exit_json(changed=False, undeclared=[asdict(socket) for socket in extra], missing=list(absent))


if __name__ == "__main__":
    main()
