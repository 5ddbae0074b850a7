"""Controls of what only a gateway does: they are broken on that of the lab."""

from __future__ import annotations

from haechi.controls.model import Breaker, Control, HostJudge, Severity


def control(  # noqa: PLR0913, PLR0917 - a control is what the register asks for
    name: str,
    titles: tuple[str, str],
    severity: Severity,
    articles: tuple[str, ...],
    judge: HostJudge,
    breaker: Breaker,
) -> Control:
    """Return a control of hosts; ``titles`` are the Korean and the English one."""
    return Control(
        id=name,
        title_ko=titles[0],
        title_en=titles[1],
        severity=severity,
        articles=articles,
        judge=judge,
        breaker=breaker,
    )


def breaker(
    how: str, script: str, touches: str, also: tuple[str, ...] = (), releases: tuple[str, ...] = ("12", "13")
) -> Breaker:
    """Return a breaker for that gateway."""
    return Breaker(how=how, script=script, touches=(touches,), also=also, releases=releases, hosts=("gw1",))
