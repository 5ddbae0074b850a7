"""The report as one page that needs nothing but itself: no request, no script but its own, every text escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, partial
from importlib import resources
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from haechi import __version__
from haechi.controls.judging import SITE
from haechi.controls.model import Control, Severity, Status
from haechi.policy.resolve import KST
from haechi.report import charts, perimeter
from haechi.report.build import WORST_FIRST
from haechi.report.model import Group, Report
from haechi.report.words import Pair, both, pair, say

SEVERITIES = tuple(Severity)
CONTENTS = (
    "summary",
    "open",
    "controls",
    "hosts",
    "perimeter",
    "articles",
    "privileged",
    "waivers",
    "manual",
    "method",
)

ZONE_ICONS = {
    "open": "i-fail",
    "broken": "i-broken",
    "unseen": "i-unknown",
    "works": "i-pass",
    "shut": "i-not_applicable",
}


def render(report: Report) -> str:
    """Return the page."""
    css, js = asset("report.css"), asset("report.js") + asset("page.js")
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            title_key="title",
            heading=report.meta.title,
            contents=[(name, f"nav_{name}") for name in CONTENTS],
            foot=f"{report.meta.site} · {report.meta.run}",
            version=__version__,
            css=Markup(css),  # noqa: S704 - shipped with the product, not an input
            js=Markup(js),  # noqa: S704 - as above
            css_hash=digest(css),
            js_hash=digest(js),
            heat=charts.heat(report),
            trend=charts.trend(report.trend),
            zones=perimeter.picture(report.stored.matrix) if report.stored.matrix else None,
            zone_order=perimeter.ORDER,
            zone_icons=ZONE_ICONS,
            plot={
                "left": charts.PLOT_LEFT,
                "right": charts.PLOT_RIGHT,
                "width": charts.PLOT_WIDTH,
                "height": charts.PLOT_HEIGHT,
            },
            slices=partial(charts.bar, width=1000),
            by_id={view.control.id: view.control for view in report.controls},
            actions=_actions(report),
            manual=list(_said(report, Status.MANUAL)),
            shown=pair("filter_shown", shown="%shown%", all="%all%"),
        )
    )


@cache
def environment(*packages: str) -> Environment:
    """Return what renders the templates of packages, and the report's own for what they lack."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "haechi.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(say=say, pair=pair, both=both, ORDER=charts.ORDER, SITE=SITE)
    environment.globals.update(words_of=partial(_named, "fw"), register_of=partial(_named, "reg"))
    filters: dict[str, Any] = {
        "kst": lambda at: f"{at.astimezone(KST):%Y-%m-%d %H:%M:%S} KST",
        "utc": lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "day": _day,
        "short_day": lambda at: _day(at)[5:],
        "percent": lambda value: f"{value:.1f}",
    }
    environment.filters.update(filters)
    return environment


def _day(at: datetime) -> str:
    return f"{at.astimezone(KST):%Y-%m-%d}"


def asset(name: str, package: str = "haechi.report") -> str:
    """Return a style or a script that is shipped with a package's templates."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")


def digest(text: str) -> str:
    """Return a text's hash as a content security policy wants it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _named(kind: str, name: str) -> Pair:
    """Return the name of a framework or a register in words; one that the table lacks keeps its own."""
    try:
        return pair(f"{kind}_{name}")
    except KeyError:
        return Pair(ko=name, en=name)


def _said(report: Report, *statuses: Status) -> Iterable[tuple[Control, Group]]:
    for view in report.controls:
        for group in view.groups:
            if group.status in statuses:
                yield view.control, group


def _actions(report: Report) -> list[tuple[Control, Group, tuple[str, ...]]]:
    """Return what needs somebody, the worst first; hosts that were not observed are named once, elsewhere."""
    found = [
        (control, group, tuple(name for name in group.subjects if name not in report.missing))
        for control, group in _said(report, Status.FAIL, Status.UNKNOWN)
    ]
    return sorted(
        (row for row in found if row[2]),
        key=lambda row: (SEVERITIES.index(row[0].severity), WORST_FIRST.index(row[1].status)),
    )
