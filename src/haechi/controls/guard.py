"""The guarded change: nothing is left in the middle, and the way back stands ready for a boot."""

from __future__ import annotations

from haechi.controls.model import Breaker, Case, Control, Scope, Severity, SiteCase, Verdict, none_of
from haechi.observe.posture import UnknownError
from haechi.policy.resolve import managed

SCRIPT = "/usr/libexec/haechi/guard-rollback"


def nothing_pending(case: Case) -> Verdict:
    """No change waits for its proof, and no run that died holds the host."""
    guard = case.posture.guard
    bad = [*["a change waits for its proof"] * guard.pending, *["a run holds the lock"] * guard.locked]
    return none_of(bad, "no change pending, no lock held", "no change pending, no lock held")


def way_back_ready(case: Case) -> Verdict:
    """Put back at boot what a change left unproven: the unit is enabled, its program in place."""
    guard = case.posture.guard
    bad = [] if guard.rollback_unit == "enabled" else [f"haechi-guard-rollback.service is {guard.rollback_unit}"]
    bad += [] if guard.rollback_script_sha256 else [f"there is no {SCRIPT}"]
    return none_of(bad, "unit enabled, program present", f"unit enabled, program {guard.rollback_script_sha256[:16]}")


def same_way_back(case: SiteCase) -> Verdict:
    """Every host goes back by the same program: one that differs was changed by hand or by an old release."""
    unseen = [host for host in managed(case.policy) if host not in case.postures]
    if unseen or not case.postures:
        raise UnknownError(f"not seen: {', '.join(unseen) or 'any host'}")
    programs = {host: posture.guard.rollback_script_sha256 for host, posture in case.postures.items()}
    usual = max(sorted(set(programs.values())), key=[*programs.values()].count)
    bad = [f"{host}: {sha[:16] or 'none'}" for host, sha in programs.items() if sha != usual or not sha]
    return none_of(bad, "one program on all hosts", f"{usual[:16]} on {len(programs)} hosts")


CONTROLS = (
    Control(
        id="guard-nothing-pending",
        title_ko="미완료 설정 변경 존재 여부",
        title_en="No change was left in the middle",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.9.1", "iso-a.8.32"),
        judge=nothing_pending,
        breaker=Breaker(
            how="a run that died leaves its lock",
            script="echo '{}' > /var/lib/haechi/guard/lock",
            touches=("guard",),
        ),
    ),
    Control(
        id="guard-way-back-ready",
        title_ko="설정 변경 실패 시 자동 복구(부팅 시 포함) 준비 상태",
        title_en="The way back stands ready for a boot",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.9.1", "efsr-14-5", "iso-a.8.32"),
        judge=way_back_ready,
        breaker=Breaker(
            how="the unit is disabled",
            script="systemctl --quiet disable haechi-guard-rollback.service",
            mend="undo",
            undo="systemctl --quiet enable haechi-guard-rollback.service",
            touches=("unit:haechi-guard-rollback",),
        ),
    ),
    Control(
        id="guard-same-everywhere",
        title_ko="전 서버의 복구 프로그램 동일성",
        title_en="Every host goes back by the same program",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.9.1", "efsr-15-1-4", "iso-a.8.9"),
        scope=Scope.SITE,
        site_judge=same_way_back,
        breaker=Breaker(
            how="one host's program is edited",
            script=f"echo '# edited by hand' >> {SCRIPT}",
            mend="undo",
            undo=f"sed -i '/^# edited by hand$/d' {SCRIPT}",
            touches=("unit:haechi-guard-rollback",),
        ),
    ),
)
