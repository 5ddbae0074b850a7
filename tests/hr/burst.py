"""A burst of a thousand leavers, with duplicates, replays and latecomers among them in any order: how fast, none lost.

``python -m tests.hr.burst [LEAVERS] [SEED]`` writes artifacts/hr-burst.json. Messages are verified again as the worker
does; times are of one message after the other, as one inbox is pulled. Nothing is asserted of time.
"""

from __future__ import annotations

import json
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

from haechi.hr.envelope import Envelope
from haechi.hr.ledger import Ledger, events, open_ledger, views
from haechi.hr.work.accept import accept
from haechi.hr.work.decide import Sight
from tests.hr import site
from tests.hr.site import Setup
from tests.postgres import running

HOSTS = tuple(f"host{number}" for number in range(10))


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a burst came to: ``lost`` are messages and leavers that the ledger does not have, ``doubled`` second ones.

    Times are of taking one message from the inbox's envelope to the ledger's commit, in milliseconds.
    """

    messages: int
    distinct: int
    leavers: int
    hosts: int
    lost: int
    doubled: int
    per_second: float
    median_ms: float
    p99_ms: float


def burst(folder: Path, people: Sequence[str], dice: random.Random) -> list[Envelope]:
    """Return what comes in: each leaver once, a fifth of them again, a tenth as joiners, and all of it shuffled.

    A tenth comes a second time at the very end, when the ledger has it already.
    """
    leaving = [site.received(folder, site.message(folder, who)) for who in people]
    joining = [
        site.received(folder, site.message(folder, who, "join")) for who in dice.sample(people, len(people) // 10)
    ]
    mixed = [*leaving, *joining, *dice.sample(leaving, len(people) // 5)]
    dice.shuffle(mixed)
    return [*mixed, *dice.sample(leaving, len(people) // 10)]


def measure(setup: Setup, messages: Sequence[Envelope], sight: Sight) -> Figures:
    """Take all messages into a ledger, one after the other, and look what it has then."""
    ledger, read = open_ledger(setup.ledger), site.Reader(setup.folder)
    engine = site.engine_of(setup, ledger)
    times = []
    for message in messages:
        began = time.perf_counter()
        accept(ledger, engine, message, read, sight)
        times.append(time.perf_counter() - began)
    found = _judged(ledger, messages, setup.people)
    ledger.close()
    cuts = quantiles(times, n=100)
    return Figures(
        messages=len(messages),
        distinct=len({message.id for message in messages}),
        leavers=len(setup.people),
        hosts=len(sight.hosts),
        lost=found[0],
        doubled=found[1],
        per_second=round(len(times) / sum(times), 1),
        median_ms=round(cuts[49] * 1000, 2),
        p99_ms=round(cuts[98] * 1000, 2),
    )


def _judged(ledger: Ledger, messages: Sequence[Envelope], people: Sequence[str]) -> tuple[int, int]:
    """Return how many messages or leavers are missing, and how many leavings too many there are."""
    missing = [one for one in {message.id for message in messages} if ledger.read(events.known, one) is None]
    found = [view.person for view in ledger.read(views.revocations) if len(view.hosts) == len(HOSTS)]
    return len(missing) + len(set(people) - set(found)), len(found) - len(set(found))


def main(leavers: int, seed: int) -> int:
    """Measure both engines on the same messages, write the artifact, and return whether anything was lost."""
    people, figures = tuple(f"p{number}" for number in range(leavers)), {}
    with tempfile.TemporaryDirectory(prefix="haechi-burst-") as name, running() as postgres:
        folder = Path(name)
        site.prepare(folder / "site")
        messages = burst(folder / "site", people, random.Random(seed))  # noqa: S311 -- to be repeatable
        sight = site.sight(people, hosts=HOSTS)
        for engine, where in (("embedded", f"{folder}/ledger.sqlite"), ("procrastinate", postgres.fresh())):
            setup = Setup(folder=folder / "site", where=where, engine=engine, people=people)
            figures[engine] = measure(setup, messages, sight)
    told = {"seed": seed, **{engine: asdict(row) for engine, row in figures.items()}}
    path = Path("artifacts/hr-burst.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(told, indent=2) + "\n")
    sys.stdout.write(f"{path.read_text()}")
    return any(row.lost or row.doubled for row in figures.values())


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbelow(10**6)
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, chosen))
