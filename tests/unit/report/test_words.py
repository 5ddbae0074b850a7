"""The table of words: both languages, all of it used, nothing missing."""

from __future__ import annotations

import yaml

from haechi import catalogue
from haechi.controls import all_controls
from tests.project.conftest import ROOT
from tests.unit import words

FOLDER = ROOT / "src/haechi/report"
WORDS = yaml.load((FOLDER / "words.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)


def test_every_text_is_said_in_both_languages() -> None:
    """In the words of a person who speaks it."""
    words.said_in_both_languages(WORDS)


def test_no_word_is_left_over() -> None:
    """What no template and no module names is taken out of the table."""
    made = ("status_", "means_", "severity_", "mode_", "nav_", "fw_", "reg_", "method_", "kind_", "right_", "zone_")

    assert words.left_over(WORDS, FOLDER, made) == []


def test_every_framework_and_register_has_its_name() -> None:
    """An auditor reads the name of a law or a register, not our short form of it."""
    frameworks = {f"fw_{article.framework}" for article in catalogue.articles()}
    registers = {f"reg_{name}" for control in all_controls() for name in control.registers}

    assert frameworks - set(WORDS) == set()
    assert registers - set(WORDS) == set()
