"""Services by what shows them: units, packages and ports; from Debian 12's and 13's packages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Service:
    """How a service shows: units, packages and the ports it is known by (proto, port)."""

    name: str
    units: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    ports: tuple[tuple[str, int], ...] = ()


def tcp(*ports: int) -> tuple[tuple[str, int], ...]:
    """Return TCP ports."""
    return tuple(("tcp", port) for port in ports)


def udp(*ports: int) -> tuple[tuple[str, int], ...]:
    """Return UDP ports."""
    return tuple(("udp", port) for port in ports)


FINGER = Service(
    name="finger",
    units=("fingerd.service", "efingerd.service"),
    packages=("fingerd", "efingerd", "cfingerd"),
    ports=tcp(79),
)
SAMBA = Service(
    name="Samba",
    units=("smbd.service", "nmbd.service", "samba-ad-dc.service"),
    packages=("samba", "samba-ad-dc"),
    ports=tcp(139, 445),
)
# 514/tcp is syslog's as well as rsh's.
R_SERVICES = Service(
    name="rsh, rlogin, rexec",
    units=("rsh.socket", "rlogin.socket", "rexec.socket", "rsh-server.service"),
    packages=("rsh-server", "rsh-redone-server"),
    ports=tcp(512, 513),
)
INETD = Service(
    name="inetd and its small services",
    units=("inetd.service", "xinetd.service", "openbsd-inetd.service", "inetutils-inetd.service"),
    packages=("openbsd-inetd", "inetutils-inetd", "xinetd"),
    ports=(*tcp(7, 9, 13, 19, 37), *udp(7, 9, 13, 19, 37)),
)
NFS = Service(
    name="NFS",
    units=("nfs-server.service", "nfs-kernel-server.service", "nfs-mountd.service", "nfs-blkmap.service"),
    packages=("nfs-kernel-server",),
    ports=(*tcp(2049), *udp(2049)),
)
AUTOFS = Service(name="autofs", units=("autofs.service",), packages=("autofs",))
RPC = Service(
    name="RPC",
    units=("rpcbind.service", "rpcbind.socket", "rpc-statd.service"),
    packages=("rpcbind",),
    ports=(*tcp(111), *udp(111)),
)
NIS = Service(
    name="NIS",
    units=("ypserv.service", "ypbind.service", "yppasswdd.service", "ypxfrd.service", "nis.service"),
    packages=("nis", "ypserv", "ypbind-mt"),
)
TFTP = Service(
    name="tftp, talk",
    units=(
        *("tftpd-hpa.service", "atftpd.service", "atftpd.socket", "talkd.service", "talk.socket"),
        *("ntalk.socket", "inetutils-talkd.service"),
    ),
    packages=("tftpd-hpa", "atftpd", "tftpd", "talkd", "inetutils-talkd"),
    ports=udp(69, 517, 518),
)
TELNET = Service(
    name="telnet",
    units=("telnet.socket", "telnetd.service", "inetutils-telnetd.service"),
    packages=("telnetd", "telnetd-ssl", "inetutils-telnetd"),
    ports=tcp(23),
)
FTP = Service(
    name="FTP",
    units=("vsftpd.service", "proftpd.service", "proftpd.socket", "pure-ftpd.service"),
    packages=("vsftpd", "proftpd-core", "proftpd-basic", "pure-ftpd", "inetutils-ftpd", "ftpd"),
    ports=tcp(21),
)
SNMP = Service(
    name="SNMP",
    units=("snmpd.service", "snmpd.socket", "snmptrapd.service", "snmptrapd.socket"),
    packages=("snmpd", "snmptrapd"),
    ports=udp(161, 162),
)
MAIL = Service(
    name="mail server",
    units=("exim4.service", "postfix.service", "sendmail.service", "opensmtpd.service"),
    packages=("exim4-daemon-light", "exim4-daemon-heavy", "postfix", "sendmail-bin", "opensmtpd"),
    ports=tcp(25, 465, 587),
)
DNS = Service(
    name="authoritative name server",
    units=("named.service", "nsd.service", "knot.service", "pdns.service"),
    packages=("bind9", "nsd", "knot", "pdns-server"),
)
# They answer for others and hold no zone of their own.
RESOLVERS = ("dnsmasq-base", "unbound", "pdns-recursor", "knot-resolver")
