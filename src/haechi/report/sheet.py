"""Sheets for whoever sorts and filters in a spreadsheet: one line a verdict, and one an identity of power on a host."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC

from haechi.privileged import Privileged
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

PRIVILEGED = ("site", "run", "time_utc", "host", "account", "kind", "owner", "rights", "last_login_utc")
NEVER, UNREAD = "none on record", "not seen"


def privileged(report: Report) -> str:
    """Return the register of privileged identities; a host that did not show its own has a line that says so."""
    begin = _run(report)
    rows = [
        (*begin, row.host, row.account, row.kind or "unknown", row.owner, "; ".join(map(str, row.rights)), _last(row))
        for row in report.stored.privileged
    ]
    rows += [(*begin, host, UNREAD, "", "", "", UNREAD) for host in report.stored.unread]
    return _written([PRIVILEGED, *rows])


def _last(row: Privileged) -> str:
    if not row.recorded:
        return UNREAD
    return row.last.isoformat() if row.last is not None else NEVER


def render(report: Report) -> str:
    """Return the sheet, to be written as UTF-8."""
    lines: list[tuple[str, ...]] = [HEADER]
    ends = {view.waiver.id: view.waiver.until.isoformat() for view in report.waivers}
    known = {view.control.id: view for view in report.controls}
    for row in report.stored.rows:
        view = known[row.control]
        articles = "; ".join(f"{article.framework} {article.code}" for article in view.articles)
        titles = (view.control.title_ko, view.control.title_en, str(view.control.severity))
        lines.append(_cells(report, row, titles, articles, ends))
    return _written(lines)


def _written(lines: Iterable[Iterable[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([guarded(cell) for cell in line] for line in lines)
    return BYTE_ORDER_MARK + out.getvalue()


def _run(report: Report) -> tuple[str, str, str]:
    meta = report.meta
    return meta.site, meta.run, f"{meta.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def guarded(cell: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _cells(
    report: Report, row: Row, titles: tuple[str, str, str], articles: str, ends: dict[str, str]
) -> tuple[str, ...]:
    return (
        *_run(report),
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
