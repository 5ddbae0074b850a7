"""Key-value files as the programs that read them would take them."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, names, read, read_if

# systemd.syntax(7) and systemd-system.conf(5): earlier folders win for files of one name, later names win for keys.
FOLDERS = ("/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd")
SYSTEMD = ("journald.conf", "timesyncd.conf", "coredump.conf", "system.conf")
# timesyncd.conf(5): what is named again is added, and an empty value begins anew.
LISTS = frozenset({"NTP", "FallbackNTP"})
SECURITY = "/etc/security"
ALLOWED = ("cron.allow", "at.allow")


def settings(_: Question) -> Reader:
    """Every file that guides speak about."""
    return lambda: {
        "files": {
            "login.defs": spaced(read("/etc/login.defs")),
            "faillock.conf": assigned([read_if(f"{SECURITY}/faillock.conf")]),
            "pwquality.conf": assigned(_pwquality()),
            "limits": limits([read_if(f"{SECURITY}/limits.conf"), *_drop_ins(f"{SECURITY}/limits.d")]),
            **{name: assigned(systemd_texts(name)) for name in SYSTEMD},
            **{name: listed(read(f"/etc/{name}")) for name in ALLOWED if name in names("/etc")},
        }
    }


def _drop_ins(folder: str) -> list[str]:
    return [read(f"{folder}/{name}") for name in names(folder) if name.endswith(".conf")]


def _pwquality() -> list[str]:
    """pwquality.conf(5): the folder is read first, so the file itself has the last word."""
    return [*_drop_ins(f"{SECURITY}/pwquality.conf.d"), read_if(f"{SECURITY}/pwquality.conf")]


def systemd_texts(name: str, folders: Iterable[str] = FOLDERS) -> list[str]:
    """Return the texts of a configuration of systemd's, main file first, in the order in which they take effect."""
    folders = tuple(folders)
    mains = [folder for folder in folders if name in names(folder)]
    chosen: dict[str, str] = {}
    for folder in folders:
        for drop_in in names(f"{folder}/{name}.d"):
            if drop_in.endswith(".conf"):
                chosen.setdefault(drop_in, f"{folder}/{name}.d/{drop_in}")
    return [
        read_if(path)
        for path in [*(f"{folder}/{name}" for folder in mains[:1]), *dict(sorted(chosen.items())).values()]
    ]


def assigned(texts: Iterable[str]) -> dict[str, str]:
    """Return ``key = value`` and bare ``key`` of some texts; what comes later wins, sections make no difference."""
    found: dict[str, str] = {}
    for line in (line.strip() for text in texts for line in text.replace("\\\n", " ").splitlines()):
        if not line or line[0] in "#;[":
            continue
        key, _, value = (part.strip() for part in line.partition("="))
        both = key in LISTS and value and found.get(key)
        found[key] = f"{found[key]} {value}" if both else value
    return found


def spaced(text: str) -> dict[str, str]:
    """Return ``KEY value`` lines (login.defs(5)); the first of a key counts in shadow's tools, as in ours."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split(maxsplit=1)
        if words and not words[0].startswith("#"):
            found[words[0]] = words[1].strip().strip('"') if words[1:] else ""
    return found


def limits(texts: Iterable[str]) -> dict[str, str]:
    """Return the limits of pam_limits, ``domain type item`` to value; later files win (limits.conf(5)).

    A dash for a type is both soft and hard, and stands for itself as well until one of them is set otherwise.
    """
    found: dict[str, str] = {}
    for row in (line.partition("#")[0].split() for text in texts for line in text.splitlines()):
        if len(row) != len(("domain", "type", "item", "value")):
            continue
        domain, kind, item, value = row
        found.pop(f"{domain} - {item}", None)
        for one in (kind, "soft", "hard") if kind == "-" else (kind,):
            found[f"{domain} {one} {item}"] = value
    return found


def listed(text: str) -> dict[str, str]:
    """Return the lines of a list as keys without value."""
    return {line.strip(): "" for line in text.splitlines() if line.strip() and not line.startswith("#")}
