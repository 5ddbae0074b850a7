"""The table of words: both languages, all of it used, nothing missing."""

from __future__ import annotations

import re

import yaml

from haechi import catalogue
from haechi.controls import all_controls
from tests.project.conftest import ROOT

FOLDER = ROOT / "src/haechi/report"
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
    made = ("status_", "means_", "severity_", "mode_", "nav_", "fw_", "reg_", "method_", "kind_", "right_")
    left = [key for key in WORDS if not key.startswith(made) and not re.search(rf"['\"]{key}['\"]", text)]

    assert left == []


def test_every_framework_and_register_has_its_name() -> None:
    """An auditor reads the name of a law or a register, not our short form of it."""
    frameworks = {f"fw_{article.framework}" for article in catalogue.articles()}
    registers = {f"reg_{name}" for control in all_controls() for name in control.registers}

    assert frameworks - set(WORDS) == set()
    assert registers - set(WORDS) == set()
