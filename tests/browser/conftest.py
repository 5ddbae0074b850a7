"""A real browser, without a window and without a network."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LEVELS = "return [...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))"
NAMELESS = (
    "return [...document.querySelectorAll('input,select,button,a')]"
    ".filter((e) => !(e.labels && e.labels[0] ? e.labels[0].textContent : e.textContent).trim())"
    ".map((e) => e.outerHTML)"
)


class Browser:
    """What the tests ask of a browser."""

    def __init__(self, driver: Chrome) -> None:
        """Take a started driver."""
        self.driver = driver

    def open(self, path: Path, fragment: str = "", *, scripts: bool = True) -> None:
        """Open a file as a person does, from a blank page, so that it is loaded anew."""
        self.driver.get("about:blank")
        self.log("browser")
        self.log("performance")
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self.driver.get(f"{path.as_uri()}{fragment}")

    def visit(self, url: str) -> None:
        """Open an address of a server on this machine."""
        self.driver.get("about:blank")
        self.log("browser")
        self.log("performance")
        self.driver.get(url)

    def size(self, width: int, height: int = 1000) -> None:
        """Make the page as wide as a device."""
        told = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 800}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", told)

    def run(self, script: str, *arguments: object) -> Any:
        """Return what a script in the page says."""
        return self.driver.execute_script(script, *arguments)

    def log(self, kind: str) -> list[dict[str, Any]]:
        """Return and empty a log of the browser."""
        return self.driver.get_log(kind)

    def requests(self) -> list[str]:
        """Return every address that the browser asked for since the last look."""
        told = [json.loads(row["message"])["message"] for row in self.log("performance")]
        return [row["params"]["request"]["url"] for row in told if row["method"] == "Network.requestWillBeSent"]

    def disorder(self) -> list[str]:
        """Return the headings that leave out a level or are a second first one, and the fields without a name."""
        levels = self.run(LEVELS)
        skipped = [f"h{then} after h{level}" for level, then in pairwise([0, *levels]) if then - level > 1]
        firsts = levels.count(1)
        return skipped + ([] if firsts == 1 else [f"{firsts} h1"]) + self.run(NAMELESS)

    def pale(self) -> list[Any]:
        """Return every text that stands out from what is behind it by less than 4.5 to 1 (WCAG 2.2, 1.4.3)."""
        found: list[Any] = self.run(Path(__file__).with_name("contrast.js").read_text(encoding="utf-8"))
        return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start Debian's chromium; a machine without one fails, as an untested page would."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "apt-get install chromium"
    assert driver, "apt-get install chromium-driver"
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = Chrome(options=options, service=Service(driver, env=dict(os.environ)))
    try:
        yield Browser(started)
    finally:
        started.quit()
