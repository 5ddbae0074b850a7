"""What holds for every host and every wish, not for examples alone."""

from __future__ import annotations

from ansible_collections.haechi.guard.plugins.module_utils.accounts import plan, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Account, Current, KeyFile, Process
from hypothesis import given
from hypothesis import strategies as st

from .conftest import ANN, BOB, TODAY, Paper, account, central, desired, host, wanted

NAMES = ("ann", "bob", "eve")
UNITS = ("/user.slice/user-1001.slice/session-1.scope", "/system.slice/x.service", "/system.slice/cron.service", "/")


@st.composite
def accounts(draw: st.DrawFn, name: str, uid: int) -> Account:
    more = {
        "uid": uid,
        "gid": uid,
        "home_uid": uid,
        "shell": draw(st.sampled_from(["/bin/bash", "/usr/sbin/nologin", "/bin/zsh"])),
        "hash_kind": draw(st.sampled_from(["none", "locked", "set", "empty"])),
        "changed": draw(st.sampled_from([0, None, TODAY])),
        "max": draw(st.sampled_from([None, 90, 99999])),
        "inactive": draw(st.sampled_from([None, 30])),
        "expires": draw(st.sampled_from([None, 1, TODAY + 9])),
        "groups": draw(st.frozensets(st.sampled_from(["haechi-login", "sudo", "adm"]))),
        "home_mode": draw(st.sampled_from([None, 0o700, 0o755])),
    }
    return account(name, **more)


@st.composite
def hosts(draw: st.DrawFn) -> Current:
    present = draw(st.sets(st.sampled_from(NAMES)))
    everyone = [draw(accounts(name, 1001 + NAMES.index(name))) for name in sorted(present)]
    keys = st.lists(st.sampled_from([ANN, BOB]), unique=True)
    files = [central(name, *draw(keys)) for name in draw(st.sets(st.sampled_from(NAMES)))]
    homes = (
        [
            KeyFile(f"/home/{name}/.ssh/authorized_keys", name, f"{BOB}\n", safe=False)
            for name in draw(st.sets(st.sampled_from(sorted(present))))
        ]
        if present
        else []
    )
    uids = st.sampled_from([0, 1001, 1002, 1003])
    processes = st.builds(
        Process,
        st.integers(2, 99),
        st.frozensets(uids, min_size=1),
        st.none() | uids,
        st.just("x"),
        st.sampled_from(UNITS),
    )
    return host(
        *everyone,
        groups=draw(st.frozensets(st.sampled_from(["haechi-login", "adm", "ann"]))),
        key_files=(*files, *homes),
        keys_folder=draw(st.booleans()),
        sudoers=tuple(f"haechi-{name}" for name in sorted(draw(st.sets(st.sampled_from(NAMES))))),
        processes=tuple(draw(st.lists(processes, max_size=3))),
        jobs={name: (f"/var/spool/cron/crontabs/{name}",) for name in present & draw(st.sets(st.sampled_from(NAMES)))},
        lingering=frozenset(draw(st.sets(st.sampled_from(sorted(present)))) if present else ()),
    )


WANTS = st.builds(
    desired,
    st.sampled_from(["active", "disabled", "absent"]).map(lambda status: wanted("ann", status)),
    st.sampled_from(["active", "disabled", "absent"]).map(
        lambda status: wanted("bob", status, keys=[BOB], groups=["adm", "haechi-login"] if status == "active" else [])
    ),
    unknown=st.sampled_from(["report", "remove"]),
)


@given(now=hosts(), wants=WANTS)
def test_a_plan_that_was_applied_leaves_nothing_to_plan(now: Current, wants: dict) -> None:
    """Idempotence as a law, for every host and every wish."""
    after = Paper(now).apply(plan.plan(now, wants))

    assert plan.plan(after, wants) == ()


@given(now=hosts())
def test_who_is_disabled_has_no_door_left(now: Current) -> None:
    """After the plan nothing lets ann in, whatever there was."""
    after = Paper(now).apply(plan.plan(now, desired(wanted("ann", "disabled"), wanted("bob", keys=[BOB]))))
    ann = after.accounts.get("ann")

    assert not [
        file for file in after.key_files if state.fingerprint(ANN) in state.fingerprints(file.text.splitlines())
    ]
    assert "haechi-ann" not in after.sudoers
    assert ann is None or (ann.expired(TODAY) and not ann.groups and ann.hash_kind == "locked")
