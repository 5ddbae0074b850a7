"""The VPN: two factors at each handshake, cryptography of today, nobody who left, sessions that end; and it is up."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from haechi.controls.gateway import breaker, control
from haechi.controls.model import Case, Severity, Verdict, failed, none_of, not_here
from haechi.observe.posture import UnknownError
from haechi.observe.tunnelled import Instance
from haechi.policy.models import Kind, State
from haechi.policy.vpn import Vpn

NO_VPN = "policy has no VPN here"
HOOK = "/usr/bin/python3 -I /usr/lib/haechi/vpn.pyz"
PLUGIN = 'openvpn-plugin-auth-pam.so "haechi-vpn login COMMONNAME verification PASSWORD"'
SEEDS = "/var/lib/haechi/vpn-mfa"
# pam.conf(5): a good code skips what refuses; nothing before or after it lets in.
PAM = (
    f"auth [success=2 default=ignore] pam_google_authenticator.so secret={SEEDS}/${{USER}} user=root",
    f"auth optional pam_exec.so quiet seteuid {HOOK} refused -",
    "auth requisite pam_deny.so",
    "auth required pam_permit.so",
    "account required pam_permit.so",
)
# openvpn(8): each of these lets in with less, or takes somebody's word for a name; `config` brings what is not seen.
LOOSE = (
    *("auth-user-pass-optional", "username-as-common-name", "client-cert-not-required", "duplicate-cn", "config"),
    *("auth-user-pass-verify", "management-client-auth", "verify-hash", "x509-username-field", "setenv"),
)
AEAD = {"AES-256-GCM", "AES-128-GCM", "CHACHA20-POLY1305"}
WEAK = (
    "cipher",
    "data-ciphers-fallback",
    "ncp-disable",
    "secret",
    "compress",
    "comp-lzo",
    "tls-auth",
    "tls-cert-profile",
)
CONF = "/etc/haechi/vpn/{}.conf"
OVER = 2 / 3


def _of(case: Case) -> Vpn | None:
    """Return the VPN where it runs on this host, and of no host what was not seen."""
    vpn, _ = case.policy.vpn, case.posture.vpn
    return vpn if vpn is not None and vpn.host == case.host else None


def _each(case: Case, expected: str, faults: Callable[[Instance], Iterator[str]], told: str) -> Verdict:
    """Judge both OpenVPNs alike."""
    if _of(case) is None:
        return not_here(NO_VPN, expected)
    seen = case.posture.vpn.instances
    bad = [] if {one.by for one in seen} == {"udp", "tcp"} else ["not both were seen"]
    bad += [f"{one.by}: {fault}" for one in seen for fault in faults(one)]
    return none_of(bad, expected, told)


def two_factors(case: Case) -> Verdict:
    """Both OpenVPNs want a certificate of the people's authority and a code for its name, and ask who left."""
    expected = "a certificate of one's own and a code, for one and the same name"
    verdict = _each(case, expected, _factors, "certificate required, code judged for its name, both by file and PAM")
    if _of(case) is not None and case.posture.vpn.pam != PAM:
        return failed(f"PAM asks something else: {' | '.join(case.posture.vpn.pam)[:300]}", expected)
    return verdict


def _factors(one: Instance) -> Iterator[str]:
    wanted = {
        "ca": "/etc/haechi/vpn/people.pem",
        "verify-client-cert": "require",
        "remote-cert-tls": "client",
        "crl-verify": "/etc/haechi/vpn/revoked dir",
        "plugin": PLUGIN,
        "tls-verify": f'"{HOOK} verify {one.by}"',
        "client-connect": f'"{HOOK} connect {one.by}"',
    }
    for word, value in wanted.items():
        if one.directives.get(word) != (value,):
            yield f"{word} is {', '.join(one.directives.get(word, ())) or 'not set'}"
    yield from (f"{word} is set" for word in LOOSE if word in one.directives)


def cryptography(case: Case) -> Verdict:
    """TLS 1.3, ciphers that authenticate what they hide, and a handshake that strangers do not see."""
    expected = "TLS 1.3, AEAD alone, tls-crypt-v2"
    return _each(case, expected, _weak, "TLS 1.3, AEAD alone, tls-crypt-v2, over UDP and TCP")


