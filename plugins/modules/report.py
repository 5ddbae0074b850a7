"""Documentation of the action plugin ``haechi.guard.report``, which runs on the control node."""

from __future__ import annotations

from typing import Any

DOCUMENTATION = r"""
module: report
short_description: Write the report of the site's last audit
description:
  - Makes a page (HTML), a sheet (CSV) and OSCAL assessment results from what is on record. Asks no host.
  - Fails, with the report written, where the evidence of that audit is broken.
options:
  run:
    description: What M(haechi.guard.policy) returned in C(haechi_run).
    type: dict
    required: true
  audit:
    description: An audit of C(haechi evidence list); by default the last of the whole fleet.
    type: str
  out:
    description: Folder on the control node; a relative one is of the folder that the playbook was started in.
    type: path
    default: artifacts/report
  formats:
    description: Which of C(html), C(csv) and C(oscal) to write.
    type: list
    elements: str
    default: [html, csv, oscal]
attributes:
  check_mode: {description: Says what it would write., support: full}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Write the report
  haechi.guard.report:
    run: "{{ __policy.haechi_run }}"
  run_once: true
"""

RETURN = r"""
paths: {description: The files., returned: success, type: list}
audit: {description: The run that is reported., returned: success, type: str}
"""

ARGUMENT_SPEC: dict[str, Any] = {
    "run": {"type": "dict", "required": True},
    "audit": {"type": "str"},
    "out": {"type": "path", "default": "artifacts/report"},
    "formats": {"type": "list", "elements": "str", "default": ["html", "csv", "oscal"]},
}
