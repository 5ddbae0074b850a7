"""Whatever a host answers, an audit comes to verdicts, and none of them is a pass that nothing supports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.controls import all_controls
from haechi.controls.model import Scope, Verdict
from haechi.policy.models import Policy

from . import stored, world

# Python reads and writes NaN and Infinity too, which are no JSON (RFC 8259 section 6).
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=12)
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
WORDS = st.sampled_from(
    ["accepted", "refused", "unknown", "open", "closed", "timeout", "minho", "hana", "key", "login", 22, 53, [], {}]
)
FIELDS = st.sampled_from(["what", "who", "result", "expected", "why", "to", "address", "port"])
# No host's answer bears on what is judged from the evidence; and the lab, whose hosts were looked at, has no edge.
APART = {
    "access-changes-kept",
    "access-reviewed",
    "break-glass-drilled",
    "devices-firmware-approved",
    "edge-one-holder",
    "grants-end-seen",
    "secrets-rotated-after-leaver",
}
SITE = [
    control.id
    for control in all_controls()
    if control.scope is Scope.SITE and world.is_automated(control) and control.id not in APART
]
PERIMETER = ("zones-as-declared", "flows-work", "egress-declared")
PINGS = {"name": "pings", "from": ["app1", "db1"], "to": ["app", "data", "outside"], "proto": "icmp", "reason": "Up"}
SEEN_SITE = world.with_policy(world.small_site(), [{"at": ["flows"], "set": [PINGS]}])
STEPS = st.lists(st.integers(0, 500), max_size=5)
DROP = object()


def whole(host: str = "app1") -> dict[str, Any]:
    document: dict[str, Any] = world.answer(host)["observation"]
    return document


def passes(said: Mapping[tuple[str, str], Verdict], subject: str = "app1") -> list[str]:
    return [control for (where, control), verdict in said.items() if where == subject and verdict.status == "pass"]


@cache
def undisturbed(host: str) -> dict[tuple[str, str], Verdict]:
    return world.audited({host: {"observation": whole(host), "probes": []}})


@cache
def needs(host: str) -> dict[str, set[str]]:
    """Return for each control of hosts the sections that it looks at on a host as it was seen."""
    controls = [control for control in all_controls() if control.judge]
    opened = {control.id: (control, world.opened(host, world.answer(host))) for control in controls}
    return {name: {section for _, section in world.looked_at(*both)} for name, both in opened.items()}


def readers(section: str, host: str = "app1") -> set[str]:
    return {control for control, sections in needs(host).items() if section in sections}


def mutated(node: Any, steps: list[int], value: Any) -> Any:
    """Return a document whose node, some steps down, is another value or away."""
    places = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    if not steps or not places:
        return None if value is DROP else value
    place, rest = places[steps[0] % len(places)], steps[1:]
    if value is DROP and (not rest or not isinstance(node[place], dict | list) or not node[place]):
        return world.changed(node, [{"at": [place], "drop": True}])
    return world.changed(node, [{"at": [place], "set": mutated(node[place], rest, value)}])


@given(JSON | st.floats() | st.dictionaries(st.just("data"), st.floats()), JSON)
def test_any_json_for_an_answer_passes_nothing(observation: Any, probes: Any) -> None:
    """What is no posture of this host in this run is no clean bill, and no crash either."""
    said = world.audited({"app1": {"observation": observation, "probes": probes}})

    assert passes(said) == []
    assert len(said) == len(undisturbed("app1"))


@given(st.dictionaries(st.sampled_from(world.SECTIONS), JSON | st.fixed_dictionaries({"seen": JSON}), max_size=6))
def test_any_sections_pass_nothing_but_what_they_support(found: dict[str, Any]) -> None:
    """An envelope in order says nothing: what is not among the sections supports no pass of its readers."""
    said = world.audited({"app1": {"observation": {**whole(), "data": {"sections": found}}, "probes": []}})
    absent = set().union(*(readers(section) for section in world.SECTIONS if section not in found))

    assert absent.intersection(passes(said)) == set()


@given(st.sampled_from(sorted(world.HOSTS)), st.sampled_from(world.SECTIONS), STEPS, JSON | st.just(DROP))
def test_a_damaged_node_disturbs_only_who_looks_at_it(host: str, section: str, steps: list[int], value: Any) -> None:
    """A node of a real posture is replaced or taken away: no crash, and whoever looks elsewhere says the same."""
    seen = mutated(world.sections(world.answer(host))[section]["seen"], steps, value)
    document = world.edited(world.answer(host), [{"at": [section], "set": seen}])
    said = world.audited({host: {**document, "probes": []}})
    moved = {control for (_, control), verdict in said.items() if verdict != undisturbed(host)[host, control]}

    assert moved - readers(section, host) == set()


@given(st.sampled_from(world.SECTIONS), PLAIN)
def test_a_section_of_another_type_passes_nothing(section: str, value: Any) -> None:
    """Every section is a mapping or a list of such; a number or a word in its place was not seen by anybody."""
    document = world.edited(world.answer("app1"), [{"at": [section], "set": value}])
    said = world.audited({"app1": {**document, "probes": []}})

    assert readers(section).intersection(passes(said)) == set()


@given(st.integers(0, 100_000), st.sampled_from(sorted(world.HOSTS)))
def test_an_answer_that_was_cut_passes_nothing(length: int, host: str) -> None:
    """A connection that broke off in the middle, whatever of it is left."""
    text = json.dumps(whole(host))[:length]

    assert passes(world.audited({host: {"observation": text, "probes": []}}), host) == []


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"observation": None},
        {"observation": {}, "probes": {}},
        {"observation": whole("db1")},
        {"observation": {**whole(), "subject": "db1"}},
        {"observation": {**whole(), "nonce": "f" * 32}},
        {"observation": {**whole(), "kind": "run"}},
        {"observation": {**whole(), "schema": 2}},
        {"observation": {**whole(), "data": {}}},
        {"observation": {**whole(), "data": {"sections": []}}},
        {"observation": {**whole(), "at": None}},
        {"observation": [whole()]},
        {"unknown": "unreachable"},
        {"unknown": "unreachable", "observation": whole()},
    ],
)
def test_an_empty_or_foreign_answer_passes_nothing(answer: dict[str, Any]) -> None:
    """Another host's, another run's, another kind's, or no answer: every automated control is unknown."""
    said = world.audited({"app1": answer})
    automated = {control.id for control in all_controls() if control.judge}

    assert {c for (_, c), verdict in said.items() if verdict.status == "unknown"} == automated


