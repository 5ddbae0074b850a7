"""SSH certificates: whose a host takes, whose it refuses, its own, and the keys that sign them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, HostJudge, Severity, Verdict, failed, none_of, not_here
from haechi.controls.sshd_settings import settings_of
from haechi.keylines import fingerprints

FOLDER = "/etc/ssh/haechi"
FILES = {
    "trustedusercakeys": f"{FOLDER}/user_ca.pub",
    "authorizedprincipalsfile": f"{FOLDER}/principals/%u",
    "revokedkeys": f"{FOLDER}/revoked.krl",
}
STRANGER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVPBJhpNsMMFlqRRGs5Pn0Wtj8hgHSAYEOe1ZnQ3FfR stranger"
KEYS = "/etc/haechi/pki"
NO_AUTHORITY = "policy names no authority, and keys alone get in"
NOT_MADE = "policy names an authority that was never made: run site.yml"


def authority_only(case: Case) -> Verdict:
    """Only the site's authority signs for people; without one no certificate counts at all."""
    wanted = sorted(fingerprints([_told(case)["user_ca"]]))
    trusted = settings_of(case, ["trustedusercakeys"])["trustedusercakeys"]
    if case.policy.pki is None:
        return none_of([] if trusted == "none" else [f"trustedusercakeys {trusted}"], NO_AUTHORITY, "none is trusted")
    if not wanted:
        return failed(NOT_MADE, "one authority, pinned on the control node")
    seen = case.posture.certificates
    bad = [] if trusted == FILES["trustedusercakeys"] else [f"trustedusercakeys {trusted}"]
    bad += [f"{key} signs too" for key in seen.user_ca if key not in wanted]
    bad += [f"{key} is not trusted" for key in wanted if key not in seen.user_ca]
    bad += [f"{path} can be changed by others than root" for path in seen.unsafe]
    return none_of(bad, "the site's authority and no other", f"only {', '.join(wanted)} signs")


def principals_exact(case: Case) -> Verdict:
    """Nobody's certificate opens more on a host than the jobs that policy gives there."""
    if not _told(case)["user_ca"]:
        return _without(case)
    wanted = {account: sorted(names) for account, names in _told(case)["principals"].items()}
    path = settings_of(case, ["authorizedprincipalsfile"])["authorizedprincipalsfile"]
    seen = {account: sorted(names) for account, names in case.posture.certificates.principals.items()}
    bad = [] if path == FILES["authorizedprincipalsfile"] else [f"authorizedprincipalsfile {path}"]
    for account in sorted({*wanted, *seen}):
        bad += [
            f"{account} is opened by {name}" for name in sorted({*seen.get(account, ())} - {*wanted.get(account, ())})
        ]
        bad += [f"{account} lacks {name}" for name in sorted({*wanted.get(account, ())} - {*seen.get(account, ())})]
    return none_of(bad, "the principals of policy", f"{len(wanted)} accounts, principals as policy has them")


def revoked_refused(case: Case) -> Verdict:
    """Everybody who left is on the list that sshd reads at each login, and nobody else."""
    if not _told(case)["user_ca"]:
        return _without(case)
    wanted = {*_rows(_told(case)["revoked"])}
    path = settings_of(case, ["revokedkeys"])["revokedkeys"]
    seen = case.posture.certificates.revoked
    if seen is None:
        return failed("sshd cannot read its list of the revoked, so it refuses every key", "the list of the leavers")
    bad = [] if path == FILES["revokedkeys"] else [f"revokedkeys {path}"]
    bad += [f"{row} is not revoked" for row in sorted(wanted - {*seen})]
    bad += [f"{row} is revoked" for row in sorted({*seen} - wanted)]
    return none_of(bad, "whoever left, and nobody else", f"{len(wanted)} entries, those of the list of leavers")


def host_certified(case: Case) -> Verdict:
    """By a certificate the host shows its name and key, so that nobody trusts it on first use."""
    ca = sorted(fingerprints([str(case.desired["pki"]["host_ca"])]))
    if not ca:
        return _without(case)
    seen = case.posture.certificates.host
    path = case.posture.sshd.settings.get("hostcertificate", "none")
    if seen is None or path == "none":
        return failed("the host shows no certificate", f"a certificate of {ca[0]}")
    words = {"certificate of": (seen.id, case.host), "key": (seen.key, case.posture.host.host_key)}
    words |= {"authority": (seen.ca, ca[0]), "kind": (seen.kind, "host")}
    bad = [f"{what} {is_}" for what, (is_, must) in words.items() if is_ != must]
    if not seen.begins <= case.at < seen.ends:
        bad.append(f"counts from {seen.begins:%Y-%m-%d} to {seen.ends:%Y-%m-%d}")
    bad += [] if case.host in seen.principals else [f"names {', '.join(seen.principals) or 'nobody'}"]
    return none_of(
        bad, f"a certificate of {ca[0]} for {case.host}", f"certificate of {seen.id} until {seen.ends:%Y-%m-%d}"
    )


