"""Kill -9 at every transition of the ledger, and at any moment between: nothing lost, doubled, or proven falsely.

``python -m tests.hr.faults [ROUNDS] [SEED]`` runs the long form and writes artifacts/hr-faults.json.
"""

from __future__ import annotations

import json
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from haechi.hr.ledger import Ledger, events, open_ledger
from tests.hr import crash, processes, site
from tests.hr.site import HOSTS, Setup
from tests.postgres import Postgres, running

ENGINES = ("embedded", "procrastinate")
NEVER = ("never", crash.BEFORE)
RECEIVER = (("append", crash.BEFORE), ("append", crash.AFTER))
# A worker that has not died by its plan until now never gets there: it is killed wherever it is.
DEATH_S, END_S = 15.0, 120.0


@dataclass
class Tally:
    """What one engine came to. The lists say what went wrong, and are empty."""

    rounds: int = 0
    messages: int = 0
    restarts: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    falsely_proven: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as the artifact has it: counts, and the words where one is not zero."""
        wrong = {"lost": self.lost, "doubled": self.doubled, "falsely_proven": self.falsely_proven}
        return {
            "rounds": self.rounds,
            **{name: len(rows) for name, rows in wrong.items()},
            "messages": self.messages,
            "database_restarts": self.restarts,
            "deaths": dict(sorted(self.deaths.items())),
            "what_went_wrong": {name: rows for name, rows in wrong.items() if rows},
        }


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Rounds of one engine over one ledger."""

    setup: Setup
    ledger: Ledger
    dice: random.Random
    postgres: Postgres | None
    tally: Tally = field(default_factory=Tally)

    def run(self, rounds: int) -> Tally:
        """Run so many rounds; every point comes up before one comes up again."""
        points: list[tuple[str, str]] = []
        for number in range(rounds):
            points = points or self.dice.sample([*crash.POINTS, *RECEIVER, *[NEVER] * 4], len(crash.POINTS) + 6)
            self.round([person for person in self.setup.people if person.startswith(f"r{number}-")], points.pop())
        return self.tally

    def round(self, people: Sequence[str], point: tuple[str, str]) -> None:
        """Let some people leave while a worker or the receiver dies at a point, or anywhere."""
        down = (self.dice.choice(HOSTS),) if self.dice.random() < 0.2 else ()
        dying = replace(self.setup, owner="A", crash=point, down=down, slow_s=self.dice.choice((0, 0, 2)))
        with ExitStack() as stack:
            worker = stack.enter_context(processes.worker(dying))
            if self.setup.engine == "procrastinate" and self.dice.random() < 0.3:
                stack.enter_context(processes.worker(replace(self.setup, owner="B")))
            kept = self._sent(people, point)
            deadline = self.dice.uniform(1, DEATH_S / 2) if point in {NEVER, *RECEIVER} else DEATH_S
            died = processes.within(deadline, lambda: worker.poll() is not None)
            self.tally.deaths[" ".join(point) if died or point in RECEIVER else "any moment"] += 1
        self._restarted()
        with processes.worker(replace(self.setup, owner="C")):
            over = processes.within(END_S, lambda: processes.ended(self.ledger, people))
        self._judge(people, kept, over=over)
        self._tell(point)

    def _sent(self, people: Sequence[str], point: tuple[str, str]) -> set[str]:
        """Send what HR sends, some of it twice and in any order, until all is answered for."""
        names = [*people, *self.dice.choices(people, k=2)]
        self.dice.shuffle(names)
        messages = {person: site.message(self.setup.folder, person) for person in people}
        late = [site.message(self.setup.folder, person, "join") for person in people[:1]]
        waiting = [*(messages[name] for name in names), *late]
        self.tally.messages += len(waiting)
        receiver = replace(self.setup, crash=point if point in RECEIVER else NEVER)
        kept = processes.receive(receiver, waiting)
        # Whoever was not answered sends again.
        return kept if len(kept) == len(people) + 1 else kept | processes.receive(self.setup, waiting)

    def _restarted(self) -> None:
        if self.postgres and self.dice.random() < 0.2:
            self.postgres.restart()
            self.tally.restarts += 1

    def _judge(self, people: Sequence[str], kept: set[str], *, over: bool) -> None:
        tally, found = self.tally, processes.leavings(self.ledger, people)
        tally.rounds += 1
        tally.lost += [one for one in sorted(kept) if self.ledger.read(events.known, one) is None]
        tally.lost += [] if over else [f"{view.person} is {view.state}: {view.hosts}" for view in found]
        tally.lost += [] if len(kept) == len(people) + 1 else [f"{len(kept)} messages of {people} were answered for"]
        counted = Counter(view.person for view in found)
        tally.doubled += [f"{person}: {counted[person]} leavings" for person in people if counted[person] != 1]
        tally.doubled += processes.doubled(self.setup, people)
        tally.falsely_proven += processes.falsely_proven(self.setup, self.ledger, people)

    def _tell(self, point: tuple[str, str]) -> None:
        told = self.tally.document()
        counts = ", ".join(f"{told[name]} {name}" for name in ("lost", "doubled", "falsely_proven"))
        sys.stdout.write(f"{self.setup.engine}, round {self.tally.rounds}, {' '.join(point)}: {counts}\n")


@contextmanager
def trial(engine: str, rounds: int, seed: int, postgres: Postgres) -> Iterator[Trial]:
    """Make a site for the rounds of one engine, and take it away unless something went wrong on it."""
    dice = random.Random(f"{seed} {engine}")  # noqa: S311 -- to be repeatable by its seed
    folder = Path(tempfile.mkdtemp(prefix=f"haechi-faults-{engine}-"))
    people = tuple(f"r{number}-{who}" for number in range(rounds) for who in ("ha", "bo")[: dice.randint(1, 2)])
    distributed = engine == "procrastinate"
    where = postgres.fresh() if distributed else str(folder / "ledger.sqlite")
    setup = Setup(folder=folder, where=where, engine=engine, people=people)
    site.prepare(folder)
    ledger = open_ledger(setup.ledger)
    made = Trial(setup=setup, ledger=ledger, dice=dice, postgres=postgres if distributed else None)
    yield made
    ledger.close()
    if not made.tally.document()["what_went_wrong"]:
        shutil.rmtree(folder)


def run(engine: str, rounds: int, seed: int, postgres: Postgres) -> dict[str, Any]:
    """Run all rounds of one engine, and return what the artifact says of them."""
    began = time.monotonic()
    with trial(engine, rounds, seed, postgres) as rows:
        told = rows.run(rounds).document()
    found = {**told, "seconds": round(time.monotonic() - began)}
    sys.stdout.write(f"{engine}: {json.dumps(found)}\n")
    return found


def main(rounds: int, seed: int) -> int:
    """Run both engines beside each other, write the artifact, and return whether anything went wrong."""
    with running() as postgres, ThreadPoolExecutor(len(ENGINES)) as pool:
        results = pool.map(lambda engine: run(engine, rounds, seed, postgres), ENGINES)
        found = dict(zip(ENGINES, results, strict=True))
    path = Path("artifacts/hr-faults.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"seed": seed, **found}, indent=2) + "\n")
    return any(row["what_went_wrong"] for row in found.values())


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbelow(10**6)
    sys.stdout.write(f"seed {chosen}\n")
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, chosen))
