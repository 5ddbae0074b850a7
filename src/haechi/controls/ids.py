"""Intrusion detection: it runs, gets what policy says, fails as policy says, holds fresh rules, and is heard."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from haechi.controls.gateway import breaker, control
from haechi.controls.model import Case, Severity, Verdict, failed, none_of, not_here
from haechi.observe.inspected import Ids, Instance

NO_IDS = "policy has nothing inspected here"
WATCH, CANARY, QUEUES = "haechi-ids-watch.service", "haechi-ids-canary.timer", "haechi-ids-queues.service"
ON = "active enabled"
TAKEN = {"open": ("-q", "40"), "closed": ("-q", "41"), "detect": ("--nflog",)}
HEARD = timedelta(hours=24)


def _of(case: Case) -> tuple[Mapping[str, Any], Ids] | None:
    """Return what a host should inspect and what was seen; what was not seen is unknown of no host."""
    seen, desired = case.posture.ids, case.desired.get("ids")
    return (desired, seen) if isinstance(desired, Mapping) else None


def _judged(case: Case, expected: str, faults: Callable[[Mapping[str, Any], Ids], Iterator[str]], told: str) -> Verdict:
    found = _of(case)
    if found is None:
        return not_here(NO_IDS, expected)
    desired, seen = found
    there = {one.name for one in seen.instances}
    bad = [f"there is no Suricata for {name}" for name in desired["instances"] if name not in there]
    return none_of([*bad, *faults(desired, seen)], expected, told)


def runs(case: Case) -> Verdict:
    """Each Suricata that policy needs runs by its file, reads its queue and answers, now and after a boot."""
    expected = "Suricata runs by its file, reads its queue, answers, is watched, and starts at boot"
    found = _of(case)
    names = ", ".join(one.name for one in found[1].instances) if found else ""
    return _judged(case, expected, _idle, f"{names}: run, read their queues and answer")


def _idle(_: Mapping[str, Any], seen: Ids) -> Iterator[str]:
    for one in seen.instances:
        yield from (f"{one.name}: {fault}" for fault in _still(one))
    if seen.services.get(WATCH) != ON:
        yield f"{WATCH} is {seen.services.get(WATCH, 'not there')}"


def _still(one: Instance) -> Iterator[str]:
    if not one.active:
        yield "it does not run"
    if not one.enabled:
        yield "it does not start at boot"
    wanted = ("/usr/bin/suricata", "-c", f"/etc/haechi/ids/{one.name}.yaml", *TAKEN[one.name])
    if one.active and one.command != wanted:
        yield f"it runs as {' '.join(one.command)}"
    if one.active and not one.reads:
        yield "nobody reads its queue"
    if one.active and not one.answers:
        yield "it does not answer"


def queues(case: Case) -> Verdict:
    """Each pair is handed over in its mode, behind policy's own chain, now and after a boot."""
    found = _of(case)
    way = found[1].way if found else ""
    told = f"{len(found[1].live) if found else 0} rules by {'nft queue' if way == 'native' else 'iptables-nft'}"
    return _judged(case, "the queues in force are those of policy, now and after a boot", _strayed, told)


def _strayed(desired: Mapping[str, Any], seen: Ids) -> Iterator[str]:
    if seen.way == "none":
        yield "nothing is handed over"
    yield from _differing(desired["queues"], seen)
    if seen.live != seen.file:
        more, less = (
            [row for row in seen.live if row not in seen.file],
            [row for row in seen.file if row not in seen.live],
        )
        yield f"in force are other rules than the file's: {(more or less or ['the same in another order'])[0][:200]}"
    if seen.services.get(QUEUES) != ON:
        yield f"{QUEUES} is {seen.services.get(QUEUES, 'not there')}"


def _differing(wanted: Mapping[str, str], seen: Ids) -> Iterator[str]:
    for path, text in wanted.items():
        if seen.files.get(path) != hashlib.sha256(text.encode()).hexdigest():
            yield f"{path} is not what policy says"


def fails_as_chosen(case: Case) -> Verdict:
    """Each Suricata goes by the configuration that policy makes: what fails open or closed is in it."""
    expected = "each Suricata goes by policy's configuration, with its choice of what happens while it does not keep up"
    found = _of(case)
    names = ", ".join(found[0]["instances"]) if found else ""
    return _judged(case, expected, _otherwise, f"{names}: as policy chose")


def _otherwise(desired: Mapping[str, Any], seen: Ids) -> Iterator[str]:
    texts = {f"/etc/haechi/ids/{name}.yaml": text for name, text in desired["configurations"].items()}
    yield from _differing(texts, seen)
    yield from (f"{one.name}: its file was changed after it started" for one in seen.instances if one.stale)


def rules_in_force(case: Case) -> Verdict:
    """Judge whether all rules that passed their trial are in force, ours among them, and no others."""
    found = _of(case)
    told = f"{found[1].rules if found else 0} rules in each"
    return _judged(case, "the rules that passed their trial are in force, all of them", _unloaded, told)


