"""KISA's items about services: what nobody may offer, and what is asked of a server that should not be here.

U-28, U-34 to U-36, U-38 to U-54, U-56 to U-61.
"""

from __future__ import annotations

from haechi.controls import kisa_servers as s
from haechi.controls.kisa_item import Bound, kisa, looked_at, overstepped
from haechi.controls.kisa_servers import Service
from haechi.controls.model import Breaker, Case, Control, HostJudge, Status, Verdict, failed, none_of, not_here


def here(case: Case, service: Service) -> list[str]:
    """Return what shows that a service is here: it runs, could start, is installed unmasked, or its port is open."""
    units, packages = case.posture.units, case.posture.packages.installed
    states = {name: units.files[name] for name in service.units if name in units.files}
    found = [f"{name} runs" for name in service.units if name in units.active]
    found += [f"{name} is {state}" for name, state in states.items() if state != "masked"]
    if "masked" not in states.values():
        found += [f"{name} is installed" for name in service.packages if name in packages]
    found += [
        f"{row.process or 'something'} listens on {row.proto} {row.port}"
        for row in case.posture.sockets
        if (row.proto, row.port) in service.ports
    ]
    return found


def off(service: Service) -> HostJudge:
    """Return the judge that wants a service to be absent or masked."""

    def judge(case: Case) -> Verdict:
        return none_of(here(case, service), f"{service.name} is off", nothing_of(service))

    return judge


def unconfigured(*services: Service, asks: str) -> HostJudge:
    """Return the judge of an item that asks something of servers that no role makes: none here, or it fails."""

    def judge(case: Case) -> Verdict:
        found = [text for service in services for text in here(case, service)]
        if found:
            return failed(f"{', '.join(found)}, and nothing of ours configures it", asks)
        return not_here("; ".join(nothing_of(service) for service in services), asks)

    return judge


def nothing_of(service: Service) -> str:
    """Return what was looked for and is not here."""
    ports = ", ".join(f"{proto} {port}" for proto, port in service.ports)
    units = f"no {service.name}: {len(service.units)} units and {len(service.packages)} packages"
    return f"{units} looked for, nothing on {ports}" if ports else f"{units} looked for"


def packets_are_chosen(case: Case) -> Verdict:
    """U-28: what no rule lets in is dropped, and stays so after a boot."""
    expected = "a chain at the input hook whose policy is drop, rules that accept by address and port, loaded at boot"
    firewall = case.posture.firewall
    chains = [entry["chain"] for entry in firewall.live if isinstance(entry.get("chain"), dict)]
    rules = [entry["rule"] for entry in firewall.live if isinstance(entry.get("rule"), dict)]
    closed = [c for c in chains if c.get("hook") == "input" and c.get("policy") == "drop" and c.get("family") == "inet"]
    if not closed:
        return failed("no chain drops what comes in and no rule lets in", expected)
    own = [r for r in rules if (r.get("table"), r.get("chain")) == (closed[0].get("table"), closed[0].get("name"))]
    wrong = [] if own else ["the input chain has no rules"]
    wrong += [] if firewall.service == "enabled" else [f"the unit that loads the rules at boot is {firewall.service}"]
    return none_of(wrong, expected, f"{closed[0].get('table')}/{closed[0].get('name')}: drop, {len(own)} rules")


def exports_are_closed(case: Case) -> Verdict:
    """U-40: NFS is off (U-39), so what is left is a file that somebody left."""
    bound = Bound(paths=("/etc/exports", "/etc/exports.d/*"), top=0o644)
    return _file_of(case, s.NFS, bound)


def ftpusers_is_closed(case: Case) -> Verdict:
    """U-57: FTP is off (U-54), so what is left is a file that somebody left."""
    return _file_of(case, s.FTP, Bound(paths=("/etc/ftpusers",), top=0o640))


def _file_of(case: Case, service: Service, bound: Bound) -> Verdict:
    wrong, rows = overstepped(case, [bound])
    wrong += [f"{text}, and nothing of ours configures it" for text in here(case, service)]
    if not wrong and not rows:
        return not_here(nothing_of(service), bound.text())
    return none_of(wrong, bound.text(), f"{looked_at(rows)}; {nothing_of(service)}")


def name_server_is_patched(case: Case) -> Verdict:
    """U-49: no authoritative server; whether a resolver is of the newest version, the release's advisories tell."""
    asks = "a name server, if there is one, at Debian's newest security version"
    found = here(case, s.DNS)
    if found:
        return failed(f"{', '.join(found)}, and nothing of ours configures it", asks)
    versions = [f"{name} {v}" for name, v in case.posture.packages.installed.items() if name in s.RESOLVERS]
    if versions:
        seen = f"{', '.join(versions)}: compare with Debian's security tracker; staged patching judges it later"
        return Verdict(status=Status.MANUAL, seen=seen, expected=asks)
    return not_here(f"{nothing_of(s.DNS)}, no resolver", asks)


def fake(unit: str, *also: str, mend: str = "role") -> Breaker:
    """Return the breaker that runs something under the name of a service's unit.

    The role masks the units of what nobody may offer; of the others it makes nothing, so the undo takes them away.
    """
    path = f"/usr/lib/systemd/system/{unit}"
    return Breaker(
        how=f"a {unit} runs",
        script=f"printf '[Service]\\nExecStart=/bin/sleep 3600\\n' > {path}"
        f" && systemctl daemon-reload && systemctl start {unit}",
        mend="role" if mend == "role" else "undo",
        undo=f"systemctl stop {unit}; rm -f /etc/systemd/system/{unit} {path}; systemctl daemon-reload",
        touches=(f"unit:{unit}",),
        also=also,
    )


