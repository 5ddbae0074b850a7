"""The perimeter as it was tried: from every managed host at every zone, held against the flows of policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from haechi.controls.model import Breaker, Control, Scope, Severity, SiteCase, Verdict, none_of
from haechi.observe.posture import UnknownError
from haechi.perimeter.matrix import Attempt, Matrix, State
from haechi.policy.models import Policy
from haechi.policy.resolve import INTERNET, managed, personal_zones

NAMED = 5


def zones_as_declared(case: SiteCase) -> Verdict:
    """Hold that what no flow allows goes through nowhere: each host tried it, and each target was up."""
    matrix = case.matrix
    expected = "what no flow allows goes through nowhere"
    bad = [str(attempt) for attempt in matrix.of(State.OPEN)]
    if not bad:
        _complete(matrix)
        _shown(matrix, lambda attempt: attempt.to in managed(case.policy))
    shut, dark = len(matrix.of(State.SHUT)), _dark(matrix)
    if not bad and not shut:
        raise UnknownError("nobody tried a way that no flow allows")
    seen = f"{shut} ways that no flow allows are shut between {len(matrix.zones)} zones"
    return none_of(bad, expected, f"{seen}; not seen: {', '.join(dark)}" if dark else seen)


def flows_work(case: SiteCase) -> Verdict:
    """Hold that what a flow declares and a listener serves answers, from every host that could try it."""
    matrix = case.matrix
    bad = [f"{attempt.flow}: {attempt}" for attempt in matrix.of(State.BROKEN)]
    works = matrix.of(State.WORKS)
    if not bad:
        _complete(matrix)
    if not bad and not works:
        raise UnknownError("no declared way answered anybody, which proves nothing")
    flows = {attempt.flow for attempt in works}
    rest = [flow.name for flow in case.policy.flows if flow.name not in flows]
    seen = f"{len(works)} ways of {len(flows)} flows answer"
    return none_of(bad, "every declared way answers", f"{seen}; not seen: {', '.join(rest)}" if rest else seen)


def egress_declared(case: SiteCase) -> Verdict:
    """Hold that our hosts, those with personal data above all, reach nothing outside but by declared flows."""
    matrix, expected = case.matrix, "nothing outside is reached but by declared flows"
    outward = [attempt for attempt in matrix.attempts if _is_outside(case.policy, attempt)]
    bad = [str(attempt) for attempt in outward if attempt.state is State.OPEN]
    if bad:
        return none_of(bad, expected, "")
    _complete(matrix)
    _stood_for(outward)
    kept = personal_zones(case.policy)
    shut = sum(attempt.state is State.SHUT for attempt in outward)
    internet = "" if case.policy.perimeter.beacons else "; policy names no beacon, so the internet itself was not tried"
    return none_of(bad, expected, f"{shut} ways out are shut, from {', '.join(kept) or 'no zone'} too{internet}")


def _complete(matrix: Matrix) -> None:
    """Raise ``UnknownError`` where a host told nothing, or something of the plan was not tried."""
    if matrix.silent:
        raise UnknownError(f"not tried from: {', '.join(matrix.silent)}")
    if matrix.untried:
        raise UnknownError(f"not tried: {_some(matrix.untried)}")


def _shown(matrix: Matrix, ours: Callable[[Attempt], bool]) -> None:
    """Raise ``UnknownError`` where a silence shows nothing, because neither end ever had an answer."""
    dark = {
        f"{attempt.host} to {attempt.to} {attempt.address}"
        for attempt in matrix.of(State.UNSEEN)
        if attempt.proto == "tcp" and not attempt.flow and ours(attempt)
    }
    if dark:
        raise UnknownError(f"nobody had an answer there, so that silence shows nothing: {_some(sorted(dark))}")


def _stood_for(outward: list[Attempt]) -> None:
    """Raise ``UnknownError`` unless something outside answered somebody: else nobody saw that it would have."""
    if not any(attempt.proto == "tcp" and attempt.state in {State.SHUT, State.WORKS} for attempt in outward):
        what = ", ".join(sorted({f"{attempt.to} {attempt.address}" for attempt in outward})) or "nothing"
        raise UnknownError(f"what stands for outside ({what}) answered nobody: name a beacon under `perimeter:`")


def _is_outside(policy: Policy, attempt: Attempt) -> bool:
    """Return whether an attempt goes where nothing is ours; a gateway's own leg outside is."""
    if attempt.to in managed(policy):
        return False
    return attempt.target_zone == INTERNET or policy.zones[attempt.target_zone].exposure == "outside"


def _dark(matrix: Matrix) -> list[str]:
    return [f"{cell.source} to {cell.target}" for cell in matrix.cells.values() if cell.state is State.UNSEEN]


def _some(words: Iterable[str]) -> str:
    told = list(words)
    return ", ".join(told[:NAMED]) + (f" and {len(told) - NAMED} more" if len(told) > NAMED else "")


CONTROLS = (
    Control(
        id="zones-as-declared",
        title_ko="네트워크 영역 간 비허용 통신 차단(실제 접속 시험)",
        title_en="Between every two zones, what no flow allows is refused",
        severity=Severity.HIGH,
        articles=("pipc-6-1-1", "efsr-15-1-1", "ismsp-2.6.1", "iso-a.8.22"),
        scope=Scope.SITE,
        site_judge=zones_as_declared,
        breaker=Breaker(
            how="a rule made by hand lets the gateway reach machines beyond the walls",
            script="nft insert rule inet haechi output tcp dport 3389 accept",
            touches=("nft",),
            also=("firewall-live-is-file", "egress-declared"),
            hosts=("gw1",),
        ),
    ),
    Control(
        id="flows-work",
        title_ko="허용된 영역 간 통신의 정상 동작(실제 접속 시험)",
        title_en="Every declared flow that somebody serves works",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.6.1", "ismsp-2.9.2", "iso-a.8.20"),
        scope=Scope.SITE,
        site_judge=flows_work,
        breaker=Breaker(
            how="a rule made by hand drops the way to the resolver",
            script="nft insert rule inet haechi output tcp dport 53 drop",
            touches=("nft",),
            also=("firewall-live-is-file", "firewall-reach"),
            hosts=("edge1", "edge2", "app1", "db1", "log1", "backup1"),
        ),
    ),
    Control(
        id="egress-declared",
        title_ko="개인정보 처리 영역의 외부 통신 차단(승인된 경로만 허용)",
        title_en="Nothing outside is reached but by declared flows",
        severity=Severity.HIGH,
        articles=("pipc-6-3", "pipc-6-1-2", "efsr-15-1-3", "ismsp-2.6.7", "iso-a.8.22"),
        scope=Scope.SITE,
        site_judge=egress_declared,
        breaker=Breaker(
            how="a rule made by hand lets the gateway reach mail servers beyond the walls",
            script="nft insert rule inet haechi output tcp dport 25 accept",
            touches=("nft",),
            also=("firewall-live-is-file", "zones-as-declared"),
            hosts=("gw1",),
        ),
    ),
)
