"""What is asked of every table of words, the report's and the HR page's alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

HANGUL = re.compile(r"[가-힣]")
Words = Mapping[str, Mapping[str, str]]


def said_in_both_languages(words: Words) -> None:
    """Korean is Korean, English is English, and both have the same places to fill."""
    for key, told in words.items():
        assert set(told) == {"ko", "en"}, key
        assert HANGUL.search(told["ko"]), key
        assert not HANGUL.search(told["en"]), key
        assert sorted(re.findall(r"{\w+}", told["ko"])) == sorted(re.findall(r"{\w+}", told["en"])), key


def left_over(words: Words, folder: Path, made: tuple[str, ...], prefix: str = "") -> list[str]:
    """Return what no template and no module of a folder names; keys that begin as ``made`` are put together.

    ``prefix`` is what a template may leave out.
    """
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in {".py", ".j2"})
    return [
        key
        for key in words
        if not key.startswith(made)
        and not re.search(rf"['\"]({prefix})?{key.removeprefix(prefix).removesuffix('_how')}['\"]", text)
    ]
