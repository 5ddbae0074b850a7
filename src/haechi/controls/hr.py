"""Whether what hears HR is shut in and what works for HR works: the units as systemd holds them, and what gets out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of, not_here
from haechi.observe.posture import UnknownError
from haechi.observe.serving import Services
from haechi.policy.models import Policy
from haechi.policy.resolve import managed

WALL, SOCKET = "haechi-receive-wall.service", "haechi-receive.socket"
RECEIVER, WORKER = "haechi-receive.service", "haechi-work.service"
COMMANDS = {
    WALL: "/usr/sbin/nft --file /etc/haechi-receive/wall.nft",
    SOCKET: "",
    RECEIVER: "/usr/bin/python3 -s -P -m haechi.hr.receive --config /etc/haechi-receive/config.json",
    WORKER: "/usr/bin/python3 -s -P -m haechi hr work -i /etc/haechi-work/inventory",
}
ACCOUNTS = {RECEIVER: "haechi-receive", WORKER: "haechi-work"}
# Without rights beyond those of their account, and nothing to write but their own folder (systemd.exec(5)).
CONFINED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictNamespaces": "yes",
    "LockPersonality": "yes",
}


def services(case: Case) -> Verdict:
    """Units of HR run as they were made; the receiver's account reaches no sshd, the host's own neither."""
    seen, hr = case.posture.services, case.policy.hr
    hears = hr is not None and hr.receiver == case.host
    works = hr is not None and hr.worker == case.host
    expected = "what hears and works for HR runs confined under its account, and the one in front reaches nobody"
    if not (hears or works):
        return not_here("policy has HR heard and worked for elsewhere", expected)
    units = (*((WALL, SOCKET, RECEIVER) if hears else ()), *((WORKER,) if works else ()))
    bad = [line for name in units for line in _unit(seen, name)]
    bad += [*_reached(seen, case.policy)] if hears else []
    told = f"{', '.join(units)} as made"
    return none_of(bad, expected, f"{told}; of {len(seen.reach)} sshd the account reaches none" if hears else told)


def knocked_at(policy: Policy) -> tuple[str, ...]:
    """Return where the receiver's account is tried: the sshd of every host, and its own over the loopback.

    The last shows the wall alone: nothing else stands in that way.
    """
    addresses = ("127.0.0.1", *(str(policy.hosts[name].address) for name in managed(policy)))
    return tuple(f"{address}:{policy.sshd.port}" for address in addresses)


def _unit(seen: Services, name: str) -> Iterator[str]:
    unit = seen.units.get(name)
    if unit is None:
        yield f"{name} is not there"
        return
    if unit.active != "active":
        yield f"{name} is {unit.active}"
    if unit.enabled != "enabled":
        yield f"{name} is {unit.enabled or 'not known'} at boot"
    if unit.drop_ins:
        yield f"{name} is changed by {', '.join(unit.drop_ins)}"
    if unit.stale:
        yield f"{name} is another in its file"
    if unit.command != COMMANDS[name]:
        yield f"{name} runs {unit.command or 'nothing'}"
    if name in ACCOUNTS:
        yield from _account(name, unit.runs_as, unit.settings)


def _account(name: str, runs_as: str, settings: Mapping[str, str]) -> Iterator[str]:
    if runs_as != ACCOUNTS[name]:
        yield f"{name} runs as {runs_as or 'nobody'}"
    for word, value in {"User": ACCOUNTS[name], **CONFINED}.items():
        if settings.get(word) != value:
            yield f"{name}: {word} is {settings.get(word) or 'empty'}"


def _reached(seen: Services, policy: Policy) -> Iterator[str]:
    """Yield what the receiver's account reached, and what another than its wall kept from it.

    The wall refuses at once; what is only dropped, or answers no, got past it.
    """
    tried = {f"{row.address}:{row.port}": row for row in seen.reach}
    missing = [place for place in knocked_at(policy) if place not in tried]
    if missing and RECEIVER in seen.units:
        raise UnknownError(f"services: whether the receiver's account reaches {', '.join(missing)} was not tried")
    for place, row in tried.items():
        if row.result != "unreachable":
            yield f"the receiver's account gets past its wall to {place} ({row.result})"


CONTROLS = (
    Control(
        id="hr-services",
        title_ko="인사 연계 수신·처리 서비스의 격리 및 동작",
        title_en="What hears and works for HR runs confined, and the one in front reaches no host",
        severity=Severity.HIGH,
        articles=("pipc-5-2", "pipc-6-1-1", "ismsp-2.2.5", "ismsp-2.6.1", "ismsp-2.10.3", "iso-a.5.18", "iso-a.8.22"),
        judge=services,
        breaker=Breaker(
            how="the receiver's wall is there and has no rules",
            script="nft flush chain inet haechi_receive output",
            mend="undo",
            undo="systemctl restart haechi-receive-wall.service",
            touches=("nft:inet haechi_receive",),
            hosts=("edge1",),
        ),
    ),
)
