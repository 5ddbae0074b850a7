"""Who gets into a host over SSH, and how: judged by sshd's effective configuration and by lists of our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, none_of
from haechi.controls.sshd_settings import OURS, are, edit, number, settings_of
from haechi.observe.posture import UnknownError

# What is asked after the key is PAM's one-time code (controls/mfa.py), never a password.
KEY_ONLY = {
    "authenticationmethods": "publickey,keyboard-interactive",
    "pubkeyauthentication": "yes",
    "passwordauthentication": "no",
    "permitemptypasswords": "no",
    "hostbasedauthentication": "no",
    "gssapiauthentication": "no",
    "kerberosauthentication": "no",
}
# Without SHA-1, CBC, MACs before encryption and finite-field groups (RFC 9142; BSI TR-02102-4). Whatever is not named
# is weak or not known to us, and both fail.
STRONG: Mapping[str, frozenset[str]] = {
    "kexalgorithms": frozenset(
        {
            "mlkem768x25519-sha256",
            "sntrup761x25519-sha512",
            "sntrup761x25519-sha512@openssh.com",
            "curve25519-sha256",
            "curve25519-sha256@libssh.org",
        }
    ),
    "ciphers": frozenset({"aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"}),
    "macs": frozenset({"hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com"}),
    "hostkeyalgorithms": frozenset({"ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", "rsa-sha2-512"}),
    "pubkeyacceptedalgorithms": frozenset(
        {
            *("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
            *("rsa-sha2-512", "rsa-sha2-256"),
            *("ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"),
            "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
            *("rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com"),
        }
    ),
}
SMALLEST_RSA = 3072
# What these may be for whom is judged in controls/mfa.py.
OF_FACTOR = frozenset(
    {"authenticationmethods", "kbdinteractiveauthentication", "pubkeyacceptedalgorithms", "pubkeyauthoptions"}
)


def strong_algorithms(case: Case) -> Verdict:
    """Only algorithms of our own short list are offered, and no short RSA key is taken."""
    settings = settings_of(case, [*STRONG, "requiredrsasize"])
    bad = [
        f"{name} in {keyword}"
        for keyword, allowed in STRONG.items()
        for name in settings[keyword].split(",")
        if name not in allowed
    ]
    size = settings["requiredrsasize"]
    if number(size) < SMALLEST_RSA:
        bad.append(f"RSA keys of {size} bits")
    seen = "; ".join(f"{keyword} {settings[keyword]}" for keyword in STRONG)
    return none_of(bad, "only algorithms of the list of strong ones", seen)


def key_only(case: Case) -> Verdict:
    """Nothing but a key gets in."""
    return are(case, KEY_ONLY)


def no_root(case: Case) -> Verdict:
    """Root cannot log in, and no exception is made for root."""
    settings = settings_of(case, ["permitrootlogin"])
    _asked(case, ["root"])
    for_root = case.posture.sshd.users["root"].get("permitrootlogin", settings["permitrootlogin"])
    bad = [f"permitrootlogin {value}" for value in {settings["permitrootlogin"], for_root} if value != "no"]
    return none_of(bad, "permitrootlogin no, for root as well", "permitrootlogin no")


def groups_only(case: Case) -> Verdict:
    """One group alone may log in, the one that policy fills; no list of users goes past it."""
    group = case.desired["accounts"]["login_group"]
    settings = case.posture.sshd.settings
    seen = settings.get("allowgroups", "")
    bad = [] if seen == group else [f"allowgroups {seen or 'not set'}"]
    bad += [f"{key} {settings[key]}" for key in ("allowusers",) if settings.get(key)]
    return none_of(bad, f"allowgroups {group} and no allowusers", f"allowgroups {group}")


def no_exception(case: Case) -> Verdict:
    """Everybody gets the same sshd: no Match block gives one account other rules than those of the factor."""
    users = case.posture.sshd.users
    _asked(case, ["root", *_who_log_in(case)])
    bad = [
        f"{user}: {key} {value}"
        for user, changed in sorted(users.items())
        for key, value in changed.items()
        if key not in OF_FACTOR
    ]
    expected = "the same settings for every account, but for those of the second factor"
    return none_of(bad, expected, "sshd -T -C user=.. differs for nobody but in the second factor")


def _who_log_in(case: Case) -> list[str]:
    return [row["id"] for row in case.desired["accounts"]["accounts"] if row["login"] and row["state"] == "active"]


def _asked(case: Case, accounts: Iterable[str]) -> None:
    unasked = [account for account in accounts if account not in case.posture.sshd.users]
    if unasked:
        raise UnknownError(f"sshd: nobody asked about {', '.join(unasked)}")


CONTROLS = (
    Control(
        id="sshd-no-weak-algorithms",
        title_ko="취약한 SSH 암호 알고리즘 사용 금지",
        title_en="SSH offers strong algorithms only",
        severity=Severity.HIGH,
        articles=("pipc-7-4", "efsr-19-1", "ismsp-2.7.1", "ismsp-2.10.5", "iso-a.8.24"),
        judge=strong_algorithms,
        breaker=Breaker(
            how="a MAC with SHA-1 is offered beside the strong ones",
            script=f"sed -i 's|^MACs .*|&,hmac-sha1|' {OURS} && systemctl reload ssh",
            touches=("sshd",),
            also=("sshd-effective",),
        ),
    ),
    Control(
        id="sshd-key-only",
        title_ko="SSH 공개키 인증만 허용(비밀번호 인증 금지)",
        title_en="A key is the only way in",
        severity=Severity.HIGH,
        articles=("pipc-5-5", "pipc-6-2", "ismsp-2.5.3", "ismsp-2.6.6", "iso-a.8.5"),
        judge=key_only,
        breaker=edit("passwords are taken again", "PasswordAuthentication", "yes", "sshd-effective"),
    ),
    Control(
        id="sshd-no-root",
        title_ko="root 계정의 SSH 직접 로그인 금지",
        title_en="Root cannot log in over SSH",
        severity=Severity.HIGH,
        articles=("kisa2026-u-01", "ismsp-2.5.5", "iso-a.8.2"),
        judge=no_root,
        breaker=edit("root is let in with a key", "PermitRootLogin", "prohibit-password", "sshd-effective", "U-01"),
    ),
    Control(
        id="sshd-groups-only",
        title_ko="승인된 로그인 그룹만 SSH 접속 허용",
        title_en="One group, filled by policy, may log in",
        severity=Severity.HIGH,
        articles=("pipc-5-1", "efsr-13-1-1", "ismsp-2.6.2", "iso-a.5.15"),
        judge=groups_only,
        breaker=edit("a second group is let in", "AllowGroups", "haechi-login sudo", "sshd-effective"),
    ),
    Control(
        id="sshd-no-user-exception",
        title_ko="특정 계정에 대한 SSH 예외 설정 금지",
        title_en="No account has an sshd of its own",
        severity=Severity.MEDIUM,
        articles=("pipc-5-1", "ismsp-2.6.2", "iso-a.8.3"),
        judge=no_exception,
        breaker=Breaker(
            how="a Match block gives one operator another limit",
            script=f"printf 'Match User minho\\n  MaxSessions 99\\n' >> {OURS} && systemctl reload ssh",
            touches=("sshd",),
        ),
    ),
)
