"""All controls of the product, in the order in which reports show them.

One module a theme; a control is an entry in its theme's ``CONTROLS``. `docs/controls.md` tells how one is written.
"""

from __future__ import annotations

from functools import cache

from haechi.controls import (
    accounts,
    break_glass,
    certificates,
    drilled,
    duties,
    edge,
    firewall,
    firmware,
    floods,
    fwupd,
    grants,
    guard,
    hr,
    ids,
    kept,
    kernel,
    keys,
    kisa,
    login,
    mfa,
    people,
    perimeter,
    reach,
    recorder,
    reviewed,
    revocations,
    secrets,
    site,
    sshd,
    sshd_use,
    sudo,
    vpn,
    x509,
)
from haechi.controls.model import Control

THEMES = (
    kisa,
    sshd,
    sshd_use,
    login,
    mfa,
    firewall,
    floods,
    edge,
    reach,
    perimeter,
    accounts,
    people,
    keys,
    certificates,
    x509,
    revocations,
    vpn,
    ids,
    sudo,
    recorder,
    duties,
    grants,
    break_glass,
    drilled,
    kernel,
    guard,
    hr,
    site,
    reviewed,
    kept,
    firmware,
    fwupd,
    secrets,
)


@cache
def all_controls() -> tuple[Control, ...]:
    """Return every control; ids are unique (tests/project holds it to that)."""
    return tuple(control for theme in THEMES for control in theme.CONTROLS)


@cache
def by_id() -> dict[str, Control]:
    """Return the controls by id."""
    return {control.id: control for control in all_controls()}
