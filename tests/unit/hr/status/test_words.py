"""The words of the page and its alerts: both languages, all of them used."""

from __future__ import annotations

import yaml

from haechi.hr.ledger import matters
from haechi.hr.ledger.states import RevocationState
from haechi.hr.signals import Act
from haechi.hr.status.board import Stand
from tests.project.conftest import ROOT
from tests.unit import words

FOLDER = ROOT / "src/haechi/hr"
WORDS = yaml.load((FOLDER / "words.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)


def test_every_text_is_said_in_both_languages() -> None:
    """In the words of a person who speaks it."""
    words.said_in_both_languages(WORDS)


def test_no_word_is_left_over() -> None:
    """What no template and no module names is taken out of the table."""
    made = ("pg_state_", "pg_stand_", "pg_kind_", "pg_act_", "pg_method_")

    assert words.left_over(WORDS, FOLDER, made) == []


def test_every_state_has_a_word() -> None:
    """A state that is added shows up here, and not as an error of the page."""
    kinds = (matters.BREAKER, matters.UNMATCHED, matters.JOIN, matters.MOVE)
    wanted = {
        *(f"pg_state_{state}" for state in RevocationState),
        *(f"pg_stand_{stand}" for stand in Stand),
        *(f"pg_act_{act}" for act in (Act.LEAVE, Act.FREEZE)),
        *(f"pg_kind_{kind}" for kind in kinds),
    }

    assert wanted - set(WORDS) == set()