def authority_shut(case: Case) -> Verdict:
    """Nobody but root can read the keys that sign, and they lie on one host."""
    rows = case.posture.certificates.authority
    if not case.desired["pki"]["here"]:
        bad = [row.path for row in rows if row.path != KEYS]
        if bad:
            return failed(f"keys of an authority: {', '.join(bad)}", "such keys on the authority's host alone")
        return not_here("no key of an authority lies here", "the authority is another host")
    names = {row.path for row in rows}
    bad = [f"{path} is missing" for path in (f"{KEYS}/ssh_host_ca", f"{KEYS}/ssh_user_ca") if path not in names]
    bad += [f"{row.path} mode {row.mode} of uid {row.uid}" for row in rows if row.uid or not row.mode.endswith("00")]
    return none_of(bad, "readable by root alone", f"{len(rows)} places, root's alone")


def _told(case: Case) -> Mapping[str, Any]:
    told: Mapping[str, Any] = case.desired["accounts"]["certificates"]
    return told


def _without(case: Case) -> Verdict:
    """Say what it means that nothing is told about certificates: sshd must take none then."""
    trusted = settings_of(case, ["trustedusercakeys"])["trustedusercakeys"]
    if case.policy.pki is not None:
        return failed(f"{NOT_MADE}; trustedusercakeys {trusted}", "one authority, pinned on the control node")
    if trusted != "none":
        return failed(f"trustedusercakeys {trusted}", NO_AUTHORITY)
    return not_here(f"{NO_AUTHORITY}; sshd trusts none", "no certificates")


def _rows(text: str) -> Iterator[str]:
    """Yield the entries of the list as ssh-keygen shows them: fingerprints in hexadecimal."""
    for line in text.splitlines():
        if found := re.fullmatch(r"(id|hash): (\S+)", line):
            word, value = found.groups()
            yield f"{word}: {value if word == 'id' else _hexadecimal(value)}"


def _hexadecimal(print_: str) -> str:
    body = print_.removeprefix("SHA256:")
    try:
        return base64.b64decode(f"{body}{'=' * (-len(body) % 4)}").hex()
    except binascii.Error:
        return body


def high(name: str, titles: tuple[str, str], articles: tuple[str, ...], judge: HostJudge, breaker: Breaker) -> Control:
    """Return a control of a host that weighs much; ``titles`` are Korean and English."""
    return Control(
        id=name,
        title_ko=titles[0],
        title_en=titles[1],
        severity=Severity.HIGH,
        articles=articles,
        judge=judge,
        breaker=breaker,
    )


CONTROLS = (
    high(
        "certificates-authority-only",
        ("승인된 인증기관이 서명한 SSH 인증서만 허용", "One authority signs for people, and no other"),
        ("pipc-5-5", "ismsp-2.5.3", "ismsp-2.7.2", "iso-a.8.5"),
        authority_only,
        Breaker(
            how="a stranger's authority is trusted too",
            script=f"echo '{STRANGER}' >> {FILES['trustedusercakeys']}",
            touches=("certificates:authority",),
        ),
    ),
    high(
        "certificates-principals-exact",
        ("인증서로 접근 가능한 계정을 직무별로 제한", "A certificate opens what the job gives, and no more"),
        ("pipc-5-1", "efsr-13-1-1", "ismsp-2.6.2", "iso-a.5.18"),
        principals_exact,
        Breaker(
            how="a colleague's certificate opens an operator's account",
            script=f"echo 'operator:hana' >> {FOLDER}/principals/minho",
            touches=("certificates:minho",),
        ),
    ),
    high(
        "certificates-revoked-refused",
        ("퇴직자 인증서·키의 폐기 목록 적용", "Whoever left is on the list that sshd reads at each login"),
        ("pipc-5-2", "ismsp-2.2.5", "ismsp-2.5.1", "iso-a.5.18"),
        revoked_refused,
        Breaker(
            how="the list is replaced by one that names a stranger only",
            script=(
                f"printf 'id: stranger\\n' > /run/list && ssh-keygen -q -k -f {FILES['revokedkeys']}"
                f" -s {FILES['trustedusercakeys']} /run/list; rm -f /run/list"
            ),
            touches=("certificates:revoked",),
        ),
    ),
    high(
        "certificates-host-certified",
        ("서버 인증서로 접속 대상 서버의 진위 확인", "A host proves by certificate who it is"),
        ("pipc-6-2", "ismsp-2.6.1", "ismsp-2.7.1", "iso-a.8.20"),
        host_certified,
        Breaker(
            how="the host's certificate is gone",
            script=": > /etc/ssh/ssh_host_ed25519_key-cert.pub",
            touches=("certificates:host",),
        ),
    ),
    high(
        "certificates-authority-shut",
        ("인증기관 개인키는 관리자만 접근", "The keys that sign are root's alone"),
        ("pipc-7-6", "ismsp-2.7.2", "iso-a.8.24"),
        authority_shut,
        Breaker(
            how="everybody may read the key that signs for people",
            script=f"chmod 0755 {KEYS}; chmod 0644 {KEYS}/ssh_user_ca",
            touches=("certificates:keys",),
            hosts=("vault1",),
        ),
    ),
)
