"""Make a gateway's intrusion detection what policy says; what Suricata does not take replaces nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm, program, running, tree
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.guard import queued, store
from ansible_collections.haechi.guard.plugins.module_utils.ids import (
    canary,
    console,
    daemon,
    own,
    queues,
    trial,
    units,
    watch,
)
from ansible_collections.haechi.guard.plugins.module_utils.tree import Step

RULES, SOURCES = f"{units.FOLDER}/rules/all.rules", f"{units.FOLDER}/rules/sources.json"
# Behind this line, in a file of which ours are the first; the controller leaves comments out.
SEPARATOR = "# Rules of the sources that policy names.\n"
# Debian's own looks at the first interface it finds, by a configuration that is not policy's.
DEBIANS = Path("/etc/systemd/system/suricata.service")
OLDEST = 13
PATIENCE_S = 120.0


class IdsError(Exception):
    """It cannot be made so; the text says why, and what inspected before inspects on."""


def ensure(asked: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Return a module's result; with ``lacking`` or ``wanted`` in it the controller brings those and asks again.

    ``asked``: ``desired``; ``sources``, rows of name, sha256, issued and rules; ``rules``, their text in zlib and
    base64, or "" as long as nobody wants it. Raises ``IdsError``, ``RefusedError``, ``TreeError``, ``OSError``.
    """
    if why := unfit(Path("/etc/os-release").read_text(encoding="utf-8")):
        raise IdsError(why)
    desired, instances = asked["desired"], asked["desired"]["instances"]
    lacking = _lacking(desired["packages"])
    if lacking and not check:
        _mask()
        return {"changed": True, "lacking": lacking}
    held = _held(asked["sources"])
    if not held and not asked["rules"] and asked["sources"] and not check:
        return {"changed": True, "wanted": True}
    steps, stale = _plan(asked, held=held), _stale()
    idle = {} if check and lacking else running.lacking(units.services(instances))
    unheld = bool(asked["sources"]) and not held and not asked["rules"]
    changes = [
        *([f"{RULES}: -> as the sources have them"] if unheld else []),
        *(f"package {name}: absent -> installed" for name in lacking),
        *([f"{units.PROGRAM}: -> as this release has it"] if stale else []),
        *(step.path for step in steps),
        *(f"{name}: {words}" for name, words in idle.items()),
    ]
    result = {"changed": bool(changes), "changes": changes, "diff": [*map(_shown, steps)]}
    if changes and not check:
        _make(desired, steps, stale)
    return {**result, "queues_due": _queues_due(desired)}


def unfit(release: str) -> str:
    """Return why a host cannot inspect, by its ``/etc/os-release`` (os-release(5)); empty where it can."""
    told = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    number, name = (told.get(word, "").strip('"') for word in ("VERSION_ID", "PRETTY_NAME"))
    if told.get("ID") == "debian" and number.isdigit() and int(number) >= OLDEST:
        return ""
    what = f"{name or 'this host'} has no Suricata that this role can run"
    return f"{what}: name a gateway with Debian 13 in ids.hosts, or upgrade this one"


def _lacking(names: Iterable[str]) -> list[str]:
    # Only where the kernel has no queue of nft's own are the same rules loaded by iptables.
    wanted = [*names, *([] if queues.native() else ["iptables"])]
    shown = ("dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\\n", *wanted)
    done = running.run(*shown)
    there = {line.split()[0] for line in done.stdout.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in there]


def _mask() -> None:
    """Keep Debian's own service from starting when its package comes (systemctl(1), mask)."""
    if not DEBIANS.is_symlink():
        DEBIANS.unlink(missing_ok=True)
        DEBIANS.symlink_to("/dev/null")
        running.run("systemctl", "stop", "suricata.service")


