"""KISA's items about accounts, groups and homes: U-05, U-07 to U-11, U-31, U-32, U-55."""

from __future__ import annotations

from collections import Counter

from haechi.controls.kisa_item import NO_SHELL, kisa
from haechi.controls.model import Breaker, Case, Verdict, none_of, not_here, passed
from haechi.observe.posture import UnknownError
from haechi.observe.sections import Account, Home

# base-passwd's accounts that nothing on a server uses; nobody may stay in them.
STOCK = frozenset(
    {
        *("backup", "bin", "daemon", "games", "gnats", "irc", "list", "lp", "mail", "man", "news", "nobody", "proxy"),
        *("sys", "uucp", "www-data"),
    }
)
# Their members are root by one more step: they read its secrets, its disks, or start what they like as root.
ADMIN = ("root", "sudo", "adm", "shadow", "disk", "docker", "lxd")
PEOPLE = range(1000, 60000)
SYSTEM = range(1, 1000)
FTP = "ftp"


def root_is_alone(case: Case) -> Verdict:
    """U-05."""
    rows = case.posture.accounts.rows
    second = [f"{row.name} has UID 0" for row in rows if row.uid == 0 and row.name != "root"]
    return none_of(second, "root alone has UID 0", f"{len(rows)} accounts")


def nobody_is_left_over(case: Case) -> Verdict:
    """U-07: leavers, accounts of nobody in policy, and stock accounts that somebody could use."""
    rows, known = case.posture.accounts.rows, set(case.desired["baseline"]["known"])
    left = [row for row in rows if row.name in case.revoked]
    strangers = [row.name for row in rows if row.uid in PEOPLE and row.name not in known | case.revoked]
    wrong = [
        *(f"{row.name} left and can still log in" for row in left if _prompts(row) or _opens(row)),
        *(f"{name} is nobody in policy" for name in strangers),
        *(f"stock account {row.name} has a password" for row in rows if row.name in STOCK and _opens(row)),
    ]
    expected = "no account that a leaver or a stranger could use; stock accounts locked"
    return none_of(wrong, expected, f"{len(rows)} accounts, {len(left)} of them leavers', locked")


def few_are_admins(case: Case) -> Verdict:
    """U-08: nobody is in a group of power whom policy did not put there."""
    meant = {row["id"]: set(row["groups"]) for row in case.desired["accounts"]["accounts"]}
    groups = [row for row in case.posture.accounts.groups if row.name in ADMIN]
    extra = [f"{who} is in {row.name}" for row in groups for who in row.members if row.name not in meant.get(who, ())]
    by_gid = {row.gid: row.name for row in groups}
    extra += [
        f"{row.name} has group {by_gid[row.gid]}"
        for row in case.posture.accounts.rows
        if row.gid in by_gid and row.uid != 0 and by_gid[row.gid] not in meant.get(row.name, ())
    ]
    members = "; ".join(f"{row.name}: {', '.join(row.members)}" for row in groups if row.members)
    return none_of(extra, f"in {', '.join(ADMIN)} only whom policy puts there", members or "nobody is in them")


def groups_have_members(case: Case) -> Verdict:
    """U-09: Debian's empty system groups are by design, so from GID 1000 on."""
    found = case.posture.accounts
    primary = {row.gid for row in found.rows}
    own = [row for row in found.groups if row.gid in PEOPLE]
    empty = [f"{row.name} (GID {row.gid})" for row in own if not row.members and row.gid not in primary]
    return none_of(empty, "no group from GID 1000 on without anybody", f"{len(own)} groups from GID 1000 on")


def uids_are_unique(case: Case) -> Verdict:
    """U-10."""
    rows = case.posture.accounts.rows
    many = [uid for uid, count in Counter(row.uid for row in rows).items() if count > 1]
    shared = [f"{', '.join(row.name for row in rows if row.uid == uid)} share UID {uid}" for uid in many]
    return none_of(shared, "one account a UID", f"{len(rows)} accounts")


def services_have_no_shell(case: Case) -> Verdict:
    """U-11."""
    known = set(case.desired["baseline"]["known"])
    rows = [row for row in case.posture.accounts.rows if row.uid in SYSTEM or row.name in STOCK]
    wrong = [
        f"{row.name} has shell {row.shell or '(empty)'}" for row in rows if _prompts(row) and row.name not in known
    ]
    return none_of(wrong, "no shell for accounts that need no login", f"{len(rows)} system accounts")


def homes_are_closed(case: Case) -> Verdict:
    """U-31."""
    wrong = []
    for row, home in _homes(case):
        if home.mode is None:
            continue
        if home.uid != row.uid:
            wrong.append(f"{home.path} of {row.name} belongs to uid {home.uid}")
        if int(home.mode, 8) & 0o077:
            wrong.append(f"{home.path} has mode {home.mode}")
    return none_of(wrong, "homes owned by their accounts and at most 0700", f"{len(_homes(case))} homes")


def homes_exist(case: Case) -> Verdict:
    """U-32: of whoever can log in; Debian's nologin accounts lack theirs by design."""
    missing = [f"{row.name}: no {home.path}" for row, home in _homes(case) if home.mode is None]
    return none_of(missing, "whoever can log in has a home", f"{len(_homes(case))} homes")