NETWORK = ("efsr-17-3", "ismsp-2.10.3", "iso-a.8.21")
SHARES = ("pipc-6-3", *NETWORK)
MAILS = ("U-45", "U-46", "U-47", "U-48")
NAMES = ("U-49", "U-50", "U-51")
FTPS = ("U-35", "U-53", "U-54", "U-56", "U-57")
SNMPS = ("U-58", "U-59", "U-60", "U-61")


def _others(codes: tuple[str, ...], code: str) -> tuple[str, ...]:
    return tuple(other for other in codes if other != code)


# Code, service, the unit that breaks it, what fails with it.
OFF: tuple[tuple[str, Service, str, tuple[str, ...]], ...] = (
    ("U-34", s.FINGER, "fingerd.service", ()),
    ("U-36", s.R_SERVICES, "rsh-server.service", ()),
    ("U-38", s.INETD, "xinetd.service", ()),
    ("U-39", s.NFS, "nfs-blkmap.service", ("U-35", "U-40")),
    ("U-41", s.AUTOFS, "autofs.service", ()),
    ("U-42", s.RPC, "rpc-statd.service", ()),
    ("U-43", s.NIS, "ypbind.service", ()),
    ("U-44", s.TFTP, "atftpd.service", ()),
    ("U-52", s.TELNET, "telnetd.service", ()),
    ("U-54", s.FTP, "vsftpd.service", _others(FTPS, "U-54")),
    ("U-58", s.SNMP, "snmptrapd.service", _others(SNMPS, "U-58")),
)

# Code, services, what the item asks of them, the breaker.
ASKED: tuple[tuple[str, tuple[Service, ...], str, Breaker], ...] = (
    ("U-35", (s.FTP, s.NFS, s.SAMBA), "no share that anybody may use", fake("smbd.service", mend="undo")),
    (
        "U-45",
        (s.MAIL,),
        "a mail server, if there is one, at Debian's newest security version",
        fake("exim4.service", *_others(MAILS, "U-45"), mend="undo"),
    ),
    (
        "U-46",
        (s.MAIL,),
        "a mail server, if there is one, whose queue ordinary users cannot run",
        fake("sendmail.service", *_others(MAILS, "U-46"), mend="undo"),
    ),
    (
        "U-47",
        (s.MAIL,),
        "a mail server, if there is one, that relays for nobody",
        fake("postfix.service", *_others(MAILS, "U-47"), mend="undo"),
    ),
    (
        "U-48",
        (s.MAIL,),
        "a mail server, if there is one, without expn and vrfy",
        fake("opensmtpd.service", *_others(MAILS, "U-48"), mend="undo"),
    ),
    (
        "U-50",
        (s.DNS,),
        "zones, if there are any, transferred to named hosts only",
        fake("nsd.service", *_others(NAMES, "U-50"), mend="undo"),
    ),
    (
        "U-51",
        (s.DNS,),
        "zones, if there are any, without open dynamic updates",
        fake("knot.service", *_others(NAMES, "U-51"), mend="undo"),
    ),
    (
        "U-53",
        (s.FTP,),
        "an FTP server, if there is one, that does not name itself",
        fake("pure-ftpd.service", *_others(FTPS, "U-53")),
    ),
    (
        "U-56",
        (s.FTP,),
        "an FTP server, if there is one, for named addresses only",
        fake("proftpd.service", *_others(FTPS, "U-56")),
    ),
    ("U-59", (s.SNMP,), "SNMP, if there is any, of version 3", fake("snmpd.service", *_others(SNMPS, "U-59"))),
    (
        "U-60",
        (s.SNMP,),
        "SNMP communities, if there are any, that nobody guesses",
        fake("snmpd.service", *_others(SNMPS, "U-60")),
    ),
    (
        "U-61",
        (s.SNMP,),
        "SNMP, if there is any, for named addresses only",
        fake("snmpd.service", *_others(SNMPS, "U-61")),
    ),
)

CONTROLS: tuple[Control, ...] = (
    kisa(
        "U-28",
        "pipc-6-1-1",
        "ismsp-2.6.1",
        "efsr-17-3",
        "iso-a.8.20",
        judge=packets_are_chosen,
        breaker=Breaker(
            how="the input chain lets in what no rule names",
            script="nft 'chain inet haechi input { policy accept; }'",
            touches=("nft",),
            also=("firewall-default-drop", "firewall-live-is-file"),
        ),
    ),
    *(kisa(code, *NETWORK, judge=off(service), breaker=fake(unit, *also)) for code, service, unit, also in OFF),
    *(kisa(code, *SHARES, judge=unconfigured(*services, asks=asks), breaker=b) for code, services, asks, b in ASKED),
    kisa(
        "U-40",
        *SHARES,
        judge=exports_are_closed,
        breaker=Breaker(
            how="a group can write an exports file",
            script="install -m 664 /dev/null /etc/exports",
            undo="rm -f /etc/exports",
            touches=("file:/etc/exports",),
        ),
    ),
    kisa(
        "U-49",
        "ismsp-2.10.8",
        "iso-a.8.8",
        judge=name_server_is_patched,
        breaker=fake("named.service", *_others(NAMES, "U-49"), mend="undo"),
    ),
    kisa(
        "U-57",
        *NETWORK,
        judge=ftpusers_is_closed,
        breaker=Breaker(
            how="everybody can read an ftpusers",
            script="install -m 644 /dev/null /etc/ftpusers",
            undo="rm -f /etc/ftpusers",
            touches=("file:/etc/ftpusers",),
        ),
    ),
)
