"""The review of access in a real browser, as a reviewer opens it: a file, without a network."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from haechi.review import page as pages
from tests.unit.review import samples

from .conftest import Browser

VISIBLE = "return document.getElementById(arguments[0]).innerText"
PEOPLE = (
    "return [...document.querySelectorAll('#people > details')]"
    ".filter((c) => c.checkVisibility()).map((c) => c.dataset.account)"
)
FOUND = "return [...document.querySelectorAll('#differences tr.found')].filter((r) => r.checkVisibility()).length"
INPUT = "document.getElementById('filter').dispatchEvent(new Event('input'))"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    review = samples.review()
    path = tmp_path_factory.mktemp("review") / "review.html"
    path.write_text(pages.render(review, "run", (samples.signed(review, "sora"),)), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.size(1280)
    browser.open(page, "#ko")
    return browser


def test_it_opens_without_a_complaint_or_a_request(opened: Browser, page: Path) -> None:
    """The console is empty, and the file itself is all that was asked for."""
    assert opened.log("browser") == []
    assert [url for url in opened.requests() if not url.startswith(page.as_uri())] == []


def test_what_a_host_said_does_not_run(opened: Browser) -> None:
    """A script in a rule of sudo is shown as text."""
    assert samples.SCRIPT in opened.run(VISIBLE, "differences")
    assert opened.run("return document.scripts.length") == 1


def test_the_differences_come_first(opened: Browser) -> None:
    """Above who has what, in a box, with their number."""
    top = "return document.getElementById(arguments[0]).getBoundingClientRect().top"

    assert opened.run(top, "differences") < opened.run(top, "access")
    assert "정책과 다른 권한이" in opened.run(VISIBLE, "differences")
    assert opened.run("return getComputedStyle(document.querySelector('.box')).borderTopColor") == "rgb(168, 32, 26)"


def test_the_language_changes_what_is_read(opened: Browser) -> None:
    """One click turns every visible word of the page."""
    assert "미해결 차이" in opened.run(VISIBLE, "summary")
    assert "Open differences" not in opened.run(VISIBLE, "summary")

    opened.run("document.getElementById('en').click()")

    assert "Open differences" in opened.run(VISIBLE, "summary")
    assert "미해결 차이" not in opened.run(VISIBLE, "summary")
    assert opened.driver.title.startswith("Access review · ")


def test_it_reads_without_scripts(browser: Browser, page: Path) -> None:
    """Korean shows, English by its address, and no filter that could not work."""
    browser.size(1280)
    try:
        for fragment, shown, hidden in (("", "미해결", "Open diff"), ("#en", "Open diff", "미해결")):
            browser.open(page, fragment, scripts=False)
            read = browser.driver.find_element("id", "summary").text

            assert shown in read
            assert hidden not in read
            assert not browser.driver.find_element("id", "filter").is_displayed()
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("document.getElementById('person').value = 'minho'", ["minho"]),
        (
            "document.getElementById('only').click(); document.getElementById('host').value = 'app1'",
            ["=eve", "jisoo", "minho"],
        ),
        ("document.getElementById('q').value = '박민호'", ["minho"]),
        ("document.getElementById('q').value = 'sha256:stranger'", ["minho"]),
        ("document.getElementById('q').value = 'nobody at all'", []),
    ],
)
def test_the_filter_hides_what_does_not_fit(opened: Browser, script: str, expected: list[str]) -> None:
    """Person, host, words and differences narrow who is shown; reset brings all back."""
    everybody = opened.run(PEOPLE)
    opened.run(f"{script}; {INPUT}")

    assert sorted(opened.run(PEOPLE)) == expected
    assert opened.run("return document.getElementById('nothing').checkVisibility()") is (not expected)
    assert f"계정 {len(expected)} / {len(everybody)}개" in opened.run(VISIBLE, "shown")

    opened.run("document.getElementById('filter').reset()")
    opened.driver.implicitly_wait(1)

    assert opened.run(PEOPLE) == everybody


def test_a_host_narrows_the_lines_of_a_person_and_the_differences(opened: Browser) -> None:
    """What is so on other hosts is hidden."""
    before = opened.run(FOUND)
    opened.run(f"document.getElementById('host').value = 'db1'; {INPUT}")
    lines = (
        "return [...document.querySelectorAll('tr.line')]"
        ".filter((r) => r.checkVisibility()).map((r) => r.dataset.hosts)"
    )

    assert {"db1" in hosts.split() for hosts in opened.run(lines)} == {True}
    assert 0 < opened.run(FOUND) < before


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_nothing_overflows(browser: Browser, page: Path, width: int, language: str) -> None:
    """No table is wider than a phone, a tablet or a screen."""
    browser.size(width)
    browser.open(page, f"#{language}")
    wide = browser.run(
        "return [...document.querySelectorAll('main table')]"
        ".filter((t) => t.getBoundingClientRect().right > innerWidth + 1).map((t) => t.className)"
    )

    assert wide == []
    assert browser.run("return document.scrollingElement.scrollWidth <= innerWidth")


def test_it_prints_everything(opened: Browser) -> None:
    """Paper shows what was filtered away on the screen, on pages of A4, with room to sign by hand."""
    opened.run(f"document.getElementById('person').value = 'minho'; {INPUT}")
    told = opened.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(told["data"])

    assert pdf.startswith(b"%PDF-")
    assert b"/MediaBox [0 0 594.95996 841.91998]" in pdf

    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert len(opened.run(PEOPLE)) > 1
        assert opened.run("return document.querySelector('.signature').checkVisibility()")
        assert not opened.run("return document.getElementById('filter').checkVisibility()")
    finally:
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_headings_and_names_are_in_order(opened: Browser) -> None:
    """One first heading, no level left out, and a name for every field and button."""
    assert opened.disorder() == []


def test_text_has_contrast(opened: Browser) -> None:
    """Every text stands out from what is behind it by 4.5 to 1, as WCAG 2.2 AA asks."""
    assert opened.pale() == []
