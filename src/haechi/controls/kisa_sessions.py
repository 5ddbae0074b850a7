"""KISA's items about what a login gets: U-01, U-12, U-14, U-30, U-62."""

from __future__ import annotations

from haechi.controls.kisa_item import Bound, beyond, kisa, named, number, pam_lines, setting, unless, values
from haechi.controls.model import Breaker, Case, Verdict, none_of
from haechi.observe.posture import UnknownError

MOST_IDLE_S = 600
GROUP_AND_OTHERS_WRITE = 0o022
CLOSED = 0o077
ROOT_HOME = "/root"
NOTICES = ("/etc/issue", "/etc/issue.net", "/etc/motd")


def root_stays_out(case: Case) -> Verdict:
    """U-01, by what sshd itself says, for the named accounts too."""
    expected = "sshd -T: permitrootlogin no"
    sshd = case.posture.sshd
    if "root" not in sshd.users:
        raise UnknownError("sshd: nobody asked about root")
    wrong = [
        f"for {user}: permitrootlogin {said['permitrootlogin']}"
        for user, said in sshd.users.items()
        if said.get("permitrootlogin", "no") != "no"
    ]
    said = setting(sshd, "permitrootlogin")
    if said != "no":
        wrong.append(f"permitrootlogin {said}")
    if sshd.stale:
        wrong.append(f"changed since sshd read them: {', '.join(sshd.stale)}")
    return none_of(wrong, expected, f"permitrootlogin {said}, sshd {sshd.version}")


def idle_shells_end(case: Case) -> Verdict:
    """U-12, by what a login shell has in TMOUT."""
    login = case.posture.login
    expected = f"TMOUT of 1 to {MOST_IDLE_S} s in a login shell"
    right = 0 < (number({"TMOUT": login.idle_s}, "TMOUT") or 0) <= MOST_IDLE_S
    return none_of(unless(right, f"TMOUT {login.idle_s or 'is not set'}"), expected, f"TMOUT {login.idle_s}")


def root_runs_what_it_means(case: Case) -> Verdict:
    """U-14: nobody else chooses which program root starts, or writes into root's home."""
    path = case.posture.login.path
    wrong = [f"PATH part {part!r}" for part in path.split(":") if not part.startswith("/")]
    # Debian's merged /usr: these are links.
    folders = {f"/usr{part}" if part in {"/bin", "/sbin"} else part for part in path.split(":") if part[:1] == "/"}
    rows = named(case.posture.modes, sorted(folders))
    wrong += beyond(rows, Bound(paths=(), top=0o7755))
    home = next((home for home in case.posture.homes if home.path == ROOT_HOME), None)
    if home is None:
        raise UnknownError("homes: nobody looked at root's")
    if home.mode is None or int(home.mode, 8) & CLOSED or home.uid != 0:
        wrong.append(f"{ROOT_HOME} has mode {home.mode}, uid {home.uid}")
    expected = "absolute folders that root alone can write, and root's home closed to others"
    return none_of(wrong, expected, f"PATH {path}, {ROOT_HOME} {home.mode}")


def new_files_are_closed(case: Case) -> Verdict:
    """U-30, in a login shell, in PAM's sessions and for what useradd makes."""
    shell, made = case.posture.login.umask, values(case, "login.defs").get("UMASK", "")
    session = [word for line in pam_lines(case, "common-session", "pam_umask.so") for word in line[3:]]
    stated = [word.removeprefix("umask=") for word in session if word.startswith("umask=")]
    wrong = [
        *unless(_closes(shell), f"umask {shell} in a login shell"),
        *unless(_closes(made), f"UMASK {made or 'is not set'} in login.defs"),
        *unless(bool(stated) and all(map(_closes, stated)), f"PAM sets umask {', '.join(stated) or 'nowhere'}"),
    ]
    return none_of(wrong, "umask 022 or stricter", f"umask {shell} in a login shell, {made} in login.defs")


def strangers_are_warned(case: Case) -> Verdict:
    """U-62: policy's banner before and after login, on the console and by SSH, and nothing about the system."""
    banner = str(case.desired["baseline"]["banner"]).strip()
    texts, shown = case.posture.login.texts, setting(case.posture.sshd, "banner")
    unread = [path for path in NOTICES if path not in texts]
    if unread:
        raise UnknownError(f"login: {', '.join(unread)} was not read")
    wrong = [
        f"{path} is not policy's banner: {texts[path].strip()[:40]!r}"
        for path in NOTICES
        if texts[path].strip() != banner
    ]
    wrong += unless(shown == "/etc/issue.net", f"sshd shows {shown} before login")
    said = case.posture.sshd.settings.get("debianbanner", "no")
    wrong += unless(said == "no", "sshd names Debian's release in its greeting")
    return none_of(
        wrong, "policy's banner and nothing about the system", f"the banner in {', '.join(NOTICES)}, by sshd too"
    )


def _closes(umask: str) -> bool:
    octal = bool(umask) and set(umask) <= set("01234567")
    return octal and int(umask, 8) & GROUP_AND_OTHERS_WRITE == GROUP_AND_OTHERS_WRITE


CONTROLS = (
    kisa(
        "U-01",
        "pipc-5-4",
        "ismsp-2.5.5",
        "ismsp-2.6.6",
        "iso-a.8.2",
        judge=root_stays_out,
        breaker=Breaker(
            how="an earlier drop-in lets root in by key",
            script=(
                "echo 'PermitRootLogin prohibit-password' > /etc/ssh/sshd_config.d/05-haechi-bootstrap.conf && "
                "systemctl reload ssh"
            ),
            touches=("sshd",),
            also=("sshd-no-root", "sshd-effective"),
        ),
    ),
    kisa(
        "U-12",
        "pipc-6-4",
        "ismsp-2.5.3",
        "iso-a.8.5",
        judge=idle_shells_end,
        breaker=Breaker(
            how="the shell's timeout is taken away",
            script="sed -i 's/^  TMOUT=.*/  TMOUT=0/' /etc/profile.d/haechi.sh",
            touches=("file:/etc/profile.d/haechi.sh",),
        ),
    ),
    kisa(
        "U-14",
        "ismsp-2.5.5",
        "iso-a.8.18",
        judge=root_runs_what_it_means,
        breaker=Breaker(
            how="root's PATH begins with the current folder",
            script="echo 'PATH=.:$PATH' > /etc/profile.d/zz-breaker.sh",
            mend="undo",
            undo="rm -f /etc/profile.d/zz-breaker.sh",
            touches=("file:/etc/profile.d/zz-breaker.sh",),
        ),
    ),
    kisa(
        "U-30",
        "ismsp-2.6.2",
        "iso-a.8.3",
        judge=new_files_are_closed,
        breaker=Breaker(
            how="login shells open new files to others",
            script="sed -i 's/^umask .*/umask 002/' /etc/profile.d/haechi.sh",
            touches=("file:/etc/profile.d/haechi.sh",),
        ),
    ),
    kisa(
        "U-62",
        "ismsp-2.6.2",
        "iso-a.8.5",
        judge=strangers_are_warned,
        breaker=Breaker(
            how="the console says which system this is",
            script="echo 'Debian GNU/Linux' > /etc/issue",
            touches=("file:/etc/issue",),
        ),
    ),
)
