"""The articles and items that Haechi answers for, as product data with a typed door."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from haechi.policy.yamlfile import parse

Reason = Annotated[str, StringConstraints(min_length=20)]
Words = Annotated[str, StringConstraints(min_length=2)]
Where = Literal["applies", "if_installed", "not_by_default"]


class Status(StrEnum):
    """Who makes an item true."""

    AUTOMATED = "automated"
    OTHER_ROLE = "other_role"
    MANUAL = "manual"
    NOT_APPLICABLE = "not_applicable"


class Debian(BaseModel):
    """What the item means on each release, and what a fresh install shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bookworm: Where
    trixie: Where
    note: str = ""


class Item(BaseModel):
    """One item of a guide: what it asks, what Haechi does about it, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^kisa2026-u-\d\d$")]
    code: Annotated[str, StringConstraints(pattern=r"^U-\d\d$")]
    title_ko: Words
    title_en: Words
    severity: Literal["상", "중", "하"]
    what: Words
    default: dict[str, int | str | list[str]] = Field(default={})
    debian: Debian
    status: Status
    role: Words
    how: Reason


class Catalogue(BaseModel):
    """One guide in one edition."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    version: Literal[1] = Field(alias="schema")
    items: tuple[Item, ...]


class Mode(StrEnum):
    """What can be done about an article by machines."""

    ENFORCE = "enforce"
    EVIDENCE = "evidence"
    MIXED = "mixed"
    MANUAL = "manual"


class Article(BaseModel):
    """One article or item: its own number and title, and what it asks in our words, never official text.

    ``verified`` is ``source`` where the text in ``ref`` was read, else ``memory`` or ``unsure``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]+$")]
    framework: Words
    code: Words
    title_ko: Words
    title_en: Words
    severity: Literal["상", "중", "하"] | None = None
    what: Words
    mode: Mode
    default: dict[str, int | float | bool | str | list[str]] = Field(default={})
    successor_2026: str | None = None
    verified: Literal["source", "memory", "unsure"]
    ref: str | None = None
    note: str = ""
    title_ko_note: str = ""


class Articles(BaseModel):
    """The catalogue in one version, with where each framework was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal[1] = Field(alias="schema")
    version: Words
    sources: dict[str, Words]
    articles: tuple[Article, ...]


KISA_2026, KISA_SOURCE = "KISA-UNIX-2026", "S4"


@cache
def articles() -> tuple[Article, ...]:
    """Return every article that controls may name: the laws and standards, then KISA's 2026 items."""
    return (*_articles().articles, *(_as_article(item) for item in kisa_unix_2026()))


def version() -> str:
    """Return the catalogue's version, which is stored with every verdict; read without its 400 articles."""
    head, _, _ = _text("articles.yml").partition("\narticles:")
    return str(parse(head)["version"])


@cache
def _articles() -> Articles:
    return Articles.model_validate(_read("articles.yml"))


def _as_article(item: Item) -> Article:
    return Article(
        id=item.id,
        framework=KISA_2026,
        code=item.code,
        title_ko=item.title_ko,
        title_en=item.title_en,
        severity=item.severity,
        what=item.what,
        mode=Mode.ENFORCE,
        default=dict(item.default),
        verified="source",
        ref=KISA_SOURCE,
    )


def _text(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _read(name: str) -> object:
    return parse(_text(name))


@cache
def kisa_unix_2026() -> tuple[Item, ...]:
    """Return KISA's 67 Unix items of 2026, in their order.

    Raises ``pydantic.ValidationError`` where the file that ships with the product was damaged.
    """
    return Catalogue.model_validate(_read("kisa-unix-2026.yml")).items
