"""KISA's items about the modes and owners of files: U-16 to U-22, U-24, U-27, U-29, U-37, U-63, U-67."""

from __future__ import annotations

from haechi.controls.kisa_item import Bound, beyond, kisa, looked_at, named, overstepped, within
from haechi.controls.model import Breaker, Case, Verdict, none_of
from haechi.observe.posture import UnknownError

GROUP_AND_OTHERS_WRITE = 0o022
TRUST = frozenset({".rhosts", ".shosts"})
TRUSTED_HOSTS = ("/etc/hosts.equiv", "/etc/shosts.equiv")
ALLOWED, DENIED = ("/etc/cron.allow", "/etc/at.allow"), ("/etc/cron.deny", "/etc/at.deny")
# Written by set-GID utmp programs and read by last(1).
RECORDS = frozenset(f"/var/log/{name}" for name in ("btmp", "btmp.1", "wtmp", "wtmp.1", "lastlog", "faillog"))

SHELL_FILES = (
    Bound(paths=("/etc/profile", "/etc/profile.d/*", "/etc/bash.bashrc", "/etc/environment"), top=0o755),
    Bound(paths=("/etc/skel/**",), top=0o755),
)
CRON_FILES = (
    Bound(paths=("/usr/bin/crontab", "/usr/bin/at"), top=0o750),
    Bound(paths=("/etc/crontab", "/etc/cron.d/*", *ALLOWED), top=0o640),
    Bound(paths=("/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly"), top=0o750),
    Bound(paths=("/etc/cron.monthly", "/etc/cron.yearly"), top=0o750),
    Bound(paths=("/var/spool/cron/crontabs/**",), top=0o600, owner=None),
)


def start_files_are_safe(case: Case) -> Verdict:
    """U-24: of the system and in homes."""
    wrong, rows = overstepped(case, SHELL_FILES)
    uids = {row.name: row.uid for row in case.posture.accounts.rows}
    for home in case.posture.homes:
        for file in home.files:
            path = f"{home.path}/{file.name}"
            if file.uid not in {uids.get(home.account), 0}:
                wrong.append(f"{path} belongs to uid {file.uid}")
            if int(file.mode, 8) & GROUP_AND_OTHERS_WRITE:
                wrong.append(f"{path} has mode {file.mode}")
    count = sum(len(home.files) for home in case.posture.homes)
    expected = "shell start files owned by root or their account, and nobody else can write them"
    return none_of(wrong, expected, f"{looked_at(rows)}; {count} files in {len(case.posture.homes)} homes")


def no_host_is_trusted(case: Case) -> Verdict:
    """U-27."""
    here = [row.path for row in named(case.posture.modes, TRUSTED_HOSTS)]
    homes = case.posture.homes
    here += [f"{home.path}/{file.name}" for home in homes for file in home.files if file.name in TRUST]
    return none_of(
        here, "no hosts.equiv and no .rhosts", f"no {', no '.join(TRUSTED_HOSTS)}, none in {len(homes)} homes"
    )


def only_root_plans(case: Case) -> Verdict:
    """U-37: commands, tables and folders of cron and at, and who may use them."""
    wrong, rows = overstepped(case, CRON_FILES)
    wrong += [f"{row.path} is here" for row in named(case.posture.modes, DENIED)]
    for path in ALLOWED:
        if not named(case.posture.modes, [path]):
            wrong.append(f"there is no {path}")
            continue
        if path not in case.posture.login.texts:
            raise UnknownError(f"login: {path} was not read")
        others = sorted(set(case.posture.login.texts[path].split()) - {"root"})
        wrong += [f"{path} names {name}" for name in others]
    return none_of(wrong, "cron and at for root alone, their files closed to others", looked_at(rows))


def logs_are_closed(case: Case) -> Verdict:
    """U-67: logs of services keep their owner, so the bound is on the mode."""
    bound = Bound(paths=("/var/log/**",), top=0o644, owner=None, but=RECORDS)
    rows = named(case.posture.modes, bound.paths)
    kept = sum(row.path in RECORDS for row in rows)
    return none_of(beyond(rows, bound), bound.text(), f"{len(rows)} files, {kept} of them login records of group utmp")


