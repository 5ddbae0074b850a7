"""The page and the sheet: they hold every row, run nothing, ask for nothing, and speak two languages."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import yaml

from haechi.review import page, sheet, write
from tests.project.conftest import ROOT

from . import samples

FOLDER = ROOT / "src/haechi/review"
WORDS = yaml.load((FOLDER / "words.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
HANGUL = re.compile(r"[가-힣]")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_the_page_holds_every_row_and_difference() -> None:
    """Each account, host, key, rule and difference can be read in it, with the hash that is signed."""
    review = samples.review()
    text = page.render(review)

    assert review.sha256 in text
    for row in review.rows:
        assert f'data-account="{row.account}"' in text
    for _, one in review.differences():
        assert one.id in text
    assert "SHA256:v+ZcsvpLNsdRcLvZMcTIk+REHptDJnX33ob/GGvDzKQ" in text
    assert "(root) NOPASSWD: /usr/bin/systemctl --no-pager --failed" in text


def test_what_a_host_said_becomes_no_markup() -> None:
    """One script, the page's own, and no address to ask."""
    text = page.render(samples.review(), "run", (samples.signed(samples.review(), "sora"),))

    assert text.count("<script") == 1
    assert "alert(&#39;x&#39;)" in text
    assert re.findall(r'(?:src|href)="(?!#)', text) == []
    assert "http://" not in text
    assert "https://" not in text


def test_a_review_without_a_difference_says_so() -> None:
    """And one with some says how many are open: an explained one is not."""
    assert "차이가 없습니다." in page.render(samples.clean())
    number = len([*samples.review().open()])
    text = page.render(samples.review())

    assert number > 0
    assert f"정책과 다른 권한이 {number}건 있습니다." in text
    assert "legacy-group" in text


def test_the_page_says_who_signed_and_who_must_still() -> None:
    """Nobody's signature counts for himself."""
    review = samples.review()
    none, one, two = (
        page.render(review, "run", tuple(samples.signed(review, who) for who in people))
        for people in ((), ("minho",), ("minho", "sora"))
    )

    assert "접수된 전자 서명이 없습니다." in none
    assert "다른 검토자의 서명이 더 필요합니다: minho의 권한" in one
    assert "검토가 완료되었습니다." in two
    assert "SHA256:sora" in two


def test_the_sheet_has_a_line_for_each_account_and_host() -> None:
    """In order of the review; lists in one cell, what nobody saw as a word."""
    review = samples.review()
    found = rows(sheet.render(review))

    assert [(row["account"].removeprefix("'"), row["host"]) for row in found] == [
        (r.account, r.host) for r in review.rows
    ]
    minho = next(row for row in found if (row["account"], row["host"]) == ("minho", "app1"))
    assert minho["surplus"] == f"key SHA256:stranger; group disk; sudo (root) /usr/bin/id {samples.SCRIPT}"
    assert minho["policy_groups"] == "adm; haechi-login; mfa-window; systemd-journal"
    assert minho["name"] == "박민호"
    jisoo = next(row for row in found if (row["account"], row["host"]) == ("jisoo", "db1"))
    assert (jisoo["sudo"], jisoo["unknown"], jisoo["waivers"]) == ("unknown", "sudo sudo: x", "legacy-group")


def test_no_spreadsheet_runs_a_cell() -> None:
    """A name that begins like a formula is text."""
    text = sheet.render(samples.review())

    assert "'=eve" in text
    assert [
        cell for row in csv.reader(io.StringIO(text[1:], newline="")) for cell in row if cell[:1] in "=+-@" and cell
    ] == []


def test_both_files_are_written(tmp_path: Path) -> None:
    """Under names that do not change."""
    paths = write.write(samples.review(), tmp_path / "new/folder")

    assert [path.name for path in paths] == ["review.html", "review.csv"]
    assert paths[1].read_bytes()[:3] == b"\xef\xbb\xbf"


def test_every_text_is_said_in_both_languages() -> None:
    """Korean is Korean, English is English, and both have the same places to fill."""
    for key, words in WORDS.items():
        assert set(words) == {"ko", "en"}, key
        assert HANGUL.search(words["ko"]), key
        assert not HANGUL.search(words["en"]), key
        assert sorted(re.findall(r"{\w+}", words["ko"])) == sorted(re.findall(r"{\w+}", words["en"])), key


def test_no_word_is_left_over_and_none_stands_in_two_tables() -> None:
    """What no template and no module names is taken out of the table."""
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*") if path.suffix in {".py", ".j2"})
    made = ("nav_", "kind_", "what_", "enters_", "state_", "sshd_", "tried_", "password_", "decision_", "method_")
    left = [
        key
        for key in WORDS
        if not key.removeprefix("rv_").startswith(made)
        and not re.search(rf"['\"]({key}|{key.removeprefix('rv_')})['\"]", text)
    ]
    report = yaml.load((ROOT / "src/haechi/report/words.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)

    assert left == []
    assert WORDS.keys() & report.keys() == set()
