"""The page's HTML: one language at a time, every text escaped, no script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from haechi import __version__
from haechi.hr.ledger import matters
from haechi.hr.ledger.states import RevocationState
from haechi.hr.status.board import Board, Leaving, Stand
from haechi.report.html import asset
from haechi.report.words import pair

LANGUAGES = ("ko", "en")
REFRESH_S = 10
# Hosts of one leaving on the front page; its own page has them all.
MOST = 12
# Which of the report's colours a word has.
COLOURS: Mapping[str, str] = {
    Stand.UNTRIED: "none",
    Stand.WORKING: "manual",
    Stand.UNREACHABLE: "unknown",
    Stand.UNKNOWN: "unknown",
    Stand.APPLIED: "manual",
    Stand.PROVEN: "pass",
    Stand.RETIRED: "waived",
    RevocationState.WAITING: "manual",
    RevocationState.PAUSED: "fail",
    RevocationState.OPEN: "unknown",
    RevocationState.CLOSED: "pass",
    RevocationState.SUPERSEDED: "none",
}
ASK = {matters.BREAKER: "pg_ask_breaker", matters.UNMATCHED: "pg_ask_unmatched"}


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a page is shown: in which language and time zone, of which site, to whom (nobody: it shows no names)."""

    language: str
    zone: ZoneInfo
    title: str
    who: str = ""


def board(look: Look, found: Board) -> str:
    """Return the front page."""
    return _render(look, "board.html.j2", board=found, refresh=REFRESH_S, ASK=ASK, MOST=MOST)


def leaving(look: Look, found: Leaving) -> str:
    """Return the page of one leaving."""
    return _render(look, "leaving.html.j2", leaving=found, refresh=REFRESH_S)


def message(look: Look, words: str, **values: object) -> str:
    """Return a page that says one thing: nobody is logged in, the ledger cannot be read."""
    return _render(look, "message.html.j2", words=words, values=values, refresh=0)


def style() -> str:
    """Return the one style of the page: the report's, and what it lacks."""
    return asset("report.css") + asset("status.css", "haechi.hr.status")


def _render(look: Look, template: str, **values: Any) -> str:
    def say(key: str, **places: object) -> str:
        return str(getattr(pair(key, **places), look.language))

    def at(moment: datetime) -> str:
        return f"{moment.astimezone(look.zone):%Y-%m-%d %H:%M:%S}"

    chosen = {"look": look, "languages": LANGUAGES, "version": __version__, "say": say, "at": at}
    return _environment().get_template(template).render(**chosen, COLOURS=COLOURS, **values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("haechi.hr.status"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
