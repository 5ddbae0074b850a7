"""Documentation of the action plugin ``haechi.guard.review``, which runs on the control node."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
module: review
short_description: Show who gets in where with which rights, held against policy
description:
  - Makes a review of access from what M(haechi.guard.audit) saw of all hosts of the play, as a page (HTML) and a sheet
    (CSV) to be signed, and keeps it in the evidence. Asks no host.
  - Fails, with the review written, while a difference is open that no waiver explains, or a host was not seen.
options:
  out:
    description: Folder on the control node; a relative one is of the folder that the playbook was started in.
    type: path
    default: artifacts/review
attributes:
  check_mode: {description: Shows the differences and writes nothing., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Hold what was seen against policy
  haechi.guard.review:
  run_once: true
"""

RETURN = r"""
paths: {description: The files., returned: success, type: list}
sha256: {description: The digest of the rows, which a reviewer signs., returned: success, type: str}
"""

ARGUMENT_SPEC: dict[str, Any] = {"out": {"type": "path", "default": "artifacts/review"}}
