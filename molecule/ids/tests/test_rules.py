"""An update of rules: tried over recorded traffic first, refused whole where that fails, taken without a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from .conftest import ATTACK, CLOSED, OPEN, Gateway, asked, until

Run = Callable[..., tuple[int, str]]
WEB = "http any any -> $HOME_NET any"
ASKED = "flow:to_server,established; http.uri;"
HARMLESS = f'alert {WEB} (msg:"Everything"; {ASKED} content:"/"; sid:2900002;)\n'
BLIND = 'pass http any any -> any any (msg:"Nothing to see"; sid:2900003;)\n'
BROKEN = 'alert http any any -> $NOBODY any (msg:"Unknown group"; sid:2900004;)\n'
OURS = 'alert tcp any any -> any any (msg:"Of ours"; sid:1078003;)\n'
FRESH = f'alert {WEB} (msg:"New"; {ASKED} content:"/brand-new"; sid:2900005;)\n'


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (BLIND, "rule 1078003 (SQL injection in a request's address (union select)) does not find what it is for"),
        (HARMLESS, "harmless traffic beside rule 1078003 is taken for an attack by 2900002"),
        (BROKEN, "Suricata does not take the candidate"),
        (OURS, "sid 1078003 is one of Haechi's own"),
    ],
    ids=["blind", "harmless", "broken", "ours"],
)
def test_an_update_that_fails_changes_nothing(
    gateway: Gateway, converged: Run, update: Callable[[str], None], rule: str, words: str
) -> None:
    """The same processes inspect by the same rules."""
    before = gateway.does("sha256sum /etc/haechi/ids/rules/*"), gateway.pid("open"), gateway.pid("closed")
    update(rule)

    code, said = converged()

    assert code == 2
    assert words in " ".join(said.split()).replace("\\'", "'")
    assert (gateway.does("sha256sum /etc/haechi/ids/rules/*"), gateway.pid("open"), gateway.pid("closed")) == before
    assert asked(OPEN, ATTACK) == 0


def test_an_update_is_taken_without_a_gap(gateway: Gateway, converged: Run, update: Callable[[str], None]) -> None:
    """Requests go on all the while, over the pair that would be cut; attacks among them never pass."""
    pids = gateway.pid("open"), gateway.pid("closed"), gateway.pid("detect")
    clean, attacks, ended = list[int](), list[int](), threading.Event()

    def go_on() -> None:
        while not ended.is_set():
            clean.append(asked(CLOSED))

    def attack() -> None:
        while not ended.is_set():
            attacks.append(asked(CLOSED, ATTACK, seconds=1))

    threads = [threading.Thread(target=go_on), threading.Thread(target=attack)]
    for thread in threads:
        thread.start()
    update(FRESH)
    code, said = converged()
    ended.set()
    for thread in threads:
        thread.join()

    assert code == 0, said
    assert len(clean) > 10
    assert set(clean) == {200}
    assert set(attacks) == {0}
    assert (gateway.pid("open"), gateway.pid("closed"), gateway.pid("detect")) == pids
    assert asked(OPEN, "/brand-new") == 200
    until(lambda: gateway.alerts("open", 2900005), "the new rule is not in force")


def test_the_mirror_s_own_rules_come_back(converged: Run) -> None:
    """And a second run changes nothing."""
    assert converged()[0] == 0
    code, said = converged()
    assert (code, "changed=0" in said) == (0, True), said
