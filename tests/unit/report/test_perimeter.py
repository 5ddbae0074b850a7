"""The page of the perimeter: every pair of zones has its place, its state and the ports behind it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from haechi.perimeter.matrix import State
from haechi.perimeter.unused import Idle
from haechi.report import html, perimeter

from .stored import brief, zones
from .stored import page as whole

ZONES = ("outside", "dmz", "app", "data", "mgmt", "offsite")


@pytest.fixture(scope="module")
def section() -> str:
    page = whole()
    return page[page.index('<section id="perimeter"') : page.index('<section id="articles"')]


def test_every_pair_of_zones_has_a_square_of_its_own() -> None:
    """In policy's order, from left to right and from top to bottom, and none upon another."""
    picture = perimeter.picture(zones())

    assert [zone for _, zone in picture.columns] == [zone for _, zone in picture.rows] == [*ZONES]
    assert [(one.cell.source, one.cell.target) for one in picture.squares] == [(a, b) for a in ZONES for b in ZONES]
    assert len({(one.x, one.y) for one in picture.squares}) == 36
    assert all(0 <= one.x <= picture.width - perimeter.CELL_WIDTH for one in picture.squares)
    assert all(0 <= one.y <= picture.height - perimeter.CELL_HEIGHT for one in picture.squares)


def test_a_square_tells_the_worst_and_how_often() -> None:
    """Two ways from the application to the database are open, and one host of the DMZ lost the package cache."""
    squares = {(one.cell.source, one.cell.target): one for one in perimeter.picture(zones()).squares}

    assert (squares["app", "data"].cell.state, squares["app", "data"].number) == (State.OPEN, 2)
    assert (squares["dmz", "mgmt"].cell.state, squares["dmz", "mgmt"].number) == (State.BROKEN, 1)
    assert (squares["data", "mgmt"].cell.state, squares["data", "mgmt"].number) == (State.WORKS, 7)
    assert squares["data", "app"].cell.state is State.SHUT
    assert (squares["outside", "data"].cell.state, squares["outside", "data"].number) == (State.UNSEEN, 0)


def test_the_lines_behind_a_square_name_ports_and_hosts_worst_first() -> None:
    """What came out alike is one line."""
    squares = {(one.cell.source, one.cell.target): one for one in perimeter.picture(zones()).squares}
    worst, *rest = squares["app", "data"].ways
    broken = squares["dmz", "mgmt"].ways[0]

    assert (worst.state, worst.flow, worst.services) == (State.OPEN, "", ("tcp 22, 5432",))
    assert (worst.hosts, worst.targets, worst.results, worst.ms) == (("app1",), ("db1",), ("open", "refused"), 1600)
    assert {one.state for one in rest} == {State.UNSEEN, State.SHUT}
    assert (broken.flow, broken.services, broken.hosts, broken.ms) == ("packages", ("tcp 3142",), ("edge1",), None)


def test_the_page_shows_the_picture_and_says_the_same_in_words(section: str) -> None:
    """Each square leads to its list, names its zones and its state in both languages, and colour is not all it has."""
    squares = re.findall(r'(?:href="#(z-[a-z-]+)" tabindex="-1")? class="z-([a-z]+)"><title>([^<]+)</title>', section)
    lists = set(re.findall(r'<details class="item" id="(z-[a-z-]+)">', section))

    assert len(squares) == 36
    assert ("z-app-data", "open", "app → data · 비허용 통신 가능 (Undeclared and open)") in squares
    assert {link for link, _, _ in squares} - {""} == lists
    assert [state for link, state, _ in squares if not link] == ["unseen"] * 5
    assert section.count('<use href="#i-fail"') >= 2
    assert "시험 시각: 2026-11-25 01:40:00 KST" in section
    assert "from 2026-11-25 01:40:00 KST" in section
    assert "Told nothing: log1" in section


def test_flows_that_nothing_uses_are_named_with_since_when() -> None:
    """A question to somebody, and no failure; where none is known the page says no more than that."""
    idle = (Idle(flow="office-to-test", since=datetime(2026, 8, 1, 20, tzinfo=UTC), hosts=("gw1", "test1")),)
    page = html.render(brief(idle=idle))
    none = whole()

    assert re.search(r">office-to-test</td>.*?>2026-08-02</td>.*?>gw1, test1</td>", page, re.DOTALL)
    assert "No flow is known to be unused for long." not in page
    assert "No flow is known to be unused for long." in none


def test_where_nobody_tried_the_page_says_so() -> None:
    """An audit from before the zones were tried has no picture, and claims nothing."""
    page = html.render(brief(matrix=None))

    assert "Nobody tried the zones in this run." in page
    assert '<svg class="zones"' not in page
