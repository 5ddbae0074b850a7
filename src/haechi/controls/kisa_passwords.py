"""KISA's items about passwords, lock-out and su: U-02 to U-04, U-06, U-13."""

from __future__ import annotations

from haechi.controls.kisa_item import kisa, number, pam_lines, unless, values
from haechi.controls.model import Breaker, Case, Verdict, failed, none_of
from haechi.observe.posture import UnknownError
from haechi.observe.sections import Account
from haechi.policy.models import Kind

# The guide asks for SHA-2 or stronger; yescrypt is a memory-hard function and stronger than that.
HASHES = ("$y$", "$6$", "$5$")
METHODS = frozenset({"YESCRYPT", "SHA512", "SHA256"})
PAM_METHODS = frozenset({"yescrypt", "sha512", "sha256"})
REFUSING = frozenset({"required", "requisite"})
LEAST_CLASSES = 4
MOST_TRIES, LEAST_LOCK_S = 10, 120


def passwords_are_good(case: Case) -> Verdict:
    """U-02: length, classes, age and history, for new passwords and for those that people have."""
    want = case.policy.password
    defs, quality = values(case, "login.defs"), values(case, "pwquality.conf")
    oldest, youngest, length = (
        number(defs, "PASS_MAX_DAYS"),
        number(defs, "PASS_MIN_DAYS"),
        number(quality, "minlen"),
    )
    remembered = _remembered(case)
    expected = (
        f"at least {want.min_length} characters of {LEAST_CLASSES} classes, {want.min_days} to {want.max_days} days, "
        f"last {want.remember} refused, root too"
    )
    wrong = [
        *unless(oldest is not None and 0 < oldest <= want.max_days, f"PASS_MAX_DAYS {oldest}"),
        *unless((youngest or 0) >= want.min_days, f"PASS_MIN_DAYS {youngest}"),
        *unless((length or 0) >= want.min_length, f"minlen {length}"),
        *unless((number(quality, "minclass") or 0) >= LEAST_CLASSES, f"minclass {quality.get('minclass')}"),
        *unless("enforce_for_root" in quality, "root may choose any password"),
        *unless(bool(pam_lines(case, "common-password", "pam_pwquality.so")), "PAM does not ask pam_pwquality"),
        *unless(remembered >= want.remember, f"remember {remembered}"),
        *(text for row in _ageing(case) if (text := _ages(row, want.min_days, want.max_days))),
    ]
    rows = case.posture.accounts.rows
    seen = f"PASS_MAX_DAYS {oldest}, PASS_MIN_DAYS {youngest}, minlen {length}, remember {remembered}"
    return none_of(wrong, expected, f"{seen}; {len(_with_password(case))} of {len(rows)} accounts have a password")


def guessing_locks(case: Case) -> Verdict:
    """U-03: wrong passwords are counted, the count ends in a lock, and the lock is asked about."""
    found, want = values(case, "faillock.conf"), case.policy.password
    tries, lock = number(found, "deny"), number(found, "unlock_time")
    before = [line for line in pam_lines(case, "common-auth", "pam_faillock.so") if "preauth" in line]
    after = [line for line in pam_lines(case, "common-auth", "pam_faillock.so") if "authfail" in line]
    wrong = [
        *unless(tries is not None and 0 < tries <= min(MOST_TRIES, want.lock_after), f"deny {tries}"),
        *unless(lock is not None and (lock == 0 or lock >= LEAST_LOCK_S), f"unlock_time {lock}"),
        *unless(bool(before), "PAM does not refuse a locked account (preauth)"),
        *unless(bool(after), "PAM does not count wrong passwords (authfail)"),
    ]
    expected = f"locked after at most {want.lock_after} wrong passwords for {want.unlock_seconds} s or longer"
    return none_of(wrong, expected, f"deny {tries}, unlock_time {lock}, pam_faillock before and after pam_unix")


def hashes_are_in_shadow(case: Case) -> Verdict:
    """U-04: passwd can be read by everybody."""
    rows = case.posture.accounts.rows
    wrong = [f"{row.name} has a hash in /etc/passwd" for row in rows if row.hash_in_passwd]
    wrong += [f"{row.name} has an empty password" for row in rows if row.password == "empty"]  # noqa: S105 - no password
    return none_of(wrong, "no hash in /etc/passwd, no empty password", f"{len(rows)} accounts")


def su_is_limited(case: Case) -> Verdict:
    """U-06: PAM asks for a group, the group exists, and only those are in it whom policy puts there."""
    expected = "su only for members of a group that policy fills (pam_wheel)"
    wheel = pam_lines(case, "common-auth", "pam_wheel.so")
    if not wheel:
        return failed("PAM does not ask pam_wheel", expected)
    su = case.posture.pam.stacks.get("su")
    if su is None:
        raise UnknownError("pam: nobody looked at the service su")
    group = next((word.removeprefix("group=") for word in wheel[0] if word.startswith("group=")), "root")
    members = {name for row in case.posture.accounts.groups if row.name == group for name in row.members}
    meant = {row["id"] for row in case.desired["accounts"]["accounts"] if group in row["groups"]}
    wrong = [
        *unless(any("common-auth" in line for line in su), "su does not follow common-auth"),
        *unless(wheel[0][1] in REFUSING and "trust" not in wheel[0], f"pam_wheel is {wheel[0][1]}"),
        *unless(any(row.name == group for row in case.posture.accounts.groups), f"there is no group {group}"),
        *(f"{name} is in {group}" for name in sorted(members - meant)),
    ]
    return none_of(wrong, expected, f"pam_wheel group={group}, {len(members)} members")


