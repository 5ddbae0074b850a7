"""What the tests ask of every page is told of a page that is wrong."""

from __future__ import annotations

from pathlib import Path

from .conftest import Browser

WRONG = "<h2>a</h2><h4>b</h4><button></button><p style='color: #aaa'>pale</p><p>not pale</p>"
RIGHT = "<h1>a</h1><h2>b</h2><button>c</button><label>d <input></label>"


def test_what_is_out_of_order_or_pale_is_named(browser: Browser, tmp_path: Path) -> None:
    """A level left out, no first heading, a button without a name, grey on white."""
    (tmp_path / "wrong.html").write_text(WRONG)
    browser.open(tmp_path / "wrong.html")

    assert browser.disorder() == ["h2 after h0", "h4 after h2", "0 h1", "<button></button>"]
    assert [row[0] for row in browser.pale()] == ["P"]


def test_what_is_in_order_is_not(browser: Browser, tmp_path: Path) -> None:
    """A field is named by its label."""
    (tmp_path / "right.html").write_text(RIGHT)
    browser.open(tmp_path / "right.html")

    assert (browser.disorder(), browser.pale()) == ([], [])
