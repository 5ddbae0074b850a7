"""The register of controls is whole: articles, judges and breakers, and every item of KISA's list."""

from __future__ import annotations

import re

import pytest

from haechi import catalogue
from haechi.controls import all_controls
from haechi.controls.model import Control, Scope, Status

CONTROLS = all_controls()
ARTICLES = {article.id for article in catalogue.articles()}


def ids(control: Control) -> str:
    return control.id


def test_ids_are_unique_and_can_be_written_in_a_waiver() -> None:
    """A waiver names a control by its id."""
    names = [control.id for control in CONTROLS]

    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"U-\d\d|[a-z][a-z0-9-]+", name)] == []


@pytest.mark.parametrize("control", CONTROLS, ids=ids)
def test_every_control_serves_articles_of_the_catalogue(control: Control) -> None:
    """An auditor asks by article; one that does not exist answers nobody."""
    assert control.articles
    assert set(control.articles) <= ARTICLES


@pytest.mark.parametrize("control", CONTROLS, ids=ids)
def test_a_control_is_judged_and_broken_or_says_why_not(control: Control) -> None:
    """Automated: a judge of its scope and a breaker. Otherwise: manual or not applicable, with the reason."""
    judge = control.site_judge if control.scope is Scope.SITE else control.judge

    if judge is None:
        assert control.status in {Status.MANUAL, Status.NOT_APPLICABLE}
        assert len(control.reason) >= 20
        assert control.breaker is None
    else:
        assert control.status is None
        assert control.breaker is not None
        assert control.breaker.touches


@pytest.mark.parametrize("control", CONTROLS, ids=ids)
def test_a_breaker_can_be_mended(control: Control) -> None:
    """What the role leaves alone, the breaker itself takes away again."""
    if control.breaker and control.breaker.mend == "undo":
        assert control.breaker.undo


def test_what_fails_with_a_broken_control_exists() -> None:
    """A misspelt companion would excuse nobody."""
    names = {control.id for control in CONTROLS}

    assert {other for c in CONTROLS if c.breaker for other in c.breaker.also} <= names


def test_every_item_of_kisa_has_a_control() -> None:
    """U-01 to U-67, each with a judge or a reason."""
    items = {f"U-{number:02}" for number in range(1, 68)}

    assert items <= {control.id for control in CONTROLS}


def test_titles_are_in_two_languages() -> None:
    """The Korean title is Korean."""
    assert [c.id for c in CONTROLS if not re.search("[가-힣]", c.title_ko) or re.search("[가-힣]", c.title_en)] == []
