"""The page as an application, over a ledger of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from haechi.hr.status import doors
from haechi.hr.status.app import Pages, Site, make
from haechi.policy.provisioning import Sla
from tests.unit.hr.seeded import Seeded

HOSTILE = "<script>alert('x')</script>"
NAMES = {"hana": f"이하나{HOSTILE}", "jisoo": "김지수"}


class Visitor:
    """Somebody with a browser; ``may`` are those whom policy lets look."""

    def __init__(self, seeded: Seeded, *, tls: bool = False) -> None:
        """Open the application, with nobody logged in."""
        self.place = doors.folder(seeded.folder)
        self.may = frozenset({"jisoo"})
        pages = Pages(ledger=seeded.ledger, site=self.site, place=self.place, tls=tls)
        self.client = TestClient(make(pages), base_url="https://page.test", follow_redirects=False)

    def site(self) -> Site:
        """Return what the page takes from policy."""
        return Site(title="eKYC <site>", names=NAMES, may=self.may, sla=Sla(), zone=ZoneInfo("Asia/Seoul"))

    def link(self, who: str = "jisoo", at: datetime | None = None) -> str:
        """Return the address of a one-time link."""
        return f"/in/{doors.link(self.place, who, at or datetime.now(UTC))}"

    def enter(self) -> None:
        """Log in."""
        assert self.client.get(self.link()).status_code == 303


@pytest.fixture
def visitor(seeded: Seeded) -> Visitor:
    return Visitor(seeded)


@pytest.fixture
def inside(visitor: Visitor) -> Visitor:
    visitor.enter()
    return visitor


def path_of(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())
