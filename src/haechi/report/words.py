"""The pages' own words in Korean and English, from one table a page."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import NamedTuple

from markupsafe import Markup, escape

from haechi.policy.yamlfile import parse

# Whose pages say something; no key stands in two of them.
TABLES = ("haechi.report", "haechi.review", "haechi.hr", "haechi.hr.proof")


class Pair(NamedTuple):
    """The same said twice."""

    ko: str
    en: str


def pair(key: str, **values: object) -> Pair:
    """Return a text of the table with its places filled.

    Raises ``KeyError`` for a key or a place that is not there.
    """
    words = _table()[key]
    return Pair(ko=words.ko.format(**values), en=words.en.format(**values))


def both(ko: object, en: object) -> Markup:
    """Return a text in both languages, of which the page shows one; each part is escaped."""
    if ko == en:
        return escape(ko)
    return Markup('<span class="ko" lang="ko">{}</span><span class="en" lang="en">{}</span>').format(ko, en)


def say(key: str, **values: object) -> Markup:
    """Return a text of the table for the page."""
    return both(*pair(key, **values))


@cache
def _table() -> dict[str, Pair]:
    found: dict[str, Pair] = {}
    for package in TABLES:
        text = resources.files(package).joinpath("words.yml").read_text(encoding="utf-8")
        found |= {key: Pair(**words) for key, words in parse(text).items()}
    return found
