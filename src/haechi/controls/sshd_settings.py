"""How judges read ``sshd -T``: a keyword that it does not print is unknown, and never as it should be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from haechi.controls.model import Breaker, Case, Verdict, none_of
from haechi.observe.posture import UnknownError

OURS = "/etc/ssh/sshd_config.d/10-haechi.conf"


def settings_of(case: Case, keys: Iterable[str]) -> Mapping[str, str]:
    """Return the global settings.

    Raises ``UnknownError`` where sshd said nothing of one of ``keys``.
    """
    settings = case.posture.sshd.settings
    missing = [key for key in keys if key not in settings]
    if missing:
        raise UnknownError(f"sshd: sshd -T says nothing of {', '.join(missing[:5])}")
    return settings


def are(case: Case, wanted: Mapping[str, str]) -> Verdict:
    """Return whether keywords have exactly these values."""
    settings = settings_of(case, wanted)
    bad = [f"{key} {settings[key]}" for key, value in wanted.items() if settings[key] != value]
    told = ", ".join(f"{key} {value}" for key, value in wanted.items())
    return none_of(bad, told, told)


def version(case: Case) -> tuple[int, int]:
    """Return the release of OpenSSH. Raises ``UnknownError`` for what is no release."""
    found = re.match(r"([0-9]{1,4})\.([0-9]{1,4})(?![0-9])", case.posture.sshd.version)
    if found is None:
        raise UnknownError(f"sshd: {case.posture.sshd.version!r} is no version")
    return int(found[1]), int(found[2])


def number(text: str) -> int:
    """Return a number, 0 for a word such as ``none`` and for what no program reads as one."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


def edit(how: str, keyword: str, value: str, *also: str) -> Breaker:
    """Return a breaker that changes one keyword in our own file; another file above it the role refuses to pass."""
    return Breaker(
        how=how,
        script=f"sed -i 's|^{keyword} .*|{keyword} {value}|' {OURS} && systemctl reload ssh",
        touches=("sshd",),
        also=also,
    )