def test_another_machine_in_the_place_of_the_host_passes_nothing() -> None:
    """The pinned host key says which machine it has to be."""
    own = world.sections(world.answer("app1"))["host"]["seen"]["host_key"]
    answers = {"app1": {"observation": whole(), "probes": []}}

    assert passes(world.audited(answers, pinned={"app1": own})) == passes(undisturbed("app1"))
    assert passes(world.audited(answers, pinned={"app1": "SHA256:another"})) == []


@given(st.sampled_from(sorted(world.HOSTS)), JSON)
def test_any_json_for_one_host_passes_nothing_of_the_site(host: str, observation: Any) -> None:
    """One host that did not answer properly leaves the whole site unknown."""
    answers = {name: {"observation": whole(name), "probes": []} for name in world.HOSTS}
    said = world.audited({**answers, host: {"observation": observation, "probes": []}}, world.small_site())

    assert {control: said["site", control].status for control in SITE} == dict.fromkeys(SITE, "unknown")


def test_a_site_whose_hosts_all_answer_is_judged() -> None:
    """Otherwise the test above would find unknown whatever was sent."""
    answers = {name: {"observation": whole(name), "probes": [tried(name)]} for name in world.HOSTS}

    assert passes(world.audited(answers, SEEN_SITE), "site") == SITE


def tried(host: str) -> dict[str, Any]:
    """Return a zone matrix's part of a host that the other host and a machine outside answered."""
    found = {"app1": {"10.77.30.11 icmp/0": "open", "10.77.0.11 icmp/0": "open"}, "db1": {"10.77.20.11 icmp/0": "open"}}
    return world.tried(SEEN_SITE, host, found[host]).document()


@given(st.sampled_from(sorted(world.HOSTS)), JSON | st.lists(st.lists(PLAIN, min_size=6, max_size=6), max_size=3))
def test_any_json_for_what_one_host_tried_leaves_the_perimeter_unknown(host: str, tries: Any) -> None:
    """Nobody reads a shut way out of what is no try, and a part of the plan is not the plan."""
    answers = {name: {"observation": whole(name), "probes": [tried(name)]} for name in world.HOSTS}
    odd = world.probe(host, {"what": "zones", "tries": tries})
    said = world.audited({**answers, host: {"observation": whole(host), "probes": [odd]}}, SEEN_SITE)

    assert {said["site", control].status for control in PERIMETER} == {"unknown"}


@given(st.lists(JSON | JSON.map(lambda data: world.record({"what": "access-review", "sign_offs": data})), max_size=3))
def test_any_json_for_a_record_of_sign_offs_passes_nothing(records: list[Any]) -> None:
    """What is no record of this run, or holds no sign-off in its shape, is nobody's signature."""
    assert world.audited({}, no_hosts(), records=records)["site", "access-reviewed"].status != "pass"


