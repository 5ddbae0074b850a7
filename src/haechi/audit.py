"""An audit: what is asked of each host, and from the answers a verdict for every control. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, cast

from pydantic import ValidationError

from haechi import desired, dormancy
from haechi.controls import all_controls, judging, perimeter
from haechi.controls.judging import Judged
from haechi.controls.model import Case, SiteCase, Status
from haechi.observe.granted import Grant
from haechi.observe.observation import Kind, Observation
from haechi.observe.posture import Posture, UnknownError, open_posture
from haechi.perimeter.matrix import Matrix
from haechi.perimeter.matrix import read as read_matrix
from haechi.perimeter.unused import Idle
from haechi.perimeter.unused import unused as idle_flows
from haechi.policy.models import Policy
from haechi.policy.resolve import managed
from haechi.runs import Run


@dataclass(frozen=True)
class _Unsound:
    """Stands for a policy that does not validate: whoever judges by it gets no verdict but unknown."""

    why: str

    def __getattr__(self, name: str) -> NoReturn:
        raise UnknownError(f"the policy does not validate: {self.why}")

    def __getitem__(self, name: str) -> NoReturn:
        raise UnknownError(f"the policy does not validate: {self.why}")


def judge(run: Run, answers: Mapping[str, Mapping[str, Any]], records: Iterable[object] = ()) -> list[Judged]:
    """Return the verdicts on every host asked and, where the whole fleet was asked, on the site.

    ``answers`` maps a host to ``{"observation": ..., "probes": [...]}`` or to ``{"unknown": reason}``; ``records`` are
    observations of that kind, about the site.
    """
    controls = all_controls()
    more = desired.More(granted=run.grants)
    documents = {} if run.unsound else desired.build(run.policy, answers, run.revoked, run.trust, more)
    rows: list[Judged] = []
    for host, answer in answers.items():
        rows += judging.judge_host(controls, host, partial(_case, run, host, answer, documents), run.policy)
    if set(answers) >= set(managed(run.policy)):
        rows += judging.judge_site(controls, _site_case(run, answers, records), run.policy)
    return rows


def judge_perimeter(run: Run, answers: Mapping[str, Mapping[str, Any]]) -> tuple[list[Judged], Matrix | None]:
    """Return the verdicts on the perimeter alone, and the zone matrix; none by a policy that does not validate."""
    case = _site_case(run, answers, ())
    return judging.judge_site(perimeter.CONTROLS, case, run.policy), zone_matrix(run, answers)


def zone_matrix(run: Run, answers: Mapping[str, Mapping[str, Any]]) -> Matrix | None:
    """Return what the hosts' tries amount to; None where nobody tried, or by a policy that does not validate."""
    if run.unsound:
        return None
    matrix = read_matrix(run.policy, {host: tuple(_probes(run, host, answer)) for host, answer in answers.items()})
    return matrix if matrix.began else None


def unused(run: Run, answers: Mapping[str, Mapping[str, Any]]) -> tuple[Idle, ...]:
    """Return the flows that nothing used for long; none where nobody knows which of them the matrix itself used."""
    matrix = zone_matrix(run, answers)
    if matrix is None:
        return ()
    counted = {}
    for host, answer in answers.items():
        with suppress(UnknownError):
            counted[host] = _posture(run, host, answer).flows
    return idle_flows(run.policy, counted, {attempt.flow for attempt in matrix.attempts}, run.at)


def granted(run: Run, answers: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Grant, ...]]:
    """Return what each host tells of its grants; one whose answer cannot be opened tells nothing."""
    found = {}
    for host, answer in answers.items():
        with suppress(UnknownError):
            found[host] = _posture(run, host, answer).grants
    return found


def settled(rows: Iterable[Judged]) -> bool:
    """Return whether nothing failed and nothing that is judged by machine stayed unknown."""
    return not any(row.verdict.status in {Status.FAIL, Status.UNKNOWN} for row in rows)


def _case(run: Run, host: str, answer: Mapping[str, Any], documents: Mapping[str, Any]) -> Case:
    posture = _posture(run, host, answer)
    if run.unsound:
        nothing = _Unsound(run.unsound)
        policy, document, asleep = cast("Policy", nothing), cast("Mapping[str, Any]", nothing), frozenset[str]()
    elif host not in documents:
        raise UnknownError(f"policy names no managed host {host}")
    else:
        # A second opening: what is looked at here is not yet what a judge looks at.
        more = desired.More(granted=run.grants)
        policy, asleep = dormancy.awake(run.policy, host, _posture(run, host, answer), run.revoked, run.at)
        document = desired.build(policy, [host], run.revoked, run.trust, more)[host] if asleep else documents[host]
    return Case(
        host=host,
        policy=policy,
        desired=document,
        posture=posture,
        at=run.at,
        revoked=run.revoked,
        probes=tuple(_probes(run, host, answer)),
        asleep=tuple(sorted(asleep)),
    )


def _site_case(run: Run, answers: Mapping[str, Mapping[str, Any]], records: Iterable[object]) -> SiteCase:
    opened: dict[str, Posture] = {}
    for host, answer in answers.items():
        try:
            opened[host] = _posture(run, host, answer)
        except UnknownError:
            continue
    mine = tuple(_of_run(run, records, Kind.RECORD, judging.SITE))
    probes = {host: tuple(_probes(run, host, answer)) for host, answer in answers.items()}
    return SiteCase(policy=_policy(run), postures=opened, at=run.at, revoked=run.revoked, records=mine, probes=probes)


def _posture(run: Run, host: str, answer: Mapping[str, Any]) -> Posture:
    if "unknown" in answer:
        raise UnknownError(str(answer["unknown"]))
    return open_posture(answer.get("observation"), host=host, nonce=run.nonce, host_key=run.host_keys.get(host))


def _probes(run: Run, host: str, answer: Mapping[str, Any]) -> Iterable[Observation]:
    """Return the probes of this run about this host."""
    rows = answer.get("probes")
    return _of_run(run, rows if isinstance(rows, list) else [], Kind.PROBE, host)


def _of_run(run: Run, rows: Iterable[object], kind: Kind, subject: str) -> Iterable[Observation]:
    """Return what this run saw of a kind of a subject; anything else among the rows proves nothing and is left out."""
    for row in rows:
        try:
            seen = Observation.model_validate(row)
        except ValidationError:
            continue
        if seen.kind is kind and seen.subject == subject and seen.nonce == run.nonce:
            yield seen


def _policy(run: Run) -> Policy:
    return cast("Policy", _Unsound(run.unsound)) if run.unsound else run.policy
