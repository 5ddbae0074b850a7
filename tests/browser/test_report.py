"""The report in a real browser, as an auditor opens it: a file, without a network."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from haechi.report import html
from tests.unit.report.stored import report

from .conftest import Browser

VISIBLE = "return document.getElementById(arguments[0]).innerText"
CARDS = (
    "return [...document.querySelectorAll('#controls > details')].filter((c) => c.checkVisibility()).map((c) => c.id)"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.render(report()), encoding="utf-8")
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
    """A script in an observation is shown as text."""
    assert "<script>alert('x')</script>" in opened.run(VISIBLE, "open")
    assert opened.run("return document.scripts.length") == 1


def test_the_policy_of_the_page_stops_a_foreign_script(opened: Browser) -> None:
    """Even markup that got in would not run: only the page's own script has leave."""
    opened.run(
        "const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s);"
    )

    assert opened.run("return window.ran === undefined")
    assert any("Content Security Policy" in row["message"] for row in opened.log("browser"))


def test_the_language_changes_what_is_read(opened: Browser, page: Path) -> None:
    """One click turns every visible word of the page, and the choice is still there when it is opened again."""
    assert "양호율" in opened.run(VISIBLE, "summary")
    assert "Pass rate" not in opened.run(VISIBLE, "summary")

    opened.run("document.getElementById('en').click()")

    assert "Pass rate" in opened.run(VISIBLE, "summary")
    assert "양호율" not in opened.run(VISIBLE, "summary")
    assert opened.run("return document.documentElement.lang") == "en"
    assert opened.driver.title == "Server hardening audit report · eKYC 본인확인 서비스"
    assert opened.run("return document.querySelector('.heat').getAttribute('aria-label')").startswith(
        "Chart of 9 hosts"
    )

    opened.open(page)

    assert "Pass rate" in opened.run(VISIBLE, "summary")


def test_the_address_chooses_the_language(browser: Browser, page: Path) -> None:
    """A link can name the language, which wins over the one remembered."""
    for fragment, words in (("#en", "Action needed"), ("#ko", "조치 필요")):
        browser.open(page, fragment)

        assert words in browser.run(VISIBLE, "open")


def test_it_reads_without_scripts(browser: Browser, page: Path) -> None:
    """Korean shows, English by its address, and nothing that could not work is offered."""
    browser.size(1280)
    try:
        for fragment, shown, hidden in (("", "양호율", "Pass rate"), ("#en", "Pass rate", "양호율")):
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
        ("document.querySelector('input[value=fail]').click()", ["U-14", "U-44", "sshd-algorithms", "firewall-flows"]),
        ("document.querySelector('input[value=waived]').click()", ["U-23"]),
        ("const q = document.getElementById('q'); q.value = 'PermitRootLogin'", ["U-01"]),
        ("const q = document.getElementById('q'); q.value = '최소한의 계정'", ["U-08"]),
        ("document.getElementById('host').value = 'site'", ["account-review", "physical-access", "site-segregation"]),
        (
            "document.getElementById('host').value = 'edge2'; document.querySelector('input[value=fail]').click()",
            ["U-14"],
        ),
        ("document.querySelector('input[value=low]').click(); document.querySelector('input[value=fail]').click()", []),
    ],
)
def test_the_filter_hides_what_does_not_fit(opened: Browser, script: str, expected: list[str]) -> None:
    """Status, host, severity and words narrow the controls, in either language; reset brings all back."""
    opened.run(f"{script}; document.getElementById('filter').dispatchEvent(new Event('input'))")

    assert opened.run(CARDS) == [f"c-{name}" for name in expected]
    assert opened.run("return document.getElementById('nothing').checkVisibility()") is (not expected)
    assert f"{len(expected)} / 83" in opened.run("return document.getElementById('shown').textContent")

    opened.run("document.getElementById('filter').reset()")
    opened.driver.implicitly_wait(1)

    assert len(opened.run(CARDS)) == 83


def test_a_host_narrows_the_rows_inside_a_control(opened: Browser) -> None:
    """What was said of other hosts is hidden inside the control that remains."""
    opened.run(
        "document.getElementById('c-U-14').open = true; document.getElementById('host').value = 'edge2';"
        "document.getElementById('filter').dispatchEvent(new Event('input'))"
    )

    assert "/opt/legacy/bin" in opened.run(VISIBLE, "c-U-14")
    assert "timed out" not in opened.run(VISIBLE, "c-U-14")


def test_a_link_opens_what_it_leads_to(opened: Browser) -> None:
    """Following a failure to its control unfolds it, even if the filter had hidden it."""
    opened.run(
        "document.querySelector('input[value=waived]').click();"
        "document.querySelector('#open a[href=\"#c-U-14\"]').click()"
    )

    assert opened.run(
        "return new Promise((done) => setTimeout(() => done(document.getElementById('c-U-14').open), 200))"
    )
    assert "c-U-14" in opened.run(CARDS)


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_nothing_overflows(browser: Browser, page: Path, width: int, language: str) -> None:
    """With everything unfolded no table is wider than a phone, a tablet or a screen."""
    browser.size(width)
    browser.open(page, f"#{language}")
    browser.run("document.querySelectorAll('details').forEach((card) => { card.open = true; })")
    wide = browser.run(
        "return [...document.querySelectorAll('main table')].filter((t) => !t.closest('.scroll'))"
        ".filter((t) => t.getBoundingClientRect().right > innerWidth + 1).map((t) => t.className)"
    )

    assert wide == []
    assert browser.run("return document.scrollingElement.scrollWidth <= innerWidth")


def test_it_prints_everything(opened: Browser) -> None:
    """Paper shows what was folded or filtered away on the screen, on pages of A4."""
    opened.run("document.querySelector('input[value=waived]').click()")
    told = opened.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(told["data"])

    assert pdf.startswith(b"%PDF-")
    assert 20 < pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") < 200
    assert b"/MediaBox [0 0 594.95996 841.91998]" in pdf

    opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert opened.run("return document.getElementById('c-U-02').checkVisibility()")
        assert not opened.run("return document.getElementById('filter').checkVisibility()")
        assert opened.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    finally:
        opened.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_headings_and_names_are_in_order(opened: Browser) -> None:
    """One first heading, no level left out, and a name for every field and button."""
    assert opened.disorder() == []


def test_text_has_contrast(opened: Browser) -> None:
    """Every text stands out from what is behind it by 4.5 to 1, as WCAG 2.2 AA asks."""
    assert opened.pale() == []


def test_a_keyboard_reaches_everything(opened: Browser) -> None:
    """The first stop leads to the content; a folded control opens with a key; the heat map is no trap of 700 stops."""
    stops = opened.run(
        "return [...document.querySelectorAll('a[href],button,input,select,summary,[tabindex]')]"
        ".filter((e) => e.tabIndex >= 0 && e.checkVisibility()).map((e) => e.className)"
    )

    assert stops[0] == "skip"
    assert len(stops) < 200
    assert opened.run("return document.querySelectorAll('.heat a:not([tabindex=\"-1\"])').length") == 0
