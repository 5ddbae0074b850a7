"""A review as a sheet: one line an account and host, for whoever sorts and filters in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from haechi.report.sheet import BYTE_ORDER_MARK, guarded
from haechi.review.model import NOT_SEEN, Review, Row

HEADER = (
    *("site", "time_utc", "review_sha256", "host", "account", "name", "kind", "owner", "jobs"),
    *("state", "enters", "sshd", "sshd_why", "key_offer", "keys", "certificate", "password", "shell", "groups", "sudo"),
    *("policy_state", "policy_login", "policy_keys", "policy_groups", "policy_sudo"),
    *("surplus", "missing", "unknown", "waivers"),
)


def render(review: Review) -> str:
    """Return the sheet, to be written as UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADER)
    for row in review.rows:
        head = (review.site, review.at, review.sha256)
        writer.writerow([guarded(cell) for cell in (*head, *_who(row), *_has(row), *_policy(row), *_differs(row))])
    return BYTE_ORDER_MARK + out.getvalue()


def _who(row: Row) -> tuple[str, ...]:
    return row.host, row.account, row.name, row.kind, row.owner, _list(row.jobs)


def _has(row: Row) -> tuple[str, ...]:
    has = row.has
    words = (has.state, has.enters, has.sshd, has.sshd_why, has.tried, _list(has.keys), has.certificate, has.password)
    return (*words, has.shell or "", _list(has.groups), _list(has.sudo))


def _policy(row: Row) -> tuple[str, ...]:
    want = row.policy
    login = "yes" if want.login else "no"
    return want.state, login, _list(want.keys), _list(want.groups), _list(want.sudo)


def _differs(row: Row) -> tuple[str, ...]:
    kinds = [
        _list(f"{one.what} {one.item}" for one in row.differences if one.kind == kind)
        for kind in ("surplus", "missing", "unknown")
    ]
    return (*kinds, _list(dict.fromkeys(one.waiver for one in row.differences if one.waiver)))


def _list(values: Iterable[str] | None) -> str:
    """Return values in one cell; what nobody saw is said so and is not an empty cell."""
    return NOT_SEEN if values is None else "; ".join(values)
