"""Write the report of a stored audit: a page to read, sheets to sort, OSCAL to import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from haechi import catalogue
from haechi.controls import all_controls
from haechi.evidence import files, keys
from haechi.report import html, oscal, sheet, source
from haechi.report.build import build
from haechi.report.model import Report

FORMATS: Mapping[str, Mapping[str, Callable[[Report], str]]] = {
    "html": {"report.html": html.render},
    "csv": {"verdicts.csv": sheet.render, "privileged.csv": sheet.privileged},
    "oscal": {"oscal-assessment-results.json": oscal.render},
}
BROKEN = (
    "The evidence of {run} is BROKEN: run `haechi evidence verify`. "
    "증거가 훼손되었습니다. 이 보고서를 근거로 쓰지 마십시오."
)


@dataclass(frozen=True, kw_only=True)
class Written:
    """A report and the files that hold it."""

    report: Report
    paths: tuple[Path, ...]

    @property
    def complaint(self) -> str:
        """Return why nobody may rely on it; empty where one may."""
        broken = self.report.meta.verified is False
        return BROKEN.format(run=self.report.meta.run) if broken else ""


def write(
    folder: Path, out: Path, *, key: Path | None = None, audit: str | None = None, formats: Iterable[str] = FORMATS
) -> Written:
    """Write one audit of an evidence folder, by default the last of the whole fleet.

    Raises ``EvidenceError`` where there is none, or where a file cannot be written.
    """
    stored = source.load(folder, keys.public_key(key or folder / keys.PUBLIC), audit)
    report = build(stored, all_controls(), catalogue.articles())
    return Written(report=report, paths=tuple(_write(out / name, render, report) for name, render in _files(formats)))


def known(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of formats, each once. Raises ``ValueError`` for one that there is not."""
    wanted = tuple(dict.fromkeys(names))
    strange = [name for name in wanted if name not in FORMATS]
    if strange or not wanted:
        raise ValueError(f"{','.join(strange) or 'nothing'}: take some of {','.join(FORMATS)}")
    return wanted


def names(formats: Iterable[str]) -> tuple[str, ...]:
    """Return the files that some formats are written to."""
    return tuple(name for name, _ in _files(formats))


def _files(formats: Iterable[str]) -> tuple[tuple[str, Callable[[Report], str]], ...]:
    return tuple(file for name in formats for file in FORMATS[name].items())


def _write(path: Path, render: Callable[[Report], str], report: Report) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(report), encoding="utf-8", newline="")
    except OSError as error:
        raise files.told(path, error) from error
    return path
