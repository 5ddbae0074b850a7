"""The verdicts as a sheet: one line a verdict, for whoever sorts and filters in a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC

from haechi.report.model import Report, Row

# A spreadsheet runs a cell that begins with one of these, full width too, as a formula (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Without it Excel reads UTF-8 as the code page of its country and shows no Korean.
BYTE_ORDER_MARK = "\ufeff"
HEADER = (
    "site",
    "run",
    "time_utc",
    "subject",
    "control",
    "title_ko",
    "title_en",
    "severity",
    "status",
    "seen",
    "expected",
    "articles",
    "waiver",
    "waiver_until",
    "evidence_sha256",
)


def render(report: Report) -> str:
    """Return the sheet, to be written as UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    ends = {view.waiver.id: view.waiver.until.isoformat() for view in report.waivers}
    known = {view.control.id: view for view in report.controls}
    for row in report.stored.rows:
        view = known[row.control]
        articles = "; ".join(f"{article.framework} {article.code}" for article in view.articles)
        titles = (view.control.title_ko, view.control.title_en, str(view.control.severity))
        writer.writerow([guarded(cell) for cell in _cells(report, row, titles, articles, ends)])
    return BYTE_ORDER_MARK + out.getvalue()


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _cells(
    report: Report, row: Row, titles: tuple[str, str, str], articles: str, ends: dict[str, str]
) -> tuple[str, ...]:
    meta = report.meta
    return (
        meta.site,
        meta.run,
        f"{meta.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        row.subject,
        row.control,
        *titles,
        str(row.status),
        row.seen,
        row.expected,
        articles,
        row.waiver or "",
        ends.get(row.waiver or "", ""),
        row.record.sha256 if row.record else "",
    )
