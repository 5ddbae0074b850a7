"""KISA's items about logs, time and patches: U-64 to U-66."""

from __future__ import annotations

from haechi.controls.kisa_item import kisa, unless, values
from haechi.controls.model import Breaker, Case, Verdict, failed, none_of, not_here, passed

CLIENT = "systemd-timesyncd.service"
SERVER = "chrony.service"
DROP_IN = "/etc/systemd/timesyncd.conf.d/10-haechi.conf"


def clock_follows(case: Case) -> Verdict:
    """U-65: the site's one time server, and no other; whether the clock does, only a machine of its own shows."""
    clock, server = case.posture.clock, case.desired["baseline"]["time_server"]
    if server is None:
        return _serves(case)
    expected = f"the clock follows {server} alone"
    fallback = values(case, "timesyncd.conf").get("FallbackNTP")
    wrong = [
        *unless(clock.service == CLIENT, f"{clock.service or 'no time client'} instead of {CLIENT}"),
        *unless(clock.server == server, f"it follows {clock.server or 'nobody'}"),
        *unless(fallback == "", f"FallbackNTP {fallback or 'is not emptied'}"),
    ]
    if wrong:
        return none_of(wrong, expected, "")
    return _settled(case, f"{clock.service} is told to follow {clock.server}", expected)


def _serves(case: Case) -> Verdict:
    """Judge the site's time server, which keeps the time by chrony; without one each clock is left to itself."""
    clock, expected = case.posture.clock, "the site's time server runs and follows a source outside"
    if case.policy.site.time_server is None:
        return failed("policy names no time server", expected)
    if clock.service != SERVER:
        return failed(f"{clock.service or 'nothing'} serves the time instead of {SERVER}", expected)
    return _settled(case, f"{clock.service} runs, sources {clock.server or 'none'}", expected)


def _settled(case: Case, told: str, expected: str) -> Verdict:
    """Judge whether a clock that is set up right has got its time, too."""
    if case.posture.clock.synchronised:
        return passed(f"{told}, synchronised", expected)
    if case.posture.host.container:
        return not_here(f"{told}; a container has the clock of its machine", expected)
    return failed(f"{told}, not synchronised", expected)


def logs_are_kept(case: Case) -> Verdict:
    """U-66: journald is told to keep its records on the disk, and holds a file there open."""
    storage, journal = values(case, "journald.conf").get("Storage", ""), case.posture.journal
    wrong = [
        *unless(storage == "persistent", f"Storage {storage or 'is not set'}"),
        *unless(journal.persistent, "the running journald writes nothing to the disk"),
        *unless(journal.disk_bytes > 0, "nothing is on the disk"),
    ]
    return none_of(
        wrong, "the journal is kept on the disk", f"Storage {storage}, {journal.disk_bytes} bytes on the disk"
    )


CONTROLS = (
    kisa(
        "U-64",
        "efsr-14-4",
        "efsr-15-1-2",
        "pipc-9-2",
        "ismsp-2.10.8",
        "ismsp-2.11.2",
        "iso-a.8.8",
        reason=(
            "Whether every security update is in is told by Debian's security tracker of the day, which a look at the "
            "host alone does not hold; staged patching is a role of its own, and until then a person compares."
        ),
    ),
    kisa(
        "U-65",
        "ismsp-2.9.6",
        "iso-a.8.17",
        judge=clock_follows,
        breaker=Breaker(
            how="the clock follows a stranger",
            script=f"sed -i 's/^NTP=.*/NTP=192.0.2.1/' {DROP_IN}",
            touches=(f"file:{DROP_IN}",),
            also=("one-clock",),
            hosts=("gw1", "edge1", "edge2", "app1", "db1", "vault1", "log1", "backup1"),
        ),
    ),
    kisa(
        "U-66",
        "pipc-8-2",
        "efsr-13-1-9",
        "efsr-14-6",
        "ismsp-2.9.4",
        "iso-a.8.15",
        judge=logs_are_kept,
        breaker=Breaker(
            how="the journal is kept in memory",
            script="sed -i 's/^Storage=.*/Storage=volatile/' /etc/systemd/journald.conf.d/10-haechi.conf",
            touches=("file:/etc/systemd/journald.conf.d/10-haechi.conf",),
        ),
    ),
)