@given(st.lists(JSON | JSON.map(lambda data: world.record({"what": "shared-secrets", "secrets": data})), max_size=3))
def test_any_json_for_a_record_of_secrets_passes_nothing(records: list[Any]) -> None:
    """Only a list of whole rows says that nothing is due; an empty one says so too."""
    said = world.audited({}, no_hosts(), records=records)["site", "secrets-rotated-after-leaver"]

    empty = [one for one in records if isinstance(one, dict) and one.get("data", {}).get("secrets") == []]
    assert said.status != "pass" or len(empty) == 1


@given(st.lists(JSON | JSON.map(lambda data: world.record({"what": "break-glass-drills", **_in(data)})), max_size=3))
def test_any_json_for_a_record_of_drills_passes_nothing(records: list[Any]) -> None:
    """A drill that nobody can read was held by nobody."""
    assert world.audited({}, no_hosts(), records=records)["site", "break-glass-drilled"].status != "pass"


def _in(data: Any) -> dict[str, Any]:
    return {"sealed": "2026-03-01T09:00:00+00:00", "faults": [], "drills": data}


def no_hosts() -> Policy:
    hosts = {name: host.model_copy(update={"managed": False}) for name, host in world.policy().hosts.items()}
    return world.policy().model_copy(update={"hosts": hosts})


def test_a_site_without_hosts_passes_nothing() -> None:
    """A policy whose hosts are all somebody else's: nothing was seen, and there is nothing to see."""
    said = world.audited({}, no_hosts())

    assert {control: said["site", control].status for control in SITE} == dict.fromkeys(SITE, "unknown")


def test_a_policy_that_does_not_validate_supports_nothing_that_asks_it() -> None:
    """What depends on policy is unknown; that root alone has UID 0 depends on nobody's."""
    said = world.audited({"app1": {"observation": whole(), "probes": []}}, unsound="1 problem(s)")
    asks = {"accounts-state", "accounts-keys-exact", "firewall-file-is-policy", "sshd-effective", "sudo-exact", "U-02"}

    assert {said["app1", control].status for control in asks} == {"unknown"}
    assert said["app1", "U-05"].status == "pass"


@pytest.mark.parametrize("text", ["9" * 5000, "²", "٣", "-", "--1", "1e3", " ", ""])
def test_what_no_program_reads_as_a_number_is_none(text: str) -> None:
    """Python reads more as a number than sshd and PAM do, and refuses some that are too long."""
    document = whole()
    for section in ("settings", "sshd", "login"):
        seen = numbers_become(text, world.sections({"observation": document})[section]["seen"])
        document = world.edited({"observation": document}, [{"at": [section], "set": seen}])["observation"]
    said = world.audited({"app1": {"observation": document, "probes": []}})

    assert {"U-02", "U-03", "U-12", "sshd-no-weak-algorithms", "sshd-idle-ends", "sshd-guessing-slowed"}.isdisjoint(
        passes(said)
    )


def numbers_become(text: str, node: Any) -> Any:
    if isinstance(node, dict):
        return {key: numbers_become(text, value) for key, value in node.items()}
    return text if isinstance(node, str) and node.isdigit() else node


def probes_of(control: str) -> tuple[Mapping[str, Any], ...]:
    return next(case.probes for case in stored.all_cases() if case.control.id == control and case.host == "app1")


@given(
    st.sampled_from(["login-entitled", "login-others-refused", "firewall-reach"]),
    st.dictionaries(st.integers(0, 7), st.none() | st.dictionaries(FIELDS, WORDS | JSON, max_size=3), max_size=5),
)
def test_probes_pass_only_what_they_show(control: str, changes: dict[int, Any]) -> None:
    """Some are missing, some say something else: a pass needs every one of those that the control is about."""
    good = probes_of(control)
    rows = [
        {**row, **(changes.get(number) or {})}
        for number, row in enumerate(good)
        if number not in changes or changes[number] is not None
    ]
    answers = {"app1": {"observation": whole(), "probes": [world.probe("app1", row) for row in rows]}}

    if world.audited(answers)["app1", control].status == "pass":
        assert [row for row in good if is_about(control, row) and not is_shown(row, rows)] == []


def is_about(control: str, row: Mapping[str, Any]) -> bool:
    answer = {"login-entitled": "accepted", "login-others-refused": "refused"}.get(control, row["result"])
    return row["what"] != "login" and row["result"] == answer


def is_shown(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> bool:
    """Return whether one of the rows shows the same of the same, in whichever of the words that mean it."""
    place = ["who"] if "who" in row else ["address", "port"]
    alike = {"timeout": ("timeout", "unreachable"), "open": ("open", "refused")}.get(row["result"], (row["result"],))
    return any(all(one.get(key) == row[key] for key in place) and one.get("result") in alike for one in rows)