def _weak(one: Instance) -> Iterator[str]:
    said = {word: " ".join(one.directives.get(word, ())) for word in ("tls-version-min", "data-ciphers")}
    if said["tls-version-min"] != "1.3":
        yield f"tls-version-min is {said['tls-version-min'] or 'not set'}"
    offered = set(said["data-ciphers"].split(":"))
    if not said["data-ciphers"] or not offered <= AEAD:
        yield f"data-ciphers are {said['data-ciphers'] or 'not set'}"
    if "tls-crypt-v2" not in one.directives:
        yield "tls-crypt-v2 is not set"
    yield from (f"{word} is set" for word in WEAK if word in one.directives)


def leavers(case: Case) -> Verdict:
    """Nobody who left or is disabled has a tunnel, codes or a place, and each of their certificates is revoked."""
    expected = "no tunnel, no codes, no place, and no certificate that counts of anybody who left"
    vpn, pki = _of(case), case.policy.pki
    authority = case.policy.vpn is not None and pki is not None and pki.host == case.host
    if vpn is None and not authority:
        return not_here(NO_VPN, expected)
    inactive = {who.id for who in case.policy.identities if who.kind is Kind.PERSON and who.state is not State.ACTIVE}
    bad = [*_doors(case, case.revoked | inactive)] if vpn is not None else []
    bad += [*_unrevoked(case)] if authority else []
    return none_of(bad, expected, f"{len(case.revoked)} left, none of them has any")


def _doors(case: Case, gone: frozenset[str]) -> Iterator[str]:
    seen, listed = case.posture.vpn, case.posture.revocations.held
    if seen.silent:
        raise UnknownError(f"vpn: who has a tunnel was not seen: {'; '.join(seen.silent)}")
    yield from (f"{one.person} has a tunnel from {one.address}" for one in seen.tunnels if one.person in gone)
    yield from (f"{name} has codes" for name in seen.seeds if name in gone)
    yield from (f"{name} has a place" for name in seen.people if name in gone)
    # What the handshake asks: the list that this host holds.
    told = set(listed.people) if listed is not None and not listed.why else set()
    yield from (f"the list here does not name {name}" for name in sorted(case.revoked - told))


def _unrevoked(case: Case) -> Iterator[str]:
    seen = case.posture.vpn
    revoked = set(seen.crl.serials) if seen.crl is not None else set()
    for row in seen.issued:
        if row.person in case.revoked and row.ends > case.at and row.serial not in revoked:
            yield f"certificate {row.serial} of {row.person} is not revoked"


def list_fresh(case: Case) -> Verdict:
    """Judge whether the list in force has a third of its life left or more, and the next one is fetched."""
    expected = "a revocation list with more than a third of its life left, fetched by a timer"
    if _of(case) is None:
        return not_here(NO_VPN, expected)
    seen = case.posture.vpn
    bad = [] if seen.fetches else ["the timer that fetches it does not run"]
    if seen.crl is None:
        return failed("; ".join(["no list is in force", *bad]), expected)
    if (case.at - seen.crl.issued) / (seen.crl.ends - seen.crl.issued) >= OVER:
        bad.append(f"list {seen.crl.number} of {seen.crl.issued:%Y-%m-%d %H:%M} ends {seen.crl.ends:%Y-%m-%d %H:%M}")
    return none_of(bad, expected, f"list {seen.crl.number} until {seen.crl.ends:%Y-%m-%d %H:%M}")


def sessions_end(case: Case) -> Verdict:
    """Judge whether a session ends after policy's time, one without traffic before, and a token with it."""
    vpn = _of(case)
    if vpn is None:
        return not_here(NO_VPN, "sessions end after policy's time")
    session, idle = vpn.session_minutes * 60, vpn.idle_minutes * 60
    expected, seen = f"sessions end after {session} s, without traffic after {idle} s", case.posture.vpn
    bad = [] if (seen.session_s, seen.idle_s) == (session, idle) else [f"after {seen.session_s} s, {seen.idle_s} s"]
    for one in seen.instances:
        token = one.directives.get("auth-gen-token", ())
        bad += [] if token == (str(session),) else [f"{one.by}: a token lasts {' '.join(token) or 'for ever'}"]
    return none_of(bad, expected, expected)


