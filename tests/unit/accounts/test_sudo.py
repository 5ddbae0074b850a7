"""Sudo allows the exact commands of policy, as sudoers(5) reads them."""

from __future__ import annotations

from typing import Any

import pytest

from haechi.desired import accounts
from haechi.policy.models import SudoRule

RULES = [
    ({"commands": ["/usr/bin/id"]}, 'ann ALL=(root) NOEXEC: /usr/bin/id ""'),
    ({"commands": ["/bin/x a=*,b"], "nopasswd": True}, "ann ALL=(root) NOPASSWD: NOEXEC: /bin/x a\\=\\*\\,b"),
    ({"commands": ["/bin/a 1", "/bin/b"], "run_as": "db"}, 'ann ALL=(db) NOEXEC: /bin/a 1, /bin/b ""'),
    ({"commands": ["ALL"], "nopasswd": True}, "ann ALL=(ALL:ALL) NOPASSWD: ALL"),
]


@pytest.mark.parametrize(("rule", "line"), RULES)
def test_a_sudo_rule_allows_the_exact_command(rule: dict[str, Any], line: str) -> None:
    """A command without arguments allows none, and a wildcard is a character (sudoers(5))."""
    assert [line] == accounts.sudo_lines("ann", [SudoRule(**rule)])


@pytest.mark.parametrize(
    "command", ["id", "!/bin/sh", "sudoedit /etc/x", "/bin/a\\ b x", "%x", "/usr/bin/", "/", "/opt/x/ -a", "/bin//sh"]
)
def test_what_is_no_path_is_no_command(command: str) -> None:
    """A negation, an alias or a whole folder would mean something else to sudo."""
    with pytest.raises(ValueError, match="absolute path"):
        accounts.sudo_lines("ann", [SudoRule(commands=(command,))])
