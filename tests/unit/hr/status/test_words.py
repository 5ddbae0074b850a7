"""The words of the page and its alerts: both languages, all of them used."""

from __future__ import annotations

import re

import yaml

from haechi.hr.ledger import matters
from haechi.hr.ledger.states import RevocationState
from haechi.hr.signals import Act
from haechi.hr.status.board import Stand
from tests.project.conftest import ROOT

FOLDER = ROOT / "src/haechi/hr"
WORDS = yaml.safe_load((FOLDER / "words.yml").read_text(encoding="utf-8"))
HANGUL = re.compile(r"[가-힣]")


def test_every_text_is_said_in_both_languages() -> None:
    """Korean is Korean, English is English, and both have the same places to fill."""
    for key, words in WORDS.items():
        assert set(words) == {"ko", "en"}, key
        assert HANGUL.search(words["ko"]), key
        assert not HANGUL.search(words["en"]), key
        assert sorted(re.findall(r"{\w+}", words["ko"])) == sorted(re.findall(r"{\w+}", words["en"])), key


def test_no_word_is_left_over() -> None:
    """What no template and no module names is taken out of the table."""
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*") if path.suffix in {".py", ".j2"})
    made = ("pg_state_", "pg_stand_", "pg_kind_", "pg_act_", "pg_method_")
    left = [
        key
        for key in WORDS
        if not key.startswith(made) and not re.search(rf"['\"]{key.removesuffix('_how')}['\"]", text)
    ]

    assert left == []


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
