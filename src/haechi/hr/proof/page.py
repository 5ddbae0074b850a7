"""The page of a bundle for the personnel file: one HTML file that needs nothing but itself, every text escaped.

It is rendered from a bundle that was verified, so it says what the signature is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from markupsafe import Markup

from haechi import __version__
from haechi.hr.proof import statement
from haechi.hr.proof.bundle import Verified
from haechi.report import html

PACKAGE = "haechi.hr.proof"
CONTENTS = ("summary", "hosts", "evidence", "method")


def render(found: Verified, file: str) -> str:
    """Return the page of a bundle that lies in a file of this name."""
    css = html.asset("report.css") + html.asset("personnel.css", PACKAGE)
    js = html.asset("page.js")
    told = found.predicate
    return (
        html.environment(PACKAGE)
        .get_template("personnel.html.j2")
        .render(
            bundle=found,
            told=told,
            file=file,
            title_key="hp_title",
            heading=told["revocation"]["person"],
            contents=[(name, f"hp_nav_{name}") for name in CONTENTS],
            foot=f"{told['site']} · {file}",
            version=__version__,
            css=Markup(css),  # noqa: S704 - shipped with the product, not an input
            js=Markup(js),  # noqa: S704 - as above
            css_hash=html.digest(css),
            js_hash=html.digest(js),
            moment=datetime.fromisoformat,
            runs={str(run["record"]).removeprefix("runs/").removesuffix(".json"): run for run in told["runs"]},
            open=statement.open_hosts(told),
            controlled=_controlled(told),
            before=_before,
        )
    )


def _before(control: Mapping[str, Any]) -> str:
    """Return by which word a positive control is called."""
    if control["had_access"] and control["accepted_before"]:
        return "control_accepted"
    # Bundles of before have no such word.
    return "control_itself" if control.get("denied_by_itself") else "control_none"


def _controlled(told: Mapping[str, Any]) -> dict[str, int]:
    """Return on how many proven hosts the positive control was which."""
    controls = [host["control"] for host in told["hosts"] if host["control"]]
    with_access = [control for control in controls if control["had_access"]]
    return {
        "accepted": sum(control["accepted_before"] for control in with_access),
        "access": len(with_access),
        "colleague": sum(control["colleague_accepted"] for control in controls),
        "proven": len(controls),
    }