def _held(sources: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether the rules that are here are those of the sources."""
    try:
        told = json.loads(Path(SOURCES).read_text(encoding="utf-8"))
        body = Path(RULES).read_bytes()
    except (OSError, ValueError):
        return False
    known = [{word: row[word] for word in ("name", "sha256")} for row in sources]
    mine = [{word: row[word] for word in ("name", "sha256")} for row in told["sources"]]
    return bool(mine == known and told["sha256"] == hashlib.sha256(body).hexdigest())


def _plan(asked: Mapping[str, Any], *, held: bool) -> tuple[Step, ...]:
    desired = asked["desired"]
    rows = {**units.texts(desired["instances"])}
    rows |= {f"{units.FOLDER}/{name}.yaml": text for name, text in desired["configurations"].items()}
    brought = zlib.decompress(base64.b64decode(asked["rules"])).decode() if asked["rules"] else ""
    if brought or not asked["sources"]:
        rules = own.rules() + SEPARATOR + brought
        rows |= {RULES: rules, SOURCES: _index(asked["sources"], rules)}
    elif held:
        kept = Path(RULES).read_text(encoding="utf-8")
        rules = own.rules() + SEPARATOR + kept.partition(SEPARATOR)[2]
        rows |= {RULES: rules, SOURCES: _index(asked["sources"], rules)}
    wanted = tree.wanted(
        {"path": path, "content": text, "mode": "0644", "owner": "root", "group": "root"} for path, text in rows.items()
    )
    absent = [path for name in units.NUMBERS if name not in desired["instances"] for path in _of(name)]
    return tree.plan({path: tree.observe(path) for path in (*rows, *absent)}, wanted, absent)


def _of(name: str) -> tuple[str, str]:
    return f"{units.FOLDER}/{name}.yaml", f"{units.SYSTEM}/{units.service(name)}"


def _index(sources: Sequence[Mapping[str, Any]], rules: str) -> str:
    told = {"schema": 1, "sha256": hashlib.sha256(rules.encode()).hexdigest(), "sources": [*sources]}
    return json.dumps(told, indent=1, sort_keys=True) + "\n"


def _shown(step: Step) -> dict[str, str]:
    # Forty thousand rules are no difference that anybody reads.
    return {"prepared": f"{step.path}: {len(tree.text(step.after))} bytes\n"} if step.path == RULES else tree.diff(step)


def _stale() -> bytes:
    """Return the program where it is not this release's, else nothing."""
    parts = (files, alarm, own, units, console, queues, watch, canary, daemon)
    made = program.build("ids.daemon", [part.__name__ for part in parts])
    path = Path(units.PROGRAM)
    return b"" if path.is_file() and path.read_bytes() == made else made


def _make(desired: Mapping[str, Any], steps: Sequence[Step], stale: bytes) -> None:
    """Try, swap, have Suricata take it, prove; the old files come back where it does not."""
    instances, paths = desired["instances"], {step.path for step in steps}
    if RULES in paths or any(f"{units.FOLDER}/{name}.yaml" in paths for name in instances):
        after = {step.path: tree.text(step.after) for step in steps}
        trial.judge(desired["configurations"], after.get(RULES) or Path(RULES).read_text(encoding="utf-8"))
    _mask()
    if stale:
        Path(units.PROGRAM).parent.mkdir(parents=True, exist_ok=True)
        files.write(units.PROGRAM, stale, mode=0o755, uid=0, gid=0)
    for name in units.NUMBERS:
        if name not in instances and Path(_of(name)[1]).exists():
            running.must(IdsError, "systemctl", "disable", "--quiet", "--now", units.service(name))
    for step in steps:
        tree.put(step.path, step.after)
    down = running.lacking(map(units.service, instances))
    restarted = [name for name in instances if paths & {*_of(name)} or units.service(name) in down]
    try:
        _start(instances, restarted, watched=bool(stale or f"{units.SYSTEM}/{units.WATCH}" in paths))
        _taken(instances, [] if RULES not in paths else [name for name in instances if name not in restarted])
    except (IdsError, OSError, ValueError):
        tree.restore(steps)
        running.run("systemctl", "daemon-reload")
        for name in instances:
            running.run("systemctl", "restart", units.service(name))
        raise


def _start(instances: Sequence[str], restarted: Sequence[str], *, watched: bool) -> None:
    running.must(IdsError, "systemd-tmpfiles", "--create", "/etc/tmpfiles.d/haechi-ids.conf")
    running.must(IdsError, "systemctl", "daemon-reload")
    running.must(IdsError, "systemctl", "enable", "--quiet", *units.services(instances))
    due = [*map(units.service, restarted), *([units.WATCH] if watched else [])]
    if due:
        running.must(IdsError, "systemctl", "restart", *due)
    running.must(IdsError, "systemctl", "start", *units.services(instances))


def _taken(instances: Sequence[str], reloaded: Iterable[str]) -> None:
    """Have the rules taken by those that run, and wait until each holds all of them and reads its queue."""
    until = time.monotonic() + PATIENCE_S
    before = {name: _reload(name, until) for name in reloaded}
    wanted = sum(1 for line in Path(RULES).read_text(encoding="utf-8").splitlines() if line and line[0] != "#")
    for name in instances:
        while complaint := _unready(name, wanted, before.get(name)):
            if time.monotonic() > until:
                said = running.run(
                    "journalctl", "-n", "20", "-o", "cat", "--no-pager", "-u", units.service(name)
                ).stdout
                errors = " / ".join([line for line in said.splitlines() if line.startswith("E: ")][-3:])
                raise IdsError(f"{units.service(name)}: {complaint}, so the old state is back. {errors}".strip())
            time.sleep(0.3)


def _reload(name: str, until: float) -> Any:
    """Have an instance take its rules; return when it had done so last.

    It builds the new engine beside the old one and swaps them between two packets ("Rule Reloads"). The other command
    answers when that is done, and nobody else until then: whoever watches would take it for dead.
    """
    before = console.ask(name, "ruleset-reload-time")
    while True:
        try:
            console.ask(name, "ruleset-reload-nonblocking")
        except ValueError:
            # One is under way.
            if time.monotonic() > until:
                raise
            canary.send(name)
            time.sleep(0.5)
        else:
            break
    for _ in range(5 if name == "detect" else 0):
        # It waits for copies without an end, and swaps when the next one comes.
        time.sleep(0.3)
        canary.send(name)
    return before


def _unready(name: str, wanted: int, before: Any) -> str:
    try:
        if before is not None and console.ask(name, "ruleset-reload-time") == before:
            return "it does not take the new rules"
        (stats,) = console.ask(name, "ruleset-stats")
    except (OSError, ValueError) as error:
        return f"it does not get ready ({error})"
    if not watch.look(name).reader:
        return "it does not read its queue"
    if stats["rules_failed"] or stats["rules_loaded"] != wanted:
        return f"it holds {stats['rules_loaded']} rules of {wanted}, {stats['rules_failed']} failed"
    return ""


def _queues_due(desired: Mapping[str, Any]) -> bool:
    """Return whether the guarded change has anything to do: it is another round trip."""
    for path, text in desired["queues"].items():
        if not Path(path).is_file() or Path(path).read_text(encoding="utf-8") != text:
            return True
    return queued.fingerprint() != store.effective("ids")
