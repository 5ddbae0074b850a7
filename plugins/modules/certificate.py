"""Sign a person's SSH certificate on the host that holds the authority."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate
short_description: Sign a person's SSH certificate on the host that holds the authority
description:
  - The action on the controller judges the request by policy minus leavers; the host numbers it, writes it down, signs,
    and refuses whoever its own list revokes.
  - The certificate's Key ID is the person's id and nothing else, its principals are C(job:id).
  - The action writes the certificate to O(out), and the issue goes into the evidence of the run.
options:
  person: {description: Id of the person., type: str, required: true}
  key: {description: A public key of the person that policy names., type: str, required: true}
  jobs: {description: Jobs to limit it to; all of the person's by default., type: list, elements: str, default: []}
  minutes: {description: "How long it counts, at most C(pki.user_hours), which is the default.", type: int}
  out: {description: File on the controller to write it to., type: str, required: true}
  folder: {description: Where the authority's keys lie. Set by the action., type: str}
  principals: {description: What the certificate opens. Set by the action., type: list, elements: str}
attributes:
  check_mode: {description: Judges the request and signs nothing., support: full}
  diff_mode: {description: There is nothing to show., support: none}
author: [Haechi]
"""

EXAMPLES = r"""
- name: Issue hana's certificate for today
  haechi.guard.certificate:
    person: hana
    key: "{{ lookup('ansible.builtin.file', 'hana.pub') }}"
    out: hana-cert.pub
"""

RETURN = r"""
certificate: {description: The certificate., returned: when it was signed, type: str}
serial: {description: Its number., returned: when it was signed, type: int}
begins: {description: From when it counts., returned: when it was signed, type: str}
ends: {description: Until when it counts., returned: when it was signed, type: str}
"""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.haechi.guard.plugins.module_utils.pki import authority
from ansible_collections.haechi.guard.plugins.module_utils.pki.certificate import CertificateError

ARGUMENT_SPEC: dict[str, Any] = {
    "person": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": False},  # a public key
    "jobs": {"type": "list", "elements": "str", "default": []},
    "minutes": {"type": "int"},
    "out": {"type": "str", "required": True},
    "folder": {"type": "str"},
    "principals": {"type": "list", "elements": "str"},
}


def main() -> None:
    """Sign."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    asked = {name: module.params[name] for name in ("person", "key", "principals", "minutes")}
    if module.check_mode:
        module.exit_json(changed=True)
    now = datetime.now(timezone.utc)  # noqa: UP017
    try:
        line, seen = authority.issue(Path(module.params["folder"]), asked, now)
    except (CertificateError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    times = {"begins": seen.begins.isoformat(), "ends": seen.ends.isoformat()}
    module.exit_json(changed=True, certificate=line, serial=seen.serial, key_print=seen.key, **times)


if __name__ == "__main__":
    main()
