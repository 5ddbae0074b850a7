"""Documentation of the action plugin ``haechi.guard.packages``, which runs on the control node."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
module: packages
short_description: Make packages present, cheaply where they are
description:
  - Asks dpkg, and calls M(ansible.builtin.apt) only where it does not call every one of them installed; a second time
    with fresh lists, where the old ones name files that a mirror no longer has. Nothing that is only recommended comes.
options:
  names:
    description: Names of packages.
    type: list
    elements: str
    required: true
  on_release:
    description: Further packages by the number of Debian's release, which others do not have.
    type: dict
    default: {}
attributes:
  check_mode: {description: Names the packages that are not here., support: full}
  diff_mode: {description: Names the packages that are not here., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Make nftables present
  haechi.guard.packages:
    names: [nftables]
"""

RETURN = r""" # nothing but what M(ansible.builtin.apt) returns, where it was called """

ARGUMENT_SPEC: dict[str, Any] = {
    "names": {"type": "list", "elements": "str", "required": True},
    "on_release": {"type": "dict", "default": {}},
}
