"""KISA's 67 Unix items of 2026 are all there, each with an answer."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from haechi import catalogue
from haechi.catalogue import Status, kisa_unix_2026


def test_all_67_items_are_there_once_and_in_order() -> None:
    """A missing item would be an unasked question."""
    assert [f"U-{number:02d}" for number in range(1, 68)] == [item.code for item in kisa_unix_2026()]
    assert [f"kisa2026-{item.code.lower()}" for item in kisa_unix_2026()] == [item.id for item in kisa_unix_2026()]


def test_every_item_says_what_makes_it_true_or_why_not() -> None:
    """Silence about an item would be read as done."""
    assert [item.code for item in kisa_unix_2026() if len(item.how) < 20 or not item.role] == []
    assert [item.code for item in kisa_unix_2026() if not item.title_ko.strip() or not item.title_en.strip()] == []


def test_titles_are_in_their_languages() -> None:
    """A Korean auditor and an English reader find the same item."""
    hangul = [item.code for item in kisa_unix_2026() if not any("가" <= char <= "힣" for char in item.title_ko)]

    assert hangul == []
    assert [item.code for item in kisa_unix_2026() if not item.title_en.isascii()] == []


def test_the_answers_are_counted() -> None:
    """Moving an item from done to not applicable is a decision that shows up here."""
    assert Counter(item.status for item in kisa_unix_2026()) == {
        Status.AUTOMATED: 48,
        Status.OTHER_ROLE: 5,
        Status.NOT_APPLICABLE: 14,
    }
    assert {"sshd", "accounts", "firewall", "patching"} == {
        item.role for item in kisa_unix_2026() if item.status is Status.OTHER_ROLE
    }


def test_the_version_is_that_of_the_articles() -> None:
    """It is read from the head of the file alone."""
    text = Path(catalogue.__file__).with_name("articles.yml").read_text()

    assert re.findall(r"(?m)^version: '(.*)'$", text) == [catalogue.version()]