def up(case: Case) -> Verdict:
    """Both OpenVPNs run and start at boot, with what their files say and nothing that a command adds."""
    expected = "OpenVPN over UDP and TCP runs by its file, now and after a boot"
    return _each(case, expected, _down, "both run by their files and start at boot")


def _down(one: Instance) -> Iterator[str]:
    if not one.active:
        yield "it does not run"
    if not one.enabled:
        yield "it does not start at boot"
    if one.active and one.command != ("/usr/sbin/openvpn", "--suppress-timestamps", "--config", CONF.format(one.by)):
        yield f"it runs as {' '.join(one.command)}"
    if one.stale:
        yield "its file was changed after it started"


CONTROLS = (
    control(
        "vpn-two-factors",
        (
            "VPN 접속 시 인증서와 일회용 비밀번호 동시 요구",
            "The VPN wants a certificate and a one-time code, for one name",
        ),
        Severity.HIGH,
        ("pipc-6-2", "ismsp-2.5.3", "ismsp-2.6.6", "iso-a.8.5"),
        two_factors,
        breaker(
            "nothing asks for a code any more", f"sed -i '/^plugin /d' {CONF.format('udp')}", "vpn:udp", ("vpn-up",)
        ),
    ),
    control(
        "vpn-crypto",
        ("VPN 구간의 안전한 암호화(TLS 1.3, AEAD)", "The VPN speaks TLS 1.3 and AEAD alone, and hides its handshake"),
        Severity.HIGH,
        ("pipc-7-1", "ismsp-2.6.6", "ismsp-2.7.1", "iso-a.8.24"),
        cryptography,
        breaker(
            "old clients are let in",
            f"sed -i 's/^tls-version-min .*/tls-version-min 1.2/' {CONF.format('tcp')}",
            "vpn:tcp",
            ("vpn-up",),
        ),
    ),
    control(
        "vpn-leavers-refused",
        (
            "퇴사자의 VPN 접속 차단(인증서 폐기, 연결 종료)",
            "Nobody who left has a tunnel, codes, or a certificate that counts",
        ),
        Severity.HIGH,
        ("pipc-5-2", "ismsp-2.2.5", "ismsp-2.5.1", "iso-a.5.18"),
        leavers,
        breaker("somebody who is disabled gets codes", f"install -m 600 /dev/null {SEEDS}/@LEFT@", "vpn:seeds"),
    ),
    control(
        "vpn-list-fresh",
        ("VPN 인증서 폐기 목록의 최신성", "The VPN's revocation list is fresh, and the next one is fetched"),
        Severity.HIGH,
        ("pipc-5-2", "ismsp-2.5.1", "ismsp-2.7.2", "iso-a.5.18"),
        list_fresh,
        breaker("nothing fetches it any more", "systemctl disable --quiet --now haechi-vpn-crl.timer", "vpn:list"),
    ),
    control(
        "vpn-sessions-end",
        (
            "VPN 세션 시간 제한 및 미사용 연결 종료",
            "A session of the VPN ends after its time, and without traffic before",
        ),
        Severity.MEDIUM,
        ("pipc-6-4", "ismsp-2.6.6", "iso-a.8.5"),
        sessions_end,
        breaker(
            "sessions last for years",
            'sed -i \'s/"session_s": .*/"session_s": 99999999,/\' /etc/haechi/vpn/people.json',
            "vpn:people",
        ),
    ),
    control(
        "vpn-up",
        ("VPN 서비스 상시 가동 및 설정 일치", "The VPN runs by its files, and starts at boot"),
        Severity.MEDIUM,
        ("ismsp-2.6.6", "ismsp-2.9.2", "iso-a.8.20"),
        up,
        breaker(
            "one of both is stopped", "systemctl stop haechi-vpn@tcp.service", "vpn:running", ("listeners-declared",)
        ),
    ),
)
