"""Break what each control promises on the lab's machines: the audit must say so, and be content once it is mended.

`python -m tests.lab.breakers` runs the batches of `make test`; `--single` puts one breaker on a machine at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from haechi.controls import all_controls
from haechi.controls.model import Control, Scope
from haechi.lab import site
from haechi.policy import state_dir
from haechi.policy.models import State
from haechi.policy.resolve import keys_of

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventories/lab"
RELEASES = {
    **dict.fromkeys(("app1", "edge1", "edge2", "log1", "vault1", "backup1", "ops1", "gw1"), "13"),
    "db1": "12",
}
SITE = "site"
BAD = {"fail", "unknown"}
NONE = {"status": "no verdict", "seen": ""}
# By control and subject: the row of the audit's JSON.
Verdicts = dict[tuple[str, str], dict[str, str]]


@dataclass(frozen=True)
class Row:
    """One line of the closing table; the first five are the keys of artifacts/breakers.json."""

    control: str
    broken: str
    audit_after_break: str
    audit_after_role: str
    caught: bool
    host: str
    mended_by: str


@dataclass
class Batch:
    """Breakers that share no state, by the machine that each breaks."""

    placed: dict[str, list[Control]] = field(default_factory=dict)

    def takes(self, host: str, control: Control, most: int) -> bool:
        """Return whether a control's breaker can join a machine's others."""
        here = self.placed.get(host, [])
        taken = {state for other in here for state in other.breaker.touches}
        alike = control.scope is Scope.SITE and any(control.id == c.id for row in self.placed.values() for c in row)
        return len(here) < most and not taken & set(control.breaker.touches) and not alike

    def pairs(self) -> Iterator[tuple[str, Control]]:
        """Yield each machine with each control broken on it."""
        for host, controls in self.placed.items():
            for control in controls:
                yield host, control


def broken_here(chosen: Iterable[str] = ()) -> list[Control]:
    """Return the controls that a machine of the lab can break, all where none is chosen; tests/vm has the rest."""
    wanted = set(chosen)
    return [
        control
        for control in all_controls()
        if control.breaker
        and (not wanted or control.id in wanted)
        and any(_suits(control, *machine) for machine in RELEASES.items())
    ]


def batches(controls: Sequence[Control], most: int) -> list[Batch]:
    """Place every breaker on the least laden machine that it suits, in as few batches as its state allows."""
    found: list[Batch] = []
    for control in controls:
        suits = [host for host, release in RELEASES.items() if _suits(control, host, release)]
        place = next(
            ((batch, host) for batch in found for host in _by_load(batch, suits) if batch.takes(host, control, most)),
            None,
        )
        if place is None:
            found.append(Batch())
            place = (found[-1], suits[0])
        place[0].placed.setdefault(place[1], []).append(control)
    return found


def _suits(control: Control, host: str, release: str) -> bool:
    return release in control.breaker.releases and (not control.breaker.hosts or host in control.breaker.hosts)


def _by_load(batch: Batch, hosts: Iterable[str]) -> list[str]:
    return sorted(hosts, key=lambda host: len(batch.placed.get(host, [])))


def run(batch: Batch, before: Verdicts) -> tuple[list[Row], list[str]]:
    """Break, audit, let the role or a hand mend, audit; return the rows and what was wrong."""
    wrong: list[str] = []
    try:
        wrong += _scripts(batch.pairs(), "script")
        broken = audit()
        wrong += strays(batch, before, broken)
        mend = playbook("site")
        wrong += [] if mend.returncode == 0 else [f"site after the break: {mend.stdout[-2000:]}{mend.stderr[-1000:]}"]
        wrong += _scripts(((h, c) for h, c in batch.pairs() if c.breaker.mend == "undo"), "undo")
        mended = audit()
    finally:
        _scripts(((h, c) for h, c in batch.pairs() if c.breaker.undo and c.breaker.mend == "role"), "undo")
    rows = [row_of(host, control, before, broken, mended) for host, control in batch.pairs()]
    wrong += [f"{r.control} on {r.host} ({r.broken}): {r.audit_after_break}" for r in rows if not r.caught]
    wrong += [f"{subject}: {words} after mending" for (_, subject), words in worse(before, mended)]
    return rows, wrong


def worse(before: Verdicts, then: Verdicts) -> list[tuple[tuple[str, str], str]]:
    """Return the control and subject of each verdict that is bad and was not before, and what the audit saw."""
    return [
        (name, f"{name[0]} is {row['status']} ({row['seen']})")
        for name, row in then.items()
        if row["status"] in BAD and before.get(name, NONE)["status"] not in BAD
    ]


def strays(batch: Batch, before: Verdicts, broken: Verdicts) -> list[str]:
    """Return what failed although nobody broke it: a judge that shouts at everything proves nothing."""
    meant = {(control.id, where) for host, control in batch.pairs() for where in (host, SITE)}
    allowed = {
        (other, where) for host, control in batch.pairs() for other in control.breaker.also for where in (host, SITE)
    }
    return [
        f"{name[1]}: {words}, and nobody broke it"
        for name, words in worse(before, broken)
        if name not in meant | allowed
    ]


def row_of(host: str, control: Control, before: Verdicts, broken: Verdicts, mended: Verdicts) -> Row:
    """Return what the three audits said of a control: before it was broken, then, and after it was mended."""
    subject = SITE if control.scope is Scope.SITE else host
    name = (control.id, subject)
    said, after, was = (seen.get(name, NONE)["status"] for seen in (broken, mended, before))
    return Row(
        control=control.id,
        broken=control.breaker.how,
        audit_after_break=said,
        audit_after_role=after,
        # A breaker that first makes what it breaks (a mail server, say) may leave it away again, and what a person
        # must answer for is theirs to answer for again.
        caught=said == "fail" and (after == "pass" or after == was in {"not_applicable", "manual"}),
        host=host,
        mended_by="role" if control.breaker.mend == "role" else "a person",
    )


def audit() -> Verdicts:
    """Run the audit playbook and return its verdicts."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "audit.json"
        done = playbook("audit", HAECHI_AUDIT_JSON=str(result))
        assert result.is_file(), done.stdout[-3000:] + done.stderr[-3000:]
        rows = json.loads(result.read_text())["verdicts"]
    return {(row["control"], row["subject"]): row for row in rows}


