"""Write a review: a page to read and sign, a sheet to sort."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from haechi.evidence import files
from haechi.review import page, sheet
from haechi.review.model import Review
from haechi.review.stored import Held

PAGE, SHEET = "review.html", "review.csv"


def write(review: Review, out: Path, run: str = "", signed: Iterable[Held] = ()) -> list[Path]:
    """Write both into a folder and return their paths; ``run`` and ``signed`` are known of a review on record.

    Raises ``EvidenceError`` where a file cannot be written.
    """
    texts = {PAGE: page.render(review, run, tuple(signed)), SHEET: sheet.render(review)}
    return [_write(out / name, text) for name, text in texts.items()]


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise files.told(path, error) from error
    return path
