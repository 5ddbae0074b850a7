"""Firmware of hosts that are hardware: no update waits for too long, and none is installed by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from haechi.controls.model import Breaker, Case, Control, Severity, Status, Verdict, failed, none_of, not_here
from haechi.observe.flashed import Device, Firmware
from haechi.observe.posture import UnknownError
from haechi.policy.firmware import LVFS

# The timer asks every hour; for a week it may find nobody.
TOLD_DAYS = 7
# fwupd.conf(5): no word at a login, nothing for neighbours, nothing that no vendor signed or that does not fit, and no
# account that fwupd makes for itself on the management controller.
WANTED = {
    "fwupd.UpdateMotd": "false",
    "fwupd.P2pPolicy": "nothing",
    "fwupd.OnlyTrusted": "true",
    "fwupd.IgnoreRequirements": "false",
    "redfish.IpmiDisableCreateUser": "true",
}
UNITS = ("fwupd-refresh.service", "fwupd-refresh.timer")


def current(case: Case) -> Verdict:
    """No update waits longer than policy lets it, none that is critical waits at all, and somebody tells of updates."""
    rules, seen = case.policy.firmware, case.posture.firmware
    expected = f"no critical update waits, no other for more than {rules.max_days} days"
    if case.host not in rules.hosts:
        why = "policy names no hardware here (firmware.hosts): its firmware is for whoever runs the machine below it"
        return Verdict(status=Status.MANUAL, seen=why, expected=expected)
    if not seen.installed:
        return failed("fwupd is not installed", expected)
    if seen.silent:
        raise UnknownError(f"fwupd does not answer: {seen.silent}")
    oldest = case.at - timedelta(days=rules.max_days)
    bad = [f"{device.name}: {fault}" for device in seen.devices if (fault := _waits(device, oldest))]
    bad += [*_stale(case, seen)]
    if bad:
        return none_of(bad, expected, "")
    updatable = [device for device in seen.devices if device.updatable]
    if not updatable:
        return Verdict(status=Status.MANUAL, seen="fwupd can update no device here", expected=expected)
    news = dict(_tellers(seen))
    if not news:
        why = f"nobody tells this host of updates (firmware.source): {_versions(updatable)}"
        return Verdict(status=Status.MANUAL, seen=why, expected=expected)
    heard = ", ".join(f"{name} of {at:%Y-%m-%d %H:%M}" for name, at in news.items())
    return none_of([], expected, f"{_versions(updatable)}; by news from {heard}")


def _waits(device: Device, oldest: datetime) -> str:
    if device.reboot:
        return f"an update is installed, and {device.version or 'the old one'} runs until somebody reboots"
    if not device.releases:
        return ""
    newest = device.releases[0].version
    if urgent := [one.version for one in device.releases if one.critical]:
        return f"{device.version} -> {newest}, and {urgent[-1]} is critical"
    # What a vendor published first has waited longest; one without a day may have waited for ever.
    since = [one.issued for one in device.releases]
    first = min((day for day in since if day is not None), default=None)
    if first is None or None in since:
        return f"{device.version} -> {newest}, and nobody says since when"
    return f"{device.version} -> {newest} since {first:%Y-%m-%d}" if first < oldest else ""


def _tellers(seen: Firmware) -> Iterator[tuple[str, datetime]]:
    """Yield the remotes that told something, and when. Debian's own folder is empty until somebody fills it."""
    named = {release.remote for device in seen.devices for release in device.releases}
    for remote in seen.remotes:
        if remote.enabled and remote.fetched is not None and (remote.kind != "directory" or remote.id in named):
            yield remote.id, remote.fetched


def _stale(case: Case, seen: Firmware) -> Iterator[str]:
    """Yield a source that is asked and has not told anything for long."""
    for remote in seen.remotes:
        days = TOLD_DAYS if remote.kind == "download" else case.policy.firmware.max_days
        if not remote.enabled or remote.kind == "directory":
            continue
        if remote.fetched is None:
            yield f"{remote.id} never told of updates"
        elif case.at - remote.fetched > timedelta(days=days):
            yield f"{remote.id} last told of updates on {remote.fetched:%Y-%m-%d}"


def _versions(devices: list[Device]) -> str:
    told = [
        f"{one.name} {one.version}" + (f" ({one.releases[0].version} may wait)" if one.releases else "")
        for one in devices
    ]
    return ", ".join(told[:10]) + (f" and {len(told) - 10} more" if len(told) > 10 else "")  # noqa: PLR2004


