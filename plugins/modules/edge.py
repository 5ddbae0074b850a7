"""Documentation and arguments of ``haechi.guard.edge``; the action plugin has the host do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge
short_description: Make one host of the pair that answers the outside
description:
  - Installs HAProxy, keepalived, nginx with ModSecurity and the OWASP CRS from Debian, and renders the role's templates
    below C(etc), which mirror C(/etc).
  - Each program reads its candidate from another place first (C(haproxy -c), C(nginx -t), C(keepalived -t)). What it
    refuses changes nothing. Then the files are swapped, the services reload without ending a connection, and the edge
    must answer; where it does not, the old files come back.
  - The certificate is that of the role recorder, which reloads HAProxy when it renews it.
options:
  desired:
    description: The edge part of the judged policy.
    type: dict
    required: true
attributes:
  check_mode: {description: Says what would be made., support: full}
  diff_mode: {description: One line for each change, and each file's difference., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Answer the outside
  haechi.guard.edge:
    desired: "{{ haechi_desired[inventory_hostname].edge }}"
"""

RETURN = r"""
changes: {description: What was made true., returned: always, type: list}
"""

ARGUMENT_SPEC = {"desired": {"type": "dict", "required": True}}