def _unloaded(_: Mapping[str, Any], seen: Ids) -> Iterator[str]:
    if not seen.sound:
        yield "the file of rules is not what was tried"
    for one in seen.instances:
        if one.loaded is None:
            yield f"{one.name}: it does not say what it holds"
        elif one.loaded != seen.rules or one.failed:
            yield f"{one.name}: it holds {one.loaded} rules of {seen.rules}, {one.failed} failed"


def rules_fresh(case: Case) -> Verdict:
    """Judge whether there are rules beside our own, each source's newest no older than policy says."""
    found = _of(case)
    if found is None:
        return not_here(NO_IDS, "fresh rules")
    desired, seen = found
    days = desired["max_rule_days"]
    expected, named = f"rules of others, none older than {days} days", [row["name"] for row in desired["sources"]]
    if not named:
        return failed("policy names no source of rules beside our own", expected)
    bad = [f"there are no rules of {name}" for name in named if name not in {one.name for one in seen.sources}]
    ages = {one.name: (case.at - one.issued).days for one in seen.sources}
    bad += [f"the newest rule of {name} is {age} days old" for name, age in ages.items() if age > days]
    return none_of(bad, expected, ", ".join(f"{name}: {age} days" for name, age in ages.items()))


def canary_heard(case: Case) -> Verdict:
    """Each Suricata's log had the canary within a day, and it is fired again by itself."""
    expected = "the canary is in each log within 24 hours, and is fired by a timer"
    found = _of(case)
    if found is None:
        return not_here(NO_IDS, expected)
    times = {one.name: one.canary for one in found[1].instances}
    told = ", ".join(f"{name}: {at:%Y-%m-%d %H:%M}" for name, at in times.items() if at is not None)
    return _judged(case, expected, lambda _, seen: _unheard(case, seen), told)


def _unheard(case: Case, seen: Ids) -> Iterator[str]:
    for one in seen.instances:
        if one.canary is None:
            yield f"{one.name}: no canary is in its log"
        elif case.at - one.canary > HEARD:
            yield f"{one.name}: the last canary is of {one.canary:%Y-%m-%d %H:%M}"
    if seen.services.get(CANARY) != ON:
        yield f"{CANARY} is {seen.services.get(CANARY, 'not there')}"


# Debian 12 has no Suricata that the role can run.
_breaker = partial(breaker, releases=("13",))

CONTROLS = (
    control(
        "ids-runs",
        ("침입탐지·차단 시스템의 상시 가동", "Suricata runs, reads its queues and is watched"),
        Severity.HIGH,
        ("efsr-15-1-1", "efsr-15-2", "ismsp-2.10.1", "ismsp-2.11.3", "iso-a.8.16"),
        runs,
        _breaker(
            "one of them is stopped", "systemctl stop haechi-ids-detect.service", "ids:detect", ("ids-rules-in-force",)
        ),
    ),
    control(
        "ids-queues-as-policy",
        ("구간별 침입탐지·차단 방식의 정책 일치", "Each pair of zones is inspected in the mode that policy says"),
        Severity.HIGH,
        ("efsr-15-1-1", "ismsp-2.10.1", "ismsp-2.6.1", "iso-a.8.20"),
        queues,
        _breaker(
            "what was inspected passes by",
            "nft flush chain inet haechi_ids forward 2>/dev/null || iptables-nft -t security -F FORWARD",
            "ids:queues",
        ),
    ),
    control(
        "ids-fails-as-chosen",
        ("장애 시 차단·통과 정책의 준수", "While Suricata does not keep up, traffic passes or stops as policy chose"),
        Severity.MEDIUM,
        ("ismsp-2.10.1", "ismsp-2.9.2", "iso-a.8.20"),
        fails_as_chosen,
        _breaker(
            "the choice of one is turned round",
            "sed -i 's/fail-open: no/fail-open: yes/' /etc/haechi/ids/closed.yaml",
            "ids:closed",
        ),
    ),
    control(
        "ids-rules-in-force",
        ("검증된 탐지 규칙의 전량 적용", "All rules that passed their trial are in force"),
        Severity.HIGH,
        ("efsr-15-1-1", "ismsp-2.10.1", "ismsp-2.11.3", "iso-a.8.16"),
        rules_in_force,
        _breaker("our own rules are taken out", "sed -i '2,5d' /etc/haechi/ids/rules/all.rules", "ids:rules"),
    ),
    control(
        "ids-rules-fresh",
        ("탐지 규칙의 최신성", "The rules of others are no older than policy says"),
        Severity.MEDIUM,
        ("efsr-15-1-1", "ismsp-2.10.1", "ismsp-2.10.8", "iso-a.8.16"),
        rules_fresh,
        _breaker(
            "the rules are of years ago",
            'sed -i \'s/"issued": "20../"issued": "2019/\' /etc/haechi/ids/rules/sources.json',
            "ids:sources",
        ),
    ),
    control(
        "ids-canary-heard",
        ("탐지 경로의 정기 점검(시험 탐지)", "A canary goes through each queue daily and is in the log"),
        Severity.MEDIUM,
        ("efsr-15-1-1", "ismsp-2.11.3", "ismsp-2.9.4", "iso-a.8.16"),
        canary_heard,
        _breaker("nothing fires it any more", "systemctl disable --quiet --now haechi-ids-canary.timer", "ids:canary"),
    ),
)
