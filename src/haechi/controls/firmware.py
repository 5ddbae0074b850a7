"""Whether devices that Haechi does not run have the firmware that was approved for them, as people read it there."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict

from haechi.controls import records
from haechi.controls.model import Breaker, Control, Scope, Severity, SiteCase, Status, Verdict, none_of
from haechi.policy.firmware import Device

WHAT = "devices"


class _Reading(BaseModel):
    """One row of ``haechi.devices`` as the run read it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    model: str
    version: str
    seen: date
    by: str


class _Record(BaseModel):
    """The record: the newest reading of each device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    devices: tuple[_Reading, ...]


def as_approved(case: SiteCase) -> Verdict:
    """Judge by what somebody read on each device not long ago; a version that may stay for now is named."""
    rules = case.policy.firmware
    rows = {row.device: row for row in records.held(case, WHAT, _Record, "devices").devices}
    expected = f"the approved version on every device, read there within {rules.seen_days} days"
    unknown = [f"{name}: recorded, and in no register" for name in sorted(rows.keys() - rules.devices.keys())]
    if not rules.devices and not unknown:
        return Verdict(status=Status.MANUAL, seen="policy lists no devices (firmware.devices)", expected=expected)
    today = case.at.date()
    oldest = today - timedelta(days=rules.seen_days)
    bad = [
        f"{name}: {fault}"
        for name, device in rules.devices.items()
        if (fault := _fault(device, rows.get(name), today, oldest))
    ]
    late = [
        f"{name} ({rows[name].version}, due {device.due})"
        for name, device in rules.devices.items()
        if name in rows and rows[name].version != device.approved
    ]
    waiting = f"; another version may stay for now: {', '.join(late)}" if late else ""
    return none_of(bad + unknown, expected, f"{len(rules.devices) - len(late)} devices as approved{waiting}")


def _fault(device: Device, row: _Reading | None, today: date, oldest: date) -> str:
    if row is None:
        return "nobody recorded what runs there"
    if row.seen < oldest or row.seen > today:
        return f"last read on {row.seen}"
    if row.model != device.model:
        return f"is a {row.model}, in the register a {device.model}"
    if row.version == device.approved or (device.due is not None and today <= device.due):
        return ""
    due = f"due {device.due}" if device.due else "no day until which it may stay"
    return f"runs {row.version}, approved is {device.approved}, {due} ({device.owner})"


_ROW = '{"device": "attic-sw9", "model": "unknown", "version": "1.0", "seen": "2026-01-01", "by": "minho"}'
_FILE = '"$STATE/devices.json"'

CONTROLS = (
    Control(
        id="devices-firmware-approved",
        title_ko="네트워크 장비 펌웨어의 승인 버전 유지",
        title_en="Network devices run the firmware that was approved for them",
        severity=Severity.MEDIUM,
        articles=("efsr-15-1-2", "ismsp-2.10.8", "iso-a.8.8", "iso-a.8.9"),
        scope=Scope.SITE,
        site_judge=as_approved,
        breaker=Breaker(
            how="somebody recorded a device that no register has",
            script=f"if [ -f {_FILE} ]; then mv {_FILE} {_FILE}.aside; fi; "
            f'echo \'{{"schema": 1, "devices": [{_ROW}]}}\' > {_FILE}',
            mend="undo",
            undo=f"rm -f {_FILE}; if [ -f {_FILE}.aside ]; then mv {_FILE}.aside {_FILE}; fi",
            touches=("devices",),
            where="control",
        ),
    ),
)
