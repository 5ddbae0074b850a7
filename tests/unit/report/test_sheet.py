"""The sheet: one line a verdict, readable by Excel in Korea, and never run by it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from haechi import catalogue
from haechi.report import sheet
from haechi.report.build import build

from .stored import controls, report, stored


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_one_line_a_verdict() -> None:
    """Every verdict of the run has its line, with both titles, articles, waiver and run."""
    found = lines(sheet.render(report()))
    waived = next(line for line in found if line["status"] == "waived")
    record = next(row.record for row in stored().rows if row.status == "waived")

    assert len(found) == 721
    assert waived == {
        "site": "ekyc-lab",
        "run": "20261123T000500Z-audit-5f0c1a",
        "time_utc": "2026-11-23T00:05:00Z",
        "subject": "backup1",
        "control": "U-23",
        "title_ko": "SUID, SGID, Sticky bit 설정 파일 점검",
        "title_en": "SUID, SGID, sticky files",
        "severity": "high",
        "status": "waived",
        "seen": "/usr/local/bin/vrestore is SUID root (4755)",
        "expected": "only SUID programs of Debian's own packages",
        "articles": "KISA-UNIX-2026 U-23",
        "waiver": "backup-suid",
        "waiver_until": "2027-05-31",
        "evidence_sha256": record.sha256,
    }


def test_excel_sees_korean() -> None:
    """The sheet begins with a byte order mark, once."""
    assert sheet.render(report()).encode().startswith(b"\xef\xbb\xbfsite,run,")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_cell_is_a_formula(start: str) -> None:
    """A text that a spreadsheet would run gets an apostrophe before it, whoever wrote it."""
    run = stored()
    evil = f"{start}cmd|' /C calc'!A0"
    rows = (replace(run.rows[0], seen=evil, expected=evil, subject=evil, control=evil),)
    (line,) = lines(sheet.render(build(replace(run, rows=rows), controls(), catalogue.articles())))

    assert line["seen"] == line["expected"] == line["subject"] == line["control"] == f"'{evil}"
