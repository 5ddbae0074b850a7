"""A review as one HTML file: no request, no script but its own, every text escaped."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from markupsafe import Markup

from haechi import __version__
from haechi.report import html
from haechi.report.words import pair
from haechi.review import rules, view
from haechi.review.model import Review
from haechi.review.stored import Held

PACKAGE = "haechi.review"
CONTENTS = ("summary", "differences", "access", "signing", "method")


def render(review: Review, run: str = "", signed: tuple[Held, ...] = ()) -> str:
    """Return the page; ``run`` is empty while the review has no number yet."""
    css = html.asset("report.css") + html.asset("review.css", PACKAGE)
    js = html.asset("review.js", PACKAGE) + html.asset("page.js")
    told = [one for _, one in review.differences()]
    blind = [host for host, sections in review.unseen.items() if "host" in sections]
    template = html.environment(PACKAGE).get_template("review.html.j2")
    return template.render(
        review=review,
        run=run,
        title_key="rv_title",
        heading=review.title,
        contents=[(name, f"rv_nav_{name}") for name in CONTENTS],
        foot=f"{review.site} · {run or review.sha256[:16]}",
        version=__version__,
        css=Markup(css),  # noqa: S704 - shipped with the product, not an input
        js=Markup(js),  # noqa: S704 - as above
        css_hash=html.digest(css),
        js_hash=html.digest(js),
        at=datetime.fromisoformat(review.at),
        people=view.people(review),
        differences=view.differences(review),
        open=Counter(one.kind for one in told if one.waiver is None),
        enters=Counter(row.has.enters for row in review.rows),
        not_seen=(*review.left_out, *blind),
        expected=len(review.hosts) + len(review.left_out),
        signed=signed,
        lacking=rules.lacking(review.owners, [one.said.reviewer for one in signed]),
        shown=pair("rv_shown", shown="%shown%", all="%all%"),
    )
