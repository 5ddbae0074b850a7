"""Render the templates of a role that mirror a part of the host's file system."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

SUFFIX = ".j2"


def tree(action: ActionBase, source: str, only: str = "") -> dict[str, str]:
    """Return path -> content of the templates below a folder of the role's ``templates``, with the task's variables.

    ``only`` is a part of the paths of those that are meant, where a role has others for other hosts.

    The lookup ``template`` copies all variables of a task for each file, which was half of a whole run's work.
    Raises ``AnsibleActionFail`` for a folder that the role does not have.
    """
    try:
        top = Path(action._find_needle("templates", source))  # noqa: SLF001 - Ansible's own way for an action
    except AnsibleError as error:
        raise AnsibleActionFail(f"the role has no folder templates/{source}") from error
    root = next(parent for parent in top.parents if parent.name == "templates")
    return {
        f"/{str(path.relative_to(root)).removesuffix(SUFFIX)}": _rendered(action, path)
        for path in sorted(top.rglob(f"*{SUFFIX}"))
        if only in str(path.relative_to(root))
    }


def _rendered(action: ActionBase, path: Path) -> str:
    text = trust_as_template(action._loader.get_text_file_contents(str(path)))  # noqa: SLF001 - as above
    options = {"escape_backslashes": False, "overrides": {"trim_blocks": True}}
    # Ansible renders nothing as None.
    return str(action._templar.template(text, **options) or "")  # noqa: SLF001 - as above
