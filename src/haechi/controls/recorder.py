"""Whether what people do by sudo is recorded, refused while it cannot be, and brought where they are not root."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of, not_here
from haechi.observe.sudoers import items
from haechi.policy.models import Kind

LOCAL = "127.0.0.1:30343"
FILE = "/etc/sudoers.d/haechi_recorder"
UNIT, TIMER = "haechi-recorder.service", "haechi-recorder-watch.timer"
NOT_RECORDED = "policy names no log host, so nothing is recorded"
# Words of sudoers(5) with what each must be for people. What is typed stays out: it may be a password.
RECORDS = {"log_output": True, "log_input": False, "log_stdin": False, "log_servers": [LOCAL]}
CLOSED = {"ignore_iolog_errors": False, "ignore_logfile_errors": False}
# `log_input` stands for both of what is typed, `log_output` for all that is shown.
PARTS = frozenset({"log_ttyin", "log_ttyout", "log_stdout", "log_stderr"})
ALARMS = frozenset({"recorder-stopped", "recordings-late", "recordings-damaged"})
REPLAY = "/usr/libexec/haechi/replay"


def recorded(case: Case) -> Verdict:
    """Everybody's sudo is recorded, what is shown and not what is typed; only automation and break-glass are free."""
    rows = case.posture.recorder.defaults
    if case.policy.recorder is None:
        return not_here(NOT_RECORDED, "sudo of people is recorded")
    bad = [*_common(rows, RECORDS), *_excepted(case, rows, {*RECORDS, *PARTS})]
    free = ", ".join(sorted(_free(case)))
    return none_of(bad, "sudo of all people is recorded, without what they type", f"all but {free} are recorded")


def fails_closed(case: Case) -> Verdict:
    """Sudo refuses people when nothing records, and the recorder here stands ready so that it does not."""
    rows, units = case.posture.recorder.defaults, case.posture.units
    if case.policy.recorder is None:
        return not_here(NOT_RECORDED, "no recorder, no sudo")
    bad = [*_common(rows, CLOSED), *_excepted(case, rows, {*CLOSED})]
    bad += [
        f"{name} is {units.files.get(name, 'absent')}" for name in (UNIT, TIMER) if units.files.get(name) != "enabled"
    ]
    bad += [f"{name} does not run" for name in (UNIT, TIMER) if name not in units.active]
    bad += [] if case.posture.recorder.answers else [f"nothing answers on {LOCAL}, so people have no sudo"]
    return none_of(bad, "sudo refuses people while nothing records, and a recorder runs", f"{UNIT} answers on {LOCAL}")


def shipped(case: Case) -> Verdict:
    """No recording waits for longer than policy lets it, and no alarm about recordings stands."""
    seen = case.posture.recorder
    if case.policy.recorder is None:
        return not_here(NOT_RECORDED, "recordings reach the log host")
    most = case.policy.recorder.late_minutes * 60
    bad = [f"the oldest of {seen.waiting} waits since {seen.oldest_s} s"] if (seen.oldest_s or 0) > most else []
    bad += [f"alarm {name} stands" for name in seen.alarms if name in ALARMS]
    told = f"{seen.waiting} wait, none for more than {most} s, no alarm stands"
    return none_of(bad, f"no recording waits for more than {most} s", told)


def _common(rows: tuple[Mapping[str, Any], ...], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the Defaults for everybody lack; of several the last one counts (sudoers(5))."""
    said: dict[str, Any] = {}
    for row in rows:
        if not row.get("Binding"):
            said |= dict(_settings(row))
    for word, value in wanted.items():
        if said.get(word) != value:
            yield f"{word} is {_shown(said.get(word))} for everybody"
    for word in sorted(PARTS & set(said)):
        yield f"{word} is set by itself"


def _excepted(case: Case, rows: tuple[Mapping[str, Any], ...], words: set[str]) -> Iterator[str]:
    """Yield whom another Defaults line takes out, who is neither automation nor break-glass nor root."""
    free = _free(case)
    for row in rows:
        bound = _bound(row)
        names = [word for word, _ in _settings(row) if word in words]
        # Replaying is an event of its own; recording it again would keep everything twice.
        if names and bound and not set(bound) <= free and (bound, names) != ([REPLAY], ["log_output"]):
            yield f"{', '.join(bound)}: {', '.join(names)} set apart"


def _bound(row: Mapping[str, Any]) -> list[str]:
    """Return whom a Defaults line is about, none for everybody; what cannot be read is somebody."""
    entries = [entry for entry in items(row.get("Binding")) if isinstance(entry, Mapping)]
    return [str(value) for entry in entries for value in entry.values()] or ["somebody"] * bool(row.get("Binding"))


def _free(case: Case) -> set[str]:
    kinds = {Kind.AUTOMATION, Kind.BREAK_GLASS}
    return {"root", *(who.id for who in case.policy.identities if who.kind in kinds)}


def _settings(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for option in items(row.get("Options")):
        for word, value in option.items() if isinstance(option, Mapping) else ():
            if word != "operation":
                yield word, value


def _shown(value: object) -> str:
    return "not set" if value is None else str(value)


def _edit(line: str) -> str:
    return f"chmod 640 {FILE}; printf '%s\\n' '{line}' >> {FILE}; chmod 440 {FILE}"


CONTROLS = (
    Control(
        id="privilege-recorded",
        title_ko="특권 명령(sudo) 수행 내역의 기록",
        title_en="What people do by sudo is recorded, without what they type",
        severity=Severity.HIGH,
        articles=("efsr-13-1-9", "pipc-8-1", "ismsp-2.5.5", "ismsp-2.9.4", "iso-a.8.2", "iso-a.8.15"),
        judge=recorded,
        breaker=Breaker(
            how="a line takes an operator out of the recordings",
            script=_edit("Defaults:minho !log_output"),
            touches=("sudoers",),
            also=("sudo-exact",),
        ),
    ),
    Control(
        id="recorder-fails-closed",
        title_ko="기록 불가 시 특권 명령(sudo) 차단",
        title_en="Nobody has sudo while nothing records, and a recorder stands ready",
        severity=Severity.HIGH,
        articles=("efsr-13-1-9", "ismsp-2.5.5", "ismsp-2.9.4", "iso-a.8.15"),
        judge=fails_closed,
        breaker=Breaker(
            how="sudo is told to go on without a recorder",
            script=_edit("Defaults ignore_iolog_errors"),
            touches=("sudoers",),
            also=("sudo-exact",),
        ),
    ),
    Control(
        id="recordings-shipped",
        title_ko="특권 명령 기록의 로그 서버 전송",
        title_en="Recordings reach the log host, where whoever was recorded is not root",
        severity=Severity.MEDIUM,
        articles=("pipc-8-3", "efsr-13-1-9", "ismsp-2.9.4", "iso-a.8.15"),
        judge=shipped,
        breaker=Breaker(
            how="a recording is kept back in a file that nobody sends",
            script="install -d -m 700 /var/log/sudo_logsrvd/outgoing; cd /var/log/sudo_logsrvd/outgoing;"
            " echo x > kept; touch -d '-1 hour' kept",
            mend="undo",
            # The watch may have the recorder start anew meanwhile, which puts aside what has no beginning.
            undo="rm -f /var/log/sudo_logsrvd/*/kept /var/lib/haechi/alarms/recordings-*.json",
            touches=("recordings",),
            hosts=("app1", "edge1", "edge2", "db1"),
        ),
    ),
)
