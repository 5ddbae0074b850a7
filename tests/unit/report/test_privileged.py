"""The register of privileged identities: from what real hosts showed to a sheet and a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from haechi.policy.models import Policy
from haechi.privileged import Privileged, Right, privileged
from haechi.report import html, sheet
from haechi.report.model import Report
from tests.unit.controls import world

from .stored import brief

ADDED = date(2026, 11, 24)


def register(host: str = "app1", *changes: Mapping[str, Any], policy: Policy | None = None) -> dict[str, Privileged]:
    """Return the register of a host, by account."""
    case = world.opened(host, world.edited(world.answer(host), changes), policy)
    return {row.account: row for row in privileged(case.policy, host, case.posture)}


def report(*rows: Privileged, unread: tuple[str, ...] = ()) -> Report:
    return brief(privileged=rows, unread=unread)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_root_automation_and_people_with_sudo_are_in_it() -> None:
    """Each with why, with who answers, and with the last login; who has no right is not in it."""
    found = register()

    assert list(found) == ["root", "haechi", "jisoo", "minho"]
    assert (found["root"].kind, found["root"].owner, found["root"].rights) == ("root", "jisoo", (Right("uid0"),))
    assert (found["haechi"].owner, found["haechi"].rights) == ("jisoo", (Right("automation"), Right("all")))
    assert (found["minho"].owner, found["minho"].rights) == ("minho", (Right("commands", "2"),))
    assert (found["haechi"].last, found["minho"].last) == (ADDED, None)


def test_a_sealed_account_is_in_it_though_it_has_no_right_yet() -> None:
    """Break-glass is privileged by what it is for."""
    said = world.with_policy(
        world.policy(), [{"at": ["identities", "id=sora"], "set": SEAL}, {"at": ["keys", "sora"], "drop": True}]
    )
    found = register("app1", {"at": ["accounts", "rows"], "copy": "name=hana", "with": {"name": "seal"}}, policy=said)

    assert (found["seal"].kind, found["seal"].owner, found["seal"].rights) == (
        "break_glass",
        "minho",
        (Right("break_glass"),),
    )


SEAL = {"id": "seal", "kind": "break_glass", "name": "Sealed", "owner": "minho", "jobs": ["canary"]}


def test_whom_nobody_knows_has_no_owner() -> None:
    """A second root, a member of a group of power by list or by number, and a rule for everybody."""
    rule = {"User_List": [{"username": "ALL"}], "Cmnd_Specs": [{"Commands": [{"command": "/usr/bin/id"}]}]}
    found = register(
        "app1",
        {"at": ["accounts", "rows"], "copy": "name=root", "with": {"name": "toor"}},
        {"at": ["accounts", "rows", "name=games", "groups"], "set": ["disk"]},
        {"at": ["accounts", "rows", "name=man", "gid"], "set": 42},
        {"at": ["sudo", "rules"], "add": rule},
    )

    assert (found["toor"].owner, found["toor"].kind, found["toor"].rights) == ("", "", (Right("uid0"),))
    assert Right("group", "disk") in found["games"].rights
    assert Right("group", "shadow") in found["man"].rights
    assert found["sentinel"].rights == (Right("commands", "1"),)


def test_a_record_that_was_not_read_is_not_never() -> None:
    """Nobody knows of a last login there, which is another thing than none on record."""
    found = register("app1", {"at": ["logins"], "unknown": "permission denied"})

    assert (found["haechi"].last, found["haechi"].recorded) == (None, False)


def test_the_sheet_has_a_line_for_each_on_each_host() -> None:
    """With the day of the last login; a host that showed nothing says so."""
    unread = register("db1", {"at": ["logins"], "unknown": "permission denied"})["haechi"]
    rows = [*register().values(), unread]
    found = lines(sheet.privileged(report(*rows, unread=("vault1",))))

    assert [(row["host"], row["account"], row["last_login_utc"]) for row in found] == [
        ("app1", "root", "none on record"),
        ("app1", "haechi", "2026-11-24"),
        ("app1", "jisoo", "none on record"),
        ("app1", "minho", "none on record"),
        ("db1", "haechi", "not seen"),
        ("vault1", "not seen", "not seen"),
    ]
    assert found[1]["rights"] == "automation; sudo: ALL"
    assert (found[1]["kind"], found[1]["owner"]) == ("automation", "jisoo")


def test_the_page_shows_it_in_both_languages() -> None:
    """Alike on two hosts is one line; a text of a host stays a text."""
    evil = replace(register()["minho"], account="<b>x</b>", owner="")
    rows = [*register().values(), *register("db1").values(), evil]
    text = html.render(report(*rows, unread=("vault1",)))
    part = text[text.index('<section id="privileged"') : text.index('<section id="waivers"')]

    assert part.count("<tr>") == 1 + 5
    assert "app1, db1" in part
    for words in (
        "특수 권한 계정",
        "Privileged identities",
        "sudo 명령 2개",
        "sudo: 2 commands",
        "확인하지 못한 서버: vault1",
    ):
        assert words in part, words
    assert "책임자 없음" in part
    assert "&lt;b&gt;x" in part
    assert "<b>x" not in part


def test_a_page_without_any_says_so() -> None:
    """An empty register is a sentence, not an empty table."""
    assert "확인된 특수 권한 계정이 없습니다" in html.render(report())
