"""The page as text: whole, self-contained, escaped, in both languages."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from haechi import catalogue
from haechi.report import html
from haechi.report.build import build

from .stored import brief, controls, stored
from .stored import page as whole

Tag = tuple[str, dict[str, str | None]]


@pytest.fixture(scope="module")
def page() -> str:
    return whole()


@pytest.fixture(scope="module")
def tags(page: str) -> list[Tag]:
    return tags_of(page)


class Tags(HTMLParser):
    found: list[Tag]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a tag as a browser would make it."""
        self.found.append((tag, dict(attrs)))


def tags_of(page: str) -> list[Tag]:
    tags = Tags()
    tags.found = []
    tags.feed(page)
    return tags.found


def test_a_host_cannot_write_into_the_page(page: str, tags: list[Tag]) -> None:
    """What a host answered is text, never markup: the page has one script, its own."""
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert [tag for tag, _ in tags].count("script") == 1


def test_nothing_said_by_others_becomes_markup() -> None:
    """Quotes and brackets in any text of a run stay text, in attributes as well."""
    evil = '"><img src=x onerror=alert(1)>'
    run = stored()
    rows = tuple(replace(row, seen=evil, expected=evil, control=evil, subject=evil) for row in run.rows[:3])
    meta = replace(run.meta, title=evil, site=evil, run=evil, policy_sha256=evil, catalogue_version=evil)
    waivers = tuple(replace(one, id=evil, reason=evil, owner=evil, hosts=(evil,)) for one in run.waivers)
    hurt = replace(run, rows=rows, meta=meta, waivers=waivers, expected=(evil,), observed=())
    tags = tags_of(html.render(build(hurt, controls(), catalogue.articles())))

    assert [tag for tag, _ in tags].count("img") == 0
    assert [name for _, attributes in tags for name in attributes if name.startswith("on")] == []


def test_the_page_asks_for_nothing(page: str, tags: list[Tag]) -> None:
    """No link leaves the page, and the policy forbids everything but its own style and script, by their hashes."""
    links = {value for _, attributes in tags for name, value in attributes.items() if name in {"href", "src"}}
    policy = next(str(attributes["content"]) for tag, attributes in tags if attributes.get("http-equiv"))

    assert all(str(link).startswith("#") for link in links)
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        text = re.search(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        assert text is not None
        assert base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode() in policy


def test_every_link_has_its_place(tags: list[Tag]) -> None:
    """No link of the page leads nowhere, and no place has two."""
    places = [attributes["id"] for _, attributes in tags if "id" in attributes]
    links = {str(attributes["href"])[1:] for _, attributes in tags if "href" in attributes}

    assert len(places) == len(set(places))
    assert links - set(places) == set()


def test_both_languages_are_there(page: str) -> None:
    """Titles, verdicts and the page's own words stand in Korean and in English; Korean comes first."""
    assert '<html lang="ko" data-lang="ko">' in page
    assert '<span class="ko" lang="ko">양호율</span><span class="en" lang="en">Pass rate</span>' in page
    assert "root 계정 원격 접속 제한" in page
    assert "2026-11-23 09:05:00 KST" in page
    assert "2026-11-23 00:05:00 UTC" in page


@pytest.mark.parametrize(("verified", "words"), [(True, "검증됨"), (None, "검증되지 않음"), (False, "검증 실패")])
def test_the_page_says_whether_the_evidence_was_verified(verified: bool | None, words: str) -> None:  # noqa: FBT001 - a case
    """Not verified is never shown as verified."""
    page = html.render(brief(meta=replace(stored().meta, verified=verified)))
    facts = page[page.index('<dl class="facts">') : page.index("</dl>")]

    assert words in facts
    assert ('"badge s-pass"' in facts) is (verified is True)


def test_a_first_run_that_saw_nothing_has_a_page_too() -> None:
    """No verdict, no host, no checkpoint, no earlier run: the page says so and does not break."""
    run = stored()
    meta = replace(run.meta, checkpoint=None, verified=None)
    empty = replace(run, meta=meta, rows=(), expected=(), observed=(), waivers=(), records={}, earlier=())
    page = html.render(build(empty, (), catalogue.articles()))

    assert "첫 점검입니다" in page
    assert "체크포인트 없음" in page
    assert "정책에 등록된 예외가 없습니다" in page


def test_the_page_is_small(page: str) -> None:
    """Nine hosts by 83 controls take less than two megabytes."""
    assert len(page.encode()) < 2_000_000