def by_window(case: Case) -> Verdict:
    """Nothing happens by itself: settings, remotes and units are as policy has them, and nobody else calls fwupd."""
    rules, seen = case.policy.firmware, case.posture.firmware
    expected = "nothing is installed, reported or fetched but by request and policy"
    if case.host not in rules.hosts:
        return not_here("policy names no hardware here (firmware.hosts)", expected)
    if not seen.installed:
        return failed("fwupd is not installed", expected)
    bad = [
        f"{key} is {seen.settings.get(key, 'not set')}"
        for key, value in WANTED.items()
        if seen.settings.get(key, "").lower() != value
    ]
    bad += [*_units(seen, on=rules.source is not None)]
    bad += [f"{path} calls fwupd" for path in seen.callers]
    if not bad and seen.silent:
        raise UnknownError(f"fwupd does not answer: {seen.silent}")
    bad += [*_remotes(seen, rules.source)]
    told = f"only {rules.source} is asked for news" if rules.source else "nobody is asked for news"
    return none_of(bad, expected, f"settings and units as policy has them, {told}, nothing else calls fwupd")


def _units(seen: Firmware, *, on: bool) -> Iterator[str]:
    for name in UNITS:
        state = seen.units.get(name, "not seen")
        if not on and state.rpartition(" ")[2] != "masked":
            yield f"{name} is {state}, and nothing keeps it from starting"
    if on and seen.units.get(UNITS[1]) != "active enabled":
        yield f"{UNITS[1]} is {seen.units.get(UNITS[1], 'not seen')}"


def _remotes(seen: Firmware, source: str | None) -> Iterator[str]:
    yield from (f"{remote.id} is told what this host runs" for remote in seen.remotes if remote.reports)
    asked = [remote for remote in seen.remotes if remote.enabled and remote.kind == "download"]
    meant = [remote for remote in asked if (remote.id if source == LVFS else remote.uri) == source]
    yield from (f"{remote.id} is asked for updates" for remote in asked if remote not in meant)
    if source is not None and not meant and not seen.silent:
        yield f"{source} is not asked for updates"


_FOLDER, _REMOTE = "/var/lib/haechi-breaker", "/etc/fwupd/remotes.d/haechi-breaker.conf"
# The device that fwupd itself makes up for tests (fwupd.conf(5), TestDevices).
_WEBCAM = "b585990a-003e-5270-89d5-3705a17f9a43"
_OFFER = (
    '<components version="0.9" origin="haechi"><component type="firmware"><id>haechi.breaker</id>'
    "<name>Breaker</name><summary>A critical update</summary><developer_name>Haechi</developer_name>"
    "<project_license>CC0-1.0</project_license><description><p>It cannot be installed.</p></description>"
    '<releases><release version="9.9.9" timestamp="1767225600" urgency="critical"><location>none.cab</location>'
    '<checksum filename="none.cab" target="container" type="sha256">'
    f'{"0" * 64}</checksum></release></releases><provides><firmware type="flashed">{_WEBCAM}</firmware></provides>'
    "</component></components>"
)
_ON = ("trixie", "bookworm")

CONTROLS = (
    Control(
        id="firmware-current",
        title_ko="서버 하드웨어 펌웨어의 최신 유지",
        title_en="No firmware update of a host waits for too long",
        severity=Severity.MEDIUM,
        articles=("efsr-15-1-2", "ismsp-2.10.8", "iso-a.8.8"),
        judge=current,
        breaker=Breaker(
            how="a remote on the host tells of a critical update of a device",
            script=f"mkdir -p {_FOLDER} && echo '{_OFFER}' > {_FOLDER}/firmware.xml && "
            f"printf '[fwupd Remote]\\nEnabled=true\\nTitle=Breaker\\nMetadataURI=file://{_FOLDER}/firmware.xml\\n' "
            f"> {_REMOTE} && systemctl restart fwupd.service",
            mend="undo",
            undo=f"rm -rf {_FOLDER} {_REMOTE}; systemctl restart fwupd.service",
            touches=("fwupd",),
            hosts=_ON,
        ),
    ),
    Control(
        id="firmware-by-window",
        title_ko="펌웨어 자동 설치 금지 및 점검 시간대 설치",
        title_en="No firmware is installed or reported by itself",
        severity=Severity.MEDIUM,
        articles=("efsr-15-1-2", "ismsp-2.10.8", "ismsp-2.9.1", "iso-a.8.32"),
        judge=by_window,
        breaker=Breaker(
            how="LVFS is asked for updates by a timer, and told what runs",
            script="sed -i 's/^Enabled=.*/Enabled=true/; s/^AutomaticReports=.*/AutomaticReports=true/' "
            "/etc/fwupd/remotes.d/lvfs.conf; systemctl unmask --quiet fwupd-refresh.timer fwupd-refresh.service; "
            "systemctl try-restart fwupd.service",
            touches=("fwupd-settings",),
            also=("firmware-current",),
            hosts=_ON,
        ),
    ),
)
