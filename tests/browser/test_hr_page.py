"""The HR page in a real browser, as an operator opens it: by a link that counts once, from a server on this machine."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
import uvicorn

from haechi.hr.ledger import matters, revocations
from haechi.hr.ledger.states import RevocationState
from haechi.hr.status import doors
from haechi.hr.status.app import Pages, Site, make
from haechi.hr.work.order import Seen
from haechi.policy.provisioning import Sla
from tests.unit.hr.seeded import Seeded

from .conftest import Browser

TEXT = "return document.body.innerText"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
FLEET = tuple(f"app{number}" for number in range(1, 9))


@dataclass(frozen=True)
class Served:
    """A page that is served; ``place`` is where its links lie."""

    url: str
    place: Path

    def link(self) -> str:
        """Return a one-time link."""
        return f"{self.url}/in/{doors.link(self.place, 'jisoo', datetime.now(UTC))}"


def story(seeded: Seeded) -> None:
    """Five leavers: one is going, one is late, one waits, one was stopped with another, one is out."""
    out = seeded.leaving("yeon", hosts=FLEET, reason="resigned")
    seeded.later(14)
    seeded.seen(out, dict.fromkeys(FLEET, Seen.PROVEN))
    seeded.ledger.write(revocations.close, out)
    late = seeded.leaving("minho", hosts=FLEET, reason=HOSTILE)
    seeded.seen(late, dict.fromkeys(FLEET[:6], Seen.PROVEN))
    down = ("connect timed out after 5 s",)
    seeded.seen(late, {"app7": Seen.UNREACHABLE}, down)
    seeded.later(240)
    going = seeded.leaving("hana", hosts=FLEET, reason="resigned")
    seeded.seen(going, {"app1": Seen.APPLIED}, ("the host does not confirm the refusal",))
    event = seeded.message()
    for person in ("sora", "tae"):
        seeded.leaving(person, event, state=RevocationState.PAUSED)
    seeded.matter(matters.BREAKER, "6 people were asked for within 60 minutes, more than 5", event)
    seeded.matter(matters.UNMATCHED, f"leave: hr_id '{HOSTILE}' is nobody in policy")
    seeded.leaving("jiwon", state=RevocationState.WAITING, effective=seeded.now + timedelta(days=3))
    seeded.later(20)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    seeded = Seeded(tmp_path_factory.mktemp("hr"))
    story(seeded)
    names = {"hana": "이하나", "minho": f"박민호 {HOSTILE}", "sora": "정소라", "yeon": "서연"}
    site = Site(
        title="eKYC 본인확인 서비스", names=names, may=frozenset({"jisoo"}), sla=Sla(), zone=ZoneInfo("Asia/Seoul")
    )
    place = doors.folder(seeded.folder)
    app = make(Pages(ledger=seeded.ledger, site=lambda: site, place=place, tls=False))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", place)
        server.should_exit = True
        thread.join()
    seeded.ledger.close()


@pytest.fixture
def inside(browser: Browser, served: Served) -> Iterator[Browser]:
    browser.size(1280)
    browser.visit(served.link())
    browser.visit(f"{served.url}/?lang=ko")
    yield browser
    browser.driver.delete_all_cookies()


def test_nobody_sees_it_without_a_link(browser: Browser, served: Served) -> None:
    """A stranger is told how to get one, and no name."""
    browser.visit(f"{served.url}/?lang=ko")

    assert "로그인이 필요합니다" in browser.run(TEXT)
    assert "hana" not in browser.run(TEXT)


def test_a_link_logs_in_once(browser: Browser, served: Served) -> None:
    """The browser lands on the page with no token in its address; the link does not open a second time."""
    link = served.link()
    browser.visit(link)
    address, read = browser.driver.current_url, browser.run(TEXT)
    browser.driver.delete_all_cookies()
    browser.visit(link)

    assert address in {f"{served.url}/?lang=ko", f"{served.url}/?lang=en"}
    assert "hana" in read
    assert "hana" not in browser.run(TEXT)
    assert browser.run("return document.cookie") == ""


def test_it_opens_without_a_complaint_and_asks_this_server_alone(inside: Browser, served: Served) -> None:
    """No script, no font, no picture from anywhere."""
    assert inside.log("browser") == []
    assert {url for url in inside.requests() if not url.startswith(("about:", "data:"))} == {
        f"{served.url}/?lang=ko",
        f"{served.url}/style.css",
    }
    assert inside.run("return document.scripts.length + document.images.length") == 0


def test_what_the_outside_said_does_not_run(inside: Browser) -> None:
    """A script in a reason, a name and a matter is read as text."""
    assert inside.run(TEXT).count(HOSTILE) == 3
    assert inside.driver.title == "퇴사자 접근 차단 현황 · eKYC 본인확인 서비스"


def test_it_says_who_is_out_where_and_what_is_open_since_when(inside: Browser) -> None:
    """Per host, with the clock, in Korean and in English."""
    row = "return document.getElementById(arguments[0]).innerText"
    late, going = inside.run(row, "r-2"), inside.run(row, "r-3")

    assert "minho 박민호" in late
    assert "기한 초과 3분 20초" in late
    assert "서버 8대 중 증명 6대, 미완료 2대" in late
    assert "접속 불가" in late
    assert "connect timed out after 5 s" in late
    assert "차단함, 증명 전" in going
    assert "기한까지 40초" in going
    assert "2026-11-24 18:04:14" in going

    inside.run("document.getElementById('en').click()")

    assert "Late by 3 min 20 s" in inside.run(row, "r-2")
    assert "6 of 8 hosts proven, 2 open" in inside.run(row, "r-2")
    assert "from 2026-11-27 18:04:14" in inside.run(row, "r-6")
    assert inside.run("return document.documentElement.lang") == "en"


def test_a_leaver_has_a_page(inside: Browser) -> None:
    """One click away, in the same language, with every host; what ended says how long it took."""
    inside.run("document.querySelector('#over a').click()")

    assert "처리 1번" in inside.run(TEXT)
    assert "증명까지 14초" in inside.run(TEXT)
    assert inside.run("return document.querySelectorAll('#hosts tbody tr').length") == 8


def test_it_comes_anew_by_itself(inside: Browser) -> None:
    """Whoever leaves it open sees what changed, without a script."""
    assert inside.run("return document.querySelector('meta[http-equiv=refresh]').content") == "10"


def test_logging_out_ends_it(inside: Browser, served: Served) -> None:
    """The cookie of before opens nothing more."""
    cookie = inside.driver.get_cookie("haechi_hr")
    inside.run("document.querySelector('.tools button').click()")
    inside.driver.add_cookie({"name": "haechi_hr", "value": cookie["value"]})
    inside.visit(f"{served.url}/")

    assert "hana" not in inside.run(TEXT)


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("path", ["/?lang=ko", "/?lang=en", "/leaving/2?lang=en"])
def test_nothing_overflows(inside: Browser, served: Served, width: int, path: str) -> None:
    """On a phone, a tablet and a screen."""
    inside.size(width)
    inside.visit(served.url + path)

    assert inside.run("return document.scrollingElement.scrollWidth <= innerWidth")


def test_headings_and_names_are_in_order(inside: Browser) -> None:
    """One first heading, no level left out, and a name for every field, button and link."""
    assert inside.disorder() == []


def test_text_has_contrast(inside: Browser) -> None:
    """4.5 to 1, as WCAG 2.2 AA asks."""
    assert inside.pale() == []