def hashes_are_strong(case: Case) -> Verdict:
    """U-13: what new passwords become, and what those that people have are."""
    method = values(case, "login.defs").get("ENCRYPT_METHOD", "")
    words = {word for line in pam_lines(case, "common-password", "pam_unix.so") for word in line[3:]}
    wrong = [
        *unless(method in METHODS, f"ENCRYPT_METHOD {method or 'is not set'}"),
        *unless(bool(words & PAM_METHODS), "pam_unix names no strong hash"),
        *(f"{row.name} has a hash {row.hash}" for row in _with_password(case) if row.hash not in HASHES),
    ]
    expected = f"yescrypt or SHA-2 ({', '.join(HASHES)})"
    seen = f"ENCRYPT_METHOD {method}, pam_unix {' '.join(sorted(words & PAM_METHODS))}"
    return none_of(wrong, expected, f"{seen}; {len(_with_password(case))} accounts have a password")


def _remembered(case: Case) -> int:
    words = [word for line in pam_lines(case, "common-password", "pam_pwhistory.so") for word in line]
    found = dict(word.split("=", 1) for word in words if "=" in word)
    return number(found, "remember") or 0


def _ages(row: Account, least: int, most: int) -> str:
    """Return how a password ages wrongly, or nothing."""
    young, old = row.min_days or 0, row.max_days
    return "" if young >= least and old is not None and 0 < old <= most else f"{row.name}: min {young}, max {old} days"


def _ageing(case: Case) -> list[Account]:
    # The sealed account's is random and known to nobody, and is replaced after each use (`break-glass-drilled`): one
    # that had run out would ask its holders for another in the middle of the emergency.
    sealed = {who.id for who in case.policy.identities if who.kind is Kind.BREAK_GLASS and case.policy.break_glass}
    return [row for row in _with_password(case) if row.name not in sealed]


def _with_password(case: Case) -> list[Account]:
    # Ageing what no password opens refuses key logins and protects nothing.
    return [row for row in case.posture.accounts.rows if row.password == "set"]  # noqa: S105 - no password


CONTROLS = (
    kisa(
        "U-02",
        "pipc-5-5",
        "ismsp-2.5.4",
        "efsr-19_2",
        "iso-a.5.17",
        judge=passwords_are_good,
        breaker=Breaker(
            how="login.defs lets passwords live for ever",
            script="sed -i '/^PASS_MAX_DAYS/s/[0-9][0-9]*/99999/' /etc/login.defs",
            touches=("login.defs",),
        ),
    ),
    kisa(
        "U-03",
        "pipc-5-6",
        "ismsp-2.5.3",
        "iso-a.8.5",
        judge=guessing_locks,
        breaker=Breaker(
            how="faillock never locks (deny = 0)",
            script="sed -i 's/^deny.*/deny = 0/' /etc/security/faillock.conf",
            touches=("file:/etc/security/faillock.conf",),
        ),
    ),
    kisa(
        "U-04",
        "pipc-7-1",
        "ismsp-2.5.4",
        "iso-a.5.17",
        judge=hashes_are_in_shadow,
        breaker=Breaker(
            how="a system account has its hash in /etc/passwd",
            script=(
                "echo 'breaker-hash:$6$breaker$N0Body:981:65534::/nonexistent:/usr/sbin/nologin' >> /etc/passwd && "
                "echo 'breaker-hash:*:20000:1:90:7:::' >> /etc/shadow"
            ),
            mend="undo",
            undo="sed -i '/^breaker-hash:/d' /etc/passwd /etc/shadow",
            touches=("passwd",),
            also=("accounts-only-declared",),
        ),
    ),
    kisa(
        "U-06",
        "pipc-5-1",
        "ismsp-2.5.5",
        "iso-a.8.2",
        judge=su_is_limited,
        breaker=Breaker(
            how="the PAM profile that limits su is switched off",
            script="DEBIAN_FRONTEND=noninteractive pam-auth-update --disable haechi-su",
            touches=("pam",),
        ),
    ),
    kisa(
        "U-13",
        "pipc-7-1",
        "ismsp-2.7.1",
        "iso-a.8.24",
        judge=hashes_are_strong,
        breaker=Breaker(
            how="new passwords become MD5",
            script="sed -i 's/^ENCRYPT_METHOD.*/ENCRYPT_METHOD MD5/' /etc/login.defs",
            touches=("login.defs",),
        ),
    ),
)
