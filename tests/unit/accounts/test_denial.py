"""How the denial of one leaver goes over a fleet, with hosts that a test plays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from haechi import denial, offboard
from haechi.denial import Denial
from haechi.errand import AnswerError, Errand
from haechi.offboard import Brief
from haechi.offer import Offer

from .test_by_itself import HANA, HANA_S

OUT = {
    "exists": True,
    "denied": True,
    "killed": [{"pid": 7, "name": "bash", "unit": "", "uids": [1001]}],
    "escalated": [],
    "remaining": [],
    "open": [],
    "account_phase": "refused",
    "error": None,
    "verified": True,
}


@dataclass
class Host:
    """A host that answers as it is told: ``troubles`` are what the first errands end with."""

    name: str
    log: list[str]
    troubles: list[Exception] = field(default_factory=list)
    shuts_first: bool = False
    lets_in: tuple[str, ...] = ("hana", "minho")
    out: bool = False
    kept: dict[str, Any] | None = None

    def reach(self) -> None:
        """Be near already."""

    async def offers(self, people: Mapping[str, tuple[str, ...]]) -> dict[str, Offer]:
        """Refuse the leaver once she is out."""
        self.log.append(f"{self.name} offers {' '.join(people)}")
        gone = {"hana"} if self.out else set()
        return {who: Offer("accepted" if who in self.lets_in and who not in gone else "refused") for who in people}

    async def errand(self, errand: Errand, shut: Callable[[], None]) -> dict[str, Any]:
        """Shut her out, or fail."""
        self.log.append(f"{self.name} errand")
        if self.troubles:
            self.out = self.shuts_first
            raise self.troubles.pop(0)
        if errand.request["check"]:
            return {"people": {"hana": {"exists": True, "doors": ["account not expired"]}}}
        shut()
        self.out = True
        told = OUT | ({"by_itself": self.kept} if self.kept else {})
        return {"people": {"hana": told}, "changed": True, "diff": {"before": "", "after": ""}}


def denied(
    hosts: dict[str, Host], first: str | None = None, *, check: bool = False, key: str = "k"
) -> dict[str, dict[str, Any]]:
    names = tuple(hosts)
    brief = Brief(
        person="hana",
        keys=(key,),
        hosts=names,
        access=names,
        canaries=dict.fromkeys(names, "minho"),
        canary_keys={"minho": ("m",)},
    )
    ticks = count(1)
    told = Denial(
        brief=brief,
        errand=Errand(request={"check": check, "nonce": "n"}, code=b""),
        clock=lambda: float(next(ticks)),
        tries=(0.0, 0.01, 0.02),
    )
    return asyncio.run(told.everywhere(hosts, first))


def test_every_host_is_proven_by_both_offers_and_its_own_word() -> None:
    """Denied is accepted before, refused after, and confirmed between; the two moments are measured."""
    log: list[str] = []
    records = denied({"a": Host("a", log)})

    assert log == ["a offers hana", "a errand", "a offers hana minho"]
    assert offboard.status(records["a"]) == ("denied", [])
    assert (records["a"]["shut_s"], records["a"]["denied_s"], records["a"]["tries"]) == (1.0, 2.0, 1)


def test_the_bastion_is_shut_before_any_other_host_is_asked() -> None:
    """It is the door to all others."""
    log: list[str] = []
    denied({name: Host(name, log) for name in ("a", "b", "bastion")}, "bastion")

    acts = ("offers hana", "errand", "offers hana minho")
    assert log[:3] == [f"bastion {act}" for act in acts]
    assert sorted(log[3:]) == sorted(f"{name} {act}" for name in ("a", "b") for act in acts)


def test_a_host_that_does_not_answer_is_tried_again_and_stays_open() -> None:
    """Named, retried, never called denied; and the rest does not wait for it."""
    log: list[str] = []
    hosts = {"dead": Host("dead", log, [OSError("No route to host")] * 9), "a": Host("a", log)}
    records = denied(hosts)
    run = offboard.close(
        Brief(person="hana", keys=(), hosts=("dead", "a"), access=(), canaries={}, canary_keys={}),
        records,
        "t",
        check=False,
    )

    assert (log.count("dead errand"), records["dead"]["tries"]) == (3, 3)
    assert log.index("a errand") < 4
    assert run["open"] == ["dead: unreachable: No route to host (tried 3 times)"]
    assert (run["denied_all_s"], run["hosts"]["a"]["status"]) == (None, "denied")
    assert run["first_deny_s"] == records["a"]["shut_s"]


def test_a_host_that_comes_back_is_proven() -> None:
    """One lost connection is no lost host."""
    records = denied({"a": Host("a", [], [ConnectionError("reset")])})

    assert (records["a"]["tries"], offboard.status(records["a"])) == (2, ("denied", []))


def test_a_try_that_was_cut_off_after_the_denial_keeps_its_positive_control() -> None:
    """The key was seen accepted in this run; that it is refused at the second try is the denial itself."""
    records = denied({"a": Host("a", [], [ConnectionError("reset")], shuts_first=True)})

    assert records["a"]["before"]["person"] == "accepted"
    assert offboard.status(records["a"]) == ("denied", [])


@pytest.mark.parametrize(
    ("kept", "status"),
    [
        ({"list": None, "at": "2026-11-26T09:00:00+00:00", "keys": [HANA_S]}, "denied"),
        ({"list": None, "at": "2025-01-01T09:00:00+00:00", "keys": ["SHA256:of-an-earlier-employment"]}, "unknown"),
        (None, "unknown"),
    ],
    ids=["by a run that was broken off", "at an earlier employment", "never that anybody knows"],
)
def test_what_a_host_keeps_of_a_run_that_was_broken_off_is_its_positive_control(
    kept: dict[str, Any] | None, status: str
) -> None:
    """Its controller was killed after the denial, with what it had seen; the next one finds the key refused."""
    records = denied({"a": Host("a", [], out=True, kept=kept)}, key=HANA)

    assert records["a"]["before"]["person"] == "refused"
    assert offboard.status(records["a"])[0] == status
    assert (records["a"]["earlier"], records["a"]["by_itself"]) == (status == "denied", False)


def test_a_host_s_own_failure_is_not_tried_again() -> None:
    """It answered; what it said is for a person to read."""
    log: list[str] = []
    records = denied({"a": Host("a", log, [AnswerError("hana is root here; nobody was denied here")])})

    assert log.count("a errand") == 1
    assert offboard.status(records["a"]) == (
        "unknown",
        ["the host's own check failed: hana is root here; nobody was denied here"],
    )


def test_a_look_ahead_asks_the_canary_at_once() -> None:
    """It has no afterwards, and still tells whether colleagues get in."""
    log: list[str] = []
    records = denied({"a": Host("a", log)}, check=True)

    assert log == ["a offers hana minho", "a errand"]
    assert (records["a"]["doors"], records["a"]["before"]["canary"]) == (["account not expired"], "accepted")
    assert "after" not in records["a"]


def test_a_canary_that_nobody_heard_of_proves_nothing() -> None:
    """Refused after is a denial only where somebody else is let in at that moment."""
    records = denied({"a": Host("a", [], lets_in=("hana",))})

    assert offboard.status(records["a"])[0] == "unknown"
    assert "canary minho refused after" in offboard.status(records["a"])[1][0]


def test_no_host_s_way_is_looked_up_before_the_bastion_is_shut() -> None:
    """To template a fleet's variables takes longer than to shut its common door; one's fault is no other's."""
    brief = Brief(person="hana", keys=(), hosts=("a", "bastion"), access=(), canaries={}, canary_keys={})
    errand = Errand(request={"check": False, "nonce": "n"}, code=b"")
    told = Denial(brief=brief, errand=errand, clock=float, tries=(0.0,))
    looked: list[str] = []

    def arguments(host: str) -> tuple[str, ...]:
        looked.append(host)
        raise ConnectionError(f"the variables of {host} cannot be read")

    records = denial.deny(told, ("a", "bastion"), arguments, "bastion")

    assert looked == ["bastion"] * looked.count("bastion") + ["a"] * looked.count("a")
    assert {name: row["unreachable"] for name, row in records.items()} == {
        "a": "the variables of a cannot be read",
        "bastion": "the variables of bastion cannot be read",
    }
