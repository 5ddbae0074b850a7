"""The second factor: asked of everybody, had by everybody, missing no longer than policy says; and the console."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Status, Verdict, none_of
from haechi.controls.sshd_settings import edit
from haechi.desired.mfa import CONSOLE, SEEDS, WINDOW
from haechi.observe.posture import UnknownError
from haechi.observe.sudoers import items, specs, subjects
from haechi.policy.factors import FIDO2_GROUP, HARDWARE, WINDOW_GROUP
from haechi.policy.models import Kind

TWO, ONE = "publickey,keyboard-interactive", "publickey"
CODES = "pam_google_authenticator.so"
RESIDUAL = "residual risk: hosts do not share used codes, so a stolen one counts on another host for its 30 s"
NOT_ASKED = "residual risk: sudo does not ask again whoever has a security key, which is not at this host"
COMPENSATES = "the PIN at each login; exact commands (sudo-exact); more only by a grant that ends (grants-expire)"
Row = Mapping[str, Any]


def _people(case: Case) -> list[Row]:
    """Return the rows of those who log in and need a second factor."""
    rows = case.desired["accounts"]["accounts"]
    return [row for row in rows if row["login"] and row["state"] == "active" and row["kind"] != str(Kind.AUTOMATION)]


def _lacking(case: Case) -> list[str]:
    """Return who has none yet and need not: by key until the day of policy."""
    return sorted(row["id"] for row in _people(case) if WINDOW_GROUP in row["groups"])


def _waived(verdict: Verdict, names: list[str]) -> Verdict:
    """Return a pass as waived while somebody needs one factor only: it was not seen to hold for all."""
    if verdict.status is not Status.PASS or not names:
        return verdict
    seen = f"within the enrolment window, by key alone: {', '.join(names)}; {verdict.seen}"
    return Verdict(status=Status.WAIVED, seen=seen, expected=verdict.expected)


def required(case: Case) -> Verdict:
    """Sshd asks everybody for two factors: a key and a code, or a security key whose PIN was given."""
    sshd = case.posture.sshd
    rows = _people(case)
    unasked = [row["id"] for row in rows if row["id"] not in sshd.users]
    if unasked:
        raise UnknownError(f"sshd: nobody asked about {', '.join(unasked)}")
    bad = [f"{row['id']}: {why}" for row in rows for why in _less(row, {**sshd.settings, **sshd.users[row["id"]]})]
    others = sshd.settings.get("authenticationmethods", "any")
    bad += [] if others == TWO else [f"whoever no block speaks of: authenticationmethods {others}"]
    bad += _codes_are_asked(case)
    told = ", ".join(f"{row['id']} ({_word(row)})" for row in rows)
    expected = "key and one-time code, or a security key with its PIN, for everybody but automation"
    return _waived(none_of(bad, expected, told or "nobody logs in here"), _lacking(case))


def _word(row: Row) -> str:
    return next((word for word in (FIDO2_GROUP, WINDOW_GROUP) if word in row["groups"]), "key and code")


def _less(row: Row, settings: Mapping[str, str]) -> Iterator[str]:
    one = _word(row) != "key and code"
    methods = settings.get("authenticationmethods", "any")
    if methods != TWO and not (one and methods == ONE):
        yield f"authenticationmethods {methods}"
    if FIDO2_GROUP in row["groups"] and methods == ONE:
        plain = [name for name in settings.get("pubkeyacceptedalgorithms", "all").split(",") if not _in_device(name)]
        if plain:
            yield f"takes keys outside a device ({', '.join(plain[:3])})"
        if "verify-required" not in settings.get("pubkeyauthoptions", ""):
            yield "does not want to see the PIN asked"


def _in_device(algorithm: str) -> bool:
    # A certificate's type is the key's with another end to its name (OpenSSH's PROTOCOL.u2f).
    return algorithm.replace("-cert-v01@openssh.com", "@openssh.com") in HARDWARE


def _codes_are_asked(case: Case) -> list[str]:
    rules = case.posture.pam.stacks.get("common-auth", ())
    asked = [rule for rule in rules if CODES in rule and "die" in rule[1]]
    return [] if asked else [f"PAM asks for no code ({CODES} is not in common-auth)"]


def enrolled(case: Case) -> Verdict:
    """Everybody has the factor, seeds are root's alone and count once, and nobody else's lie here."""
    seeds = {seed.account: seed for seed in case.posture.factors.seeds}
    window, bad, lacking, told = case.desired["mfa"]["window"], [], [], []
    for row in _people(case):
        who = row["id"]
        if FIDO2_GROUP in row["groups"] or who in seeds:
            told.append(f"{who}: {'security key' if FIDO2_GROUP in row['groups'] else 'codes'}")
        elif who in window:
            lacking.append(who)
        else:
            bad.append(f"{who} has no second factor")
    entitled = {row["id"] for row in _people(case) if FIDO2_GROUP not in row["groups"]}
    bad += [f"a seed of {who}, who needs none" for who in seeds if who not in entitled]
    for who, seed in seeds.items():
        safe = (seed.mode.lstrip("0"), seed.owner) in {("600", "root"), ("400", "root")}
        bad += [] if safe else [f"the seed of {who} is {seed.owner}'s, mode {seed.mode}"]
        bad += [] if seed.once and seed.narrow and not seed.spare else [f"codes of {who} count more than once"]
    told += [RESIDUAL] if seeds else []
    return _waived(none_of(bad, "a factor for everybody, seeds that root alone reads", "; ".join(told)), lacking)


def sudo_asks(case: Case) -> Verdict:
    """Sudo asks whoever has codes for one. Whoever has a security key it cannot ask, which a person answers for.

    That is manual and never a pass, and only while what compensates was seen: sshd wants the device's PIN.
    """
    pam, sshd = case.posture.pam.stacks, case.posture.sshd
    bad = [] if ["@include", "common-auth"] in map(list, pam.get("sudo", ())) else ["sudo's PAM asks nobody"]
    bad += _codes_are_asked(case)
    ids = {row["id"] for row in _people(case)}
    free = {who: commands for who, commands in _not_asked(case).items() if who in ids}
    alone: list[str] = []
    for row in _people(case):
        who, word = row["id"], _word(row)
        if who in free and word == FIDO2_GROUP:
            if who not in sshd.users:
                raise UnknownError(f"sshd: nobody asked about {who}")
            alone.append(who)
            bad += [f"{who}: not asked by sudo, and {why}" for why in _less(row, {**sshd.settings, **sshd.users[who]})]
        elif who in free and word != WINDOW_GROUP:
            bad.append(f"{who}: sudo asks no code for {free[who][0]}")
    lacking = sorted(set(_lacking(case)) & set(free))
    told = none_of(
        bad, "sudo asks everybody for a second factor", f"{len(free)} people have commands without a question"
    )
    if told.status is Status.PASS and alone:
        kept = "their commands are recorded" if case.policy.recorder else "nothing records their commands"
        window = f"; by key alone within the window: {', '.join(lacking)}" if lacking else ""
        seen = f"{NOT_ASKED}: {', '.join(alone)}; compensates: {COMPENSATES}; {kept}{window}"
        return Verdict(status=Status.MANUAL, seen=seen, expected=told.expected)
    return _waived(told, lacking)


def _not_asked(case: Case) -> dict[str, list[str]]:
    """Return who has which commands without a question, as sudo reads the rules."""
    if not case.posture.sudo.rules:
        raise UnknownError("sudo: no rule was read, not even root's")
    found: dict[str, list[str]] = {}
    for rule in case.posture.sudo.rules:
        free = [spec for spec in specs(rule) if {"authenticate": False} in items(spec.get("Options"))]
        commands = [str(entry.get("command", entry)) for spec in free for entry in items(spec.get("Commands"))]
        for who in subjects(rule) if commands else ():
            found.setdefault(who, []).extend(commands)
    return found


def window_ends(case: Case) -> Verdict:
    """End the window by the host itself: it knows the last second, and PAM asks for it."""
    meant, seen = case.desired["mfa"]["window"], case.posture.factors.window
    # Whoever is shut out has no use of it, and the role takes it away when it next comes.
    shut = {*case.asleep, *case.revoked}
    extra = {who: end for who, end in seen.items() if meant.get(who) != end and who not in shut}
    bad = [f"{who}: until {end}, not {meant.get(who, 'ever')}" for who, end in extra.items()]
    bad += [f"{who}: no end is known here" for who in meant if who not in seen]
    rules = case.posture.pam.stacks.get("common-account", ())
    asks = any("pam_exec.so" in rule and rule[1] == "required" and WINDOW in rule for rule in rules)
    bad += [] if asks else ["PAM's account phase does not ask for it"]
    return none_of(bad, "the days of policy, and PAM asks", f"{len(seen)} in the window; PAM asks")


def console_shut(case: Case) -> Verdict:
    """At the console nobody but the sealed account logs in."""
    meant = [line for line in case.desired["mfa"]["files"][1]["content"].splitlines() if line and line[0] != "#"]
    seen = list(case.posture.factors.console)
    rules = case.posture.pam.stacks.get("common-account", ())
    asks = any("pam_access.so" in rule and f"accessfile={CONSOLE}" in rule for rule in rules)
    bad = [] if asks else ["PAM does not ask who may use the console"]
    bad += [] if seen == meant else [f"{CONSOLE} says {' '.join(seen) or 'nothing'}"]
    return none_of(bad, f"{' '.join(meant)}, asked by PAM", " ".join(seen))


CONTROLS = (
    Control(
        id="factor-required",
        title_ko="모든 인원에 대한 다중 인증 적용(자동화 계정 제외)",
        title_en="Nobody but automation gets in with one factor",
        severity=Severity.HIGH,
        articles=("pipc-6-2", "efsr-14-6", "efsr-17-2", "ismsp-2.5.3", "ismsp-2.6.6", "iso-a.8.5"),
        judge=required,
        breaker=edit("a key is enough", "AuthenticationMethods", "publickey", "sshd-effective", "sshd-key-only"),
    ),
    Control(
        id="factor-enrolled",
        title_ko="인증 수단 등록 현황 및 OTP 비밀키 보호",
        title_en="Everybody has a second factor, and seeds are safe",
        severity=Severity.HIGH,
        articles=("pipc-6-2", "ismsp-2.5.3", "iso-a.5.17"),
        judge=enrolled,
        breaker=Breaker(
            how="codes of somebody whom policy does not know lie on the host",
            script=f"install -d -m 700 {SEEDS} && install -m 600 /dev/null {SEEDS}/ghost",
            mend="undo",
            undo=f"rm {SEEDS}/ghost",
            touches=("mfa-seeds",),
        ),
    ),
    Control(
        id="factor-sudo-asks",
        title_ko="sudo 사용 시 2차 인증 재확인",
        title_en="Sudo asks for the second factor",
        severity=Severity.MEDIUM,
        articles=("pipc-6-2", "ismsp-2.5.3", "ismsp-2.5.5", "iso-a.8.2", "iso-a.8.5"),
        judge=sudo_asks,
        breaker=Breaker(
            how="sudo believes whoever is logged in",
            script="sed -i 's/^@include common-auth/#&/' /etc/pam.d/sudo; echo 'auth required pam_permit.so' >> "
            "/etc/pam.d/sudo",
            mend="undo",
            undo="sed -i -e '/^auth required pam_permit.so/d' -e 's/^#@include common-auth/@include common-auth/' "
            "/etc/pam.d/sudo",
            touches=("pam-sudo",),
        ),
    ),
    Control(
        id="factor-window-ends",
        title_ko="인증 수단 등록 유예 기간의 서버 자체 종료",
        title_en="The enrolment window ends by the host's own clock",
        severity=Severity.HIGH,
        articles=("pipc-6-2", "ismsp-2.5.3", "iso-a.8.5"),
        judge=window_ends,
        breaker=Breaker(
            how="somebody is given a window of years",
            script=f"echo 'minho 4102444800' >> {WINDOW}",
            touches=("mfa-window",),
        ),
    ),
    Control(
        id="console-shut",
        title_ko="콘솔 직접 로그인 제한(비상 계정만 허용)",
        title_en="Nobody but the sealed account uses the console",
        severity=Severity.MEDIUM,
        articles=("efsr-17-2", "ismsp-2.5.3", "iso-a.8.2"),
        judge=console_shut,
        breaker=Breaker(
            how="the console is opened for everybody",
            script=f"echo '+:ALL:ALL' > {CONSOLE}",
            touches=("mfa-console",),
        ),
    ),
)