def ftp_has_no_shell(case: Case) -> Verdict:
    """U-55."""
    expected = f"an account {FTP} has nologin"
    row = next((row for row in case.posture.accounts.rows if row.name == FTP), None)
    if row is None:
        return not_here(f"there is no account {FTP}", expected)
    if _prompts(row):
        return none_of([f"{FTP} has shell {row.shell}"], expected, "")
    return passed(f"{FTP} has shell {row.shell}", expected)


def _homes(case: Case) -> list[tuple[Account, Home]]:
    """Return people and their homes.

    Raises ``UnknownError`` for somebody whose home nobody looked at.
    """
    people = [row for row in case.posture.accounts.rows if (row.uid == 0 or row.uid in PEOPLE) and _prompts(row)]
    homes = {home.account: home for home in case.posture.homes}
    unseen = [row.name for row in people if row.name not in homes]
    if unseen:
        raise UnknownError(f"homes: nobody looked at that of {', '.join(unseen)}")
    return [(row, homes[row.name]) for row in people]


def _prompts(row: Account) -> bool:
    return row.shell not in NO_SHELL


def _opens(row: Account) -> bool:
    return row.password in {"set", "empty"}


CONTROLS = (
    kisa(
        "U-05",
        "pipc-5-4",
        "ismsp-2.5.2",
        "efsr-13-2",
        "iso-a.5.16",
        judge=root_is_alone,
        breaker=Breaker(
            how="a second account has UID 0",
            script=(
                "echo 'breaker-root:x:0:65534::/root:/usr/sbin/nologin' >> /etc/passwd && "
                "echo 'breaker-root:*:20000::::::' >> /etc/shadow"
            ),
            mend="undo",
            undo="sed -i '/^breaker-root:/d' /etc/passwd /etc/shadow",
            touches=("passwd",),
            also=("U-10", "privileged-owned"),
        ),
    ),
    kisa(
        "U-07",
        "pipc-5-2",
        "ismsp-2.2.5",
        "efsr-13-1-11",
        "iso-a.5.18",
        "iso-a.6.5",
        judge=nobody_is_left_over,
        breaker=Breaker(
            how="a stock account gets a password",
            script=(
                "usermod --password \"$(perl -e 'print crypt(q(breaker), q($6$breaker$))')\" games && "
                'chage --mindays 1 --maxdays 90 --lastday "$(date +%F)" games'
            ),
            undo="usermod --password '*' games; chage --mindays 0 --maxdays -1 games",
            touches=("passwd",),
        ),
    ),
    kisa(
        "U-08",
        "pipc-5-1",
        "ismsp-2.5.5",
        "efsr-13-3",
        "iso-a.8.2",
        judge=few_are_admins,
        breaker=Breaker(
            how="the canary becomes a member of sudo",
            script="gpasswd --add sentinel sudo",
            undo="gpasswd --delete sentinel sudo",
            touches=("group",),
            also=("accounts-groups-exact",),
        ),
    ),
    kisa(
        "U-09",
        "ismsp-2.5.1",
        "iso-a.5.18",
        judge=groups_have_members,
        breaker=Breaker(
            how="a group that nobody is in",
            script="groupadd --gid 4321 breaker-group",
            mend="undo",
            undo="groupdel breaker-group",
            touches=("group",),
        ),
    ),
    kisa(
        "U-10",
        "pipc-5-4",
        "ismsp-2.5.2",
        "efsr-13-1-1",
        "iso-a.5.16",
        judge=uids_are_unique,
        breaker=Breaker(
            how="a second account has the UID of games",
            script=(
                "echo 'breaker-twin:x:5:65534::/nonexistent:/usr/sbin/nologin' >> /etc/passwd && "
                "echo 'breaker-twin:*:20000::::::' >> /etc/shadow"
            ),
            mend="undo",
            undo="sed -i '/^breaker-twin:/d' /etc/passwd /etc/shadow",
            touches=("passwd",),
        ),
    ),
    kisa(
        "U-11",
        "ismsp-2.5.1",
        "iso-a.8.2",
        judge=services_have_no_shell,
        breaker=Breaker(
            how="a stock account gets a shell", script="usermod --shell /bin/sh games", touches=("passwd",)
        ),
    ),
    kisa(
        "U-31",
        "ismsp-2.6.2",
        "iso-a.8.3",
        judge=homes_are_closed,
        breaker=Breaker(
            how="a home is opened to others", script="chmod 755 /home/sentinel", touches=("home:sentinel",)
        ),
    ),
    kisa(
        "U-32",
        "ismsp-2.5.1",
        "iso-a.8.3",
        judge=homes_exist,
        breaker=Breaker(
            how="a home is away",
            script="mv /home/jisoo /home/jisoo.away",
            undo="test ! -d /home/jisoo.away || { rm -rf /home/jisoo && mv /home/jisoo.away /home/jisoo; }",
            touches=("home:jisoo",),
            # Who never logged in is counted from the home.
            also=("accounts-in-use",),
        ),
    ),
    kisa(
        "U-55",
        "efsr-17-3",
        "iso-a.8.2",
        judge=ftp_has_no_shell,
        breaker=Breaker(
            how="an account ftp with a shell",
            script=(
                "echo 'ftp:x:982:65534::/nonexistent:/bin/sh' >> /etc/passwd && echo 'ftp:*:20000::::::' >> /etc/shadow"
            ),
            mend="undo",
            undo="sed -i '/^ftp:/d' /etc/passwd /etc/shadow",
            touches=("passwd",),
            also=("U-11", "accounts-only-declared"),
        ),
    ),
)
