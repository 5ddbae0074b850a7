"""A leaver is denied on every host at once: offers before, the errand, offers after; each host on its own clock.

The bastion comes first, since it is the door to all others, and nobody waits for a host that does not answer: it is
tried again while the rest goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from asyncssh import SSHClientConnection

from haechi import errand as errands
from haechi import offboard
from haechi import way as ways
from haechi.errand import AnswerError, Errand
from haechi.lane import FAULTS, Lane, run, said
from haechi.offboard import Brief
from haechi.offer import ACCEPTED, UNKNOWN, Offer
from haechi.way import Way

# So many hosts at once keep two processors busy, and a dead host holds its place no longer than a connection may take.
AT_ONCE = 24
# Seconds before each try of a host that does not answer.
TRIES = (0.0, 2.0, 5.0)
BASTION_S = 10.0
PROGRAM_S = 60.0


class Ask(Protocol):
    """What is needed of a host, so that a test can stand in for one."""

    def reach(self) -> None:
        """Begin to log in for the errand."""

    async def offers(self, people: Mapping[str, tuple[str, ...]]) -> dict[str, Offer]:
        """Offer keys."""

    async def errand(self, errand: Errand, shut: Callable[[], None]) -> dict[str, Any]:
        """Carry the errand out, ``shut`` is called when the host says so; raises ``AnswerError`` or a fault."""


@dataclass(kw_only=True)
class Reached:
    """A host as the lane reaches it; ``arguments`` returns those with which ``ssh`` would, the host's name last.

    They are asked for when the host's turn comes: to template them for a fleet would keep its bastion open meanwhile.
    """

    lane: Lane
    arguments: Callable[[], tuple[str, ...]]
    python: str = errands.PYTHON
    found: Way | None = None
    _login: asyncio.Task[SSHClientConnection] | None = None
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def reach(self) -> None:
        """Begin to log in for the errand, while the keys are offered."""
        self._login = asyncio.create_task(self._log_in())
        # Whoever waits for it hears of a failure; where nobody does any more, it is no news.
        self._login.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def offers(self, people: Mapping[str, tuple[str, ...]]) -> dict[str, Offer]:
        """Offer keys over new connections."""
        try:
            return await self.lane.offers(await self._where(), people)
        except FAULTS as error:
            return {person: Offer(UNKNOWN, said(error)) for person in people}

    async def errand(self, errand: Errand, shut: Callable[[], None]) -> dict[str, Any]:
        """Send the errand and wait for its last word.

        Raises ``AnswerError`` where there is none, or a fault of the connection.
        """
        login, self._login = self._login or asyncio.create_task(self._log_in()), None
        async with asyncio.timeout(PROGRAM_S), await login as connection:
            command = errands.command((await self._where()).user, self.python)
            async with aclosing(run(connection, command, errand.text)) as lines:
                word = await self._last_word(lines, errand, shut)
        return word

    @staticmethod
    async def _last_word(lines: AsyncIterator[str], errand: Errand, shut: Callable[[], None]) -> dict[str, Any]:
        async for line in lines:
            document = errand.read(line)
            if document and "people" in document:
                return document
            if document and document.get("shut"):
                shut()
        raise AnswerError("the host ended without an answer")

    async def _log_in(self) -> SSHClientConnection:
        return await self.lane.log_in(await self._where())

    async def _where(self) -> Way:
        async with self._looking:
            if self.found is None:
                *words, name = self.arguments()
                self.found = await asyncio.to_thread(ways.find, words, name)
            return self.found


@dataclass(frozen=True, kw_only=True)
class Denial:
    """One leaving, as every host hears of it. ``clock`` returns the seconds since somebody said "offboard"."""

    brief: Brief
    errand: Errand
    clock: Callable[[], float]
    earlier: frozenset[str] = frozenset()
    tries: tuple[float, ...] = TRIES

    async def everywhere(self, hosts: Mapping[str, Ask], first: str | None) -> dict[str, dict[str, Any]]:
        """Return the record of each host; ``first`` has a head start, since the way to the others leads through it."""
        places = asyncio.Semaphore(AT_ONCE)
        running: dict[str, asyncio.Task[dict[str, Any]]] = {}

        def begin(host: str) -> None:
            running[host] = asyncio.create_task(self.host(host, hosts[host], places))

        if first in hosts:
            begin(str(first))
            await asyncio.wait(running.values(), timeout=BASTION_S)
        for host in hosts:
            if host not in running:
                begin(host)
        return {host: await running[host] for host in hosts}

    async def host(self, name: str, host: Ask, places: asyncio.Semaphore) -> dict[str, Any]:
        """Return the record of one host, tried again while it does not answer."""
        record: dict[str, Any] = {}
        for number, pause in enumerate(self.tries, 1):
            await asyncio.sleep(pause)
            async with places:
                found = await self.once(name, host)
            # What was accepted before a try that was cut off is no less a positive control.
            if _accepted(record.get("before")) and not _accepted(found["before"]):
                found["before"] = record["before"]
            record = found | {"tries": number}
            if "unreachable" not in record:
                break
        return record

    async def once(self, name: str, host: Ask) -> dict[str, Any]:
        """Offer the keys, revoke, offer them again."""
        brief, canary = self.brief, self.brief.canaries.get(name)
        record: dict[str, Any] = {"access": name in brief.access, "canary": canary, "earlier": name in self.earlier}
        host.reach()
        # The leaver's own key shows that the way was open before; a look ahead has no afterwards to ask the canary in.
        record["before"] = await self.offers(host, canary, ask_canary=bool(self.errand.request["check"]))

        def shut() -> None:
            record["shut_s"] = self.clock()

        try:
            seen = await host.errand(self.errand, shut)
            told = seen["people"][brief.person]
        except (AnswerError, KeyError) as error:
            return record | {"error": said(error)}
        except FAULTS as error:
            return record | {"unreachable": said(error)}
        record["changed"] = bool(seen.get("changed"))
        record["list"] = seen.get("list")
        record["known"] = bool(told["exists"] or record["changed"])
        if self.errand.request["check"]:
            return record | {"doors": told["doors"], "diff": seen.get("diff")}
        record["by_itself"] = offboard.by_itself(told, brief.keys)
        record["earlier"] = record["earlier"] or offboard.by_another_run(told, brief.keys)
        record |= {"host": told, "diff": seen.get("diff"), "after": await self.offers(host, canary)}
        return record | {"denied_s": self.clock()}

    async def offers(self, host: Ask, canary: str | None, *, ask_canary: bool = True) -> dict[str, str]:
        """Offer the leaver's keys and the canary's, and tell what sshd said to each."""
        brief = self.brief
        people = {brief.person: brief.keys}
        if canary and ask_canary:
            people[canary] = brief.canary_keys[canary]
        heard = await host.offers(people)
        person, other = heard[brief.person], heard.get(canary or "", Offer(UNKNOWN, "nobody to ask"))
        told = {"person": person.answer, "person_why": person.why}
        return told | {"canary": other.answer, "canary_why": other.why} if ask_canary else told


def _accepted(offers: Mapping[str, str] | None) -> bool:
    return offers is not None and offers["person"] == ACCEPTED


def deny(
    denial: Denial,
    hosts: Iterable[str],
    arguments: Callable[[str], tuple[str, ...]],
    first: str | None,
    python: str = errands.PYTHON,
) -> dict[str, dict[str, Any]]:
    """Deny a leaver on hosts, each reached by ``ssh`` with its arguments; return the record of each."""

    async def all_of_it() -> dict[str, dict[str, Any]]:
        lane = Lane()
        found = {name: Reached(lane=lane, arguments=partial(arguments, name), python=python) for name in hosts}
        try:
            return await denial.everywhere(found, first)
        finally:
            await lane.close()

    return asyncio.run(all_of_it())