CONTROLS = (
    kisa(
        "U-16",
        "ismsp-2.6.2",
        "iso-a.8.3",
        judge=within(
            Bound(paths=("/etc/passwd", "/etc/passwd-", "/etc/group", "/etc/group-"), top=0o644), must="/etc/passwd"
        ),
        breaker=Breaker(how="a group can write /etc/passwd", script="chmod 664 /etc/passwd", touches=("passwd",)),
    ),
    kisa(
        "U-17",
        "ismsp-2.6.2",
        "iso-a.8.9",
        judge=within(Bound(paths=("/etc/init.d/**", "/etc/systemd/system/**"), top=0o755)),
        breaker=Breaker(
            how="a start-up script that a group can write",
            script="install -m 664 /dev/null /etc/init.d/breaker",
            undo="rm -f /etc/init.d/breaker",
            touches=("file:/etc/init.d/breaker",),
        ),
    ),
    kisa(
        "U-18",
        "pipc-7-1",
        "ismsp-2.5.4",
        "iso-a.5.17",
        judge=within(
            Bound(paths=("/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-"), top=0o400),
            Bound(paths=("/etc/security/opasswd",), top=0o600),
            must="/etc/shadow",
        ),
        breaker=Breaker(how="a group can read /etc/shadow", script="chmod 640 /etc/shadow", touches=("passwd",)),
    ),
    kisa(
        "U-19",
        "ismsp-2.6.2",
        "iso-a.8.3",
        judge=within(Bound(paths=("/etc/hosts", "/etc/hosts.allow", "/etc/hosts.deny"), top=0o644), must="/etc/hosts"),
        breaker=Breaker(
            how="a group can write /etc/hosts.allow",
            script="install -m 664 /dev/null /etc/hosts.allow",
            undo="rm -f /etc/hosts.allow",
            touches=("file:/etc/hosts.allow",),
        ),
    ),
    kisa(
        "U-20",
        "ismsp-2.6.2",
        "iso-a.8.9",
        judge=within(Bound(paths=("/etc/inetd.conf", "/etc/xinetd.conf", "/etc/xinetd.d/*"), top=0o600)),
        breaker=Breaker(
            how="everybody can read an inetd.conf",
            script="install -m 644 /dev/null /etc/inetd.conf",
            undo="rm -f /etc/inetd.conf",
            touches=("file:/etc/inetd.conf",),
        ),
    ),
    kisa(
        "U-21",
        "ismsp-2.9.4",
        "iso-a.8.15",
        judge=within(Bound(paths=("/etc/rsyslog.conf", "/etc/rsyslog.d/*", "/etc/syslog.conf"), top=0o640)),
        breaker=Breaker(
            how="everybody can read a syslog.conf",
            script="install -m 644 /dev/null /etc/syslog.conf",
            undo="rm -f /etc/syslog.conf",
            touches=("file:/etc/syslog.conf",),
        ),
    ),
    kisa(
        "U-22",
        "ismsp-2.6.2",
        "iso-a.8.9",
        judge=within(Bound(paths=("/etc/services",), top=0o644)),
        breaker=Breaker(
            how="a group can write /etc/services",
            script="test -e /etc/services || touch /etc/services.breaker /etc/services; chmod 664 /etc/services",
            undo="test ! -e /etc/services.breaker || rm -f /etc/services.breaker /etc/services",
            touches=("file:/etc/services",),
        ),
    ),
    kisa(
        "U-24",
        "ismsp-2.6.2",
        "iso-a.8.3",
        judge=start_files_are_safe,
        breaker=Breaker(
            how="a group can write /etc/profile", script="chmod 664 /etc/profile", touches=("file:/etc/profile",)
        ),
    ),
    kisa(
        "U-27",
        "ismsp-2.6.2",
        "iso-a.8.5",
        judge=no_host_is_trusted,
        breaker=Breaker(
            how="root trusts every host by .rhosts", script="echo + > /root/.rhosts", touches=("file:/root/.rhosts",)
        ),
    ),
    kisa(
        "U-29",
        "ismsp-2.6.2",
        "iso-a.8.9",
        judge=within(Bound(paths=("/etc/hosts.lpd",), top=0o600)),
        breaker=Breaker(
            how="everybody can read a hosts.lpd",
            script="install -m 644 /dev/null /etc/hosts.lpd",
            undo="rm -f /etc/hosts.lpd",
            touches=("file:/etc/hosts.lpd",),
        ),
    ),
    kisa(
        "U-37",
        "ismsp-2.6.2",
        "iso-a.8.18",
        judge=only_root_plans,
        breaker=Breaker(
            how="one more account may use cron",
            script="echo games >> /etc/cron.allow",
            touches=("file:/etc/cron.allow",),
        ),
    ),
    kisa(
        "U-63",
        "pipc-5-1",
        "ismsp-2.5.5",
        "iso-a.8.2",
        judge=within(
            Bound(paths=("/etc/sudoers", "/etc/sudoers.d/*"), top=0o640), Bound(paths=("/etc/sudoers.d",), top=0o750)
        ),
        breaker=Breaker(
            how="everybody can read /etc/sudoers",
            script="chmod 444 /etc/sudoers",
            touches=("file:/etc/sudoers",),
            also=("sudo-valid",),
        ),
    ),
    kisa(
        "U-67",
        "pipc-8-3",
        "ismsp-2.9.4",
        "iso-a.5.33",
        judge=logs_are_closed,
        breaker=Breaker(
            how="a group can write a log",
            script="install -m 664 /dev/null /var/log/breaker.log",
            undo="rm -f /var/log/breaker.log",
            touches=("file:/var/log/breaker.log",),
        ),
    ),
)