def playbook(name: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook on the whole lab."""
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **env}
    command = [program, "-i", str(INVENTORY), f"playbooks/{name}.yml"]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def _scripts(pairs: Iterable[tuple[str, Control]], which: str) -> list[str]:
    policy = site.read_policy(INVENTORY)
    keys = {f"@KEY:{who.id}@": keys_of(policy, who)[0] for who in policy.identities if keys_of(policy, who)}
    keys["@LEFT@"] = next(who.id for who in policy.identities if who.state is not State.ACTIVE)
    with ThreadPoolExecutor(4) as pool:
        return list(filter(None, pool.map(lambda pair: _script(*pair, which, keys), list(pairs))))


def _script(host: str, control: Control, which: str, keys: Mapping[str, str]) -> str:
    text = getattr(control.breaker, which)
    for name, key in keys.items():
        text = text.replace(name, key)
    here = control.breaker.where == "control"
    command = ["sh", "-c", text] if here else ["podman", "exec", f"haechi-lab-{host}", "sh", "-c", text]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "STATE": str(state_dir(site.read_policy(INVENTORY)))} if here else None,
    )
    return (
        ""
        if done.returncode == 0
        else f"{control.id} on {host}: its {which} ended with {done.returncode}: {done.stderr}"
    )


def show(console: Console, rows: Iterable[Row]) -> None:
    """Print the closing table."""
    table = Table(title="Every control broken once, and what the audit said")
    for title in ("control", "broken how", "on", "audit said", "mended by", "audit said then"):
        table.add_column(title)
    for row in rows:
        said = row.audit_after_break if row.caught else f"[red]{row.audit_after_break}[/red]"
        table.add_row(row.control, row.broken, row.host, said, row.mended_by, row.audit_after_role)
    console.print(table)


def write(rows: Iterable[Row]) -> Path:
    """Keep the table as artifacts/breakers.json."""
    path = ROOT / "artifacts/breakers.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n")
    return path


def everything(console: Console, chosen: Iterable[str], most: int) -> tuple[list[Row], list[str]]:
    """Run all batches, print and keep the table; return the rows and what was wrong."""
    before = audit()
    rows: list[Row] = []
    wrong = [f"{subject}: {words} before anything was broken" for (_, subject), words in worse({}, before)]
    plan = batches(broken_here(chosen), most)
    for number, batch in enumerate(plan, 1):
        told = sum(1 for _ in batch.pairs())
        console.print(f"batch {number} of {len(plan)}: {told} breakers on {len(batch.placed)} machines")
        done, bad = run(batch, before)
        rows += done
        wrong += bad
    show(console, rows)
    write(rows)
    return rows, wrong


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.breakers", description=__doc__)
    parser.add_argument("--single", action="store_true", help="one breaker on a machine at a time")
    parser.add_argument("control", nargs="*", help="only these controls")
    arguments = parser.parse_args()
    _, wrong = everything(Console(), arguments.control, 1 if arguments.single else 100)
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
