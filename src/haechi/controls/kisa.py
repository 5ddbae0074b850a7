"""KISA's 67 Unix items of 2026, each a control, in the guide's order."""

from __future__ import annotations

from haechi.controls import (
    kisa_accounts,
    kisa_files,
    kisa_logs_time,
    kisa_passwords,
    kisa_services,
    kisa_sessions,
    kisa_walk,
)
from haechi.controls.model import Control

_THEMES = (kisa_accounts, kisa_files, kisa_logs_time, kisa_passwords, kisa_services, kisa_sessions, kisa_walk)

CONTROLS: tuple[Control, ...] = tuple(
    sorted((control for theme in _THEMES for control in theme.CONTROLS), key=lambda control: control.id)
)
