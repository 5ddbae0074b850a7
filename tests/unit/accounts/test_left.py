"""What a person left behind that lends rights: found, disarmed, and nothing of the system's with it."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import hold, leave, left, report
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError, Disarm
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Armed

from .conftest import account, desired, host, wanted

ME = os.getuid()


@pytest.fixture(name="tree")
def a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a tree whose owner, whoever runs the tests, counts as a person, with nothing mounted in it."""
    mounts = tmp_path.with_name("mounts")
    mounts.write_text(f"a {tmp_path}/mounted\\040here ext4 rw 0 0\n")
    monkeypatch.setattr(left, "MOUNTS", str(mounts))
    monkeypatch.setattr(left, "is_person", lambda uid: uid == ME)
    return tmp_path


def put(path: Path, mode: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    path.chmod(mode)
    return str(path)


def test_what_lends_rights_is_found(tree: Path) -> None:
    """Set-ID bits are; plain programs, folders with such bits, links, and what is mounted there are not."""
    suid, sgid = put(tree / "a/suid", 0o4755), put(tree / "sgid", 0o2755)
    put(tree / "plain", 0o755)
    put(tree / "mounted here/sudo", 0o4755)
    (tree / "a").chmod(0o2755)
    (tree / "link").symlink_to(suid)

    found = sorted(left.search([str(tree)]), key=lambda row: row.path)

    assert [(row.path, row.how, row.people, row.own) for row in found] == [
        (suid, ("set-uid",), {ME}, True),
        (sgid, ("set-gid",), {ME}, True),
    ]


def test_capabilities_are_rights_too(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stand in an attribute that only root can write, so it is a made-up one here."""
    path = put(tree / "ping", 0o755)
    monkeypatch.setattr(left.os, "getxattr", lambda name, *_, **__: b"" if name == path else os.getxattr("/", "user.x"))

    assert [(row.path, row.how) for row in left.search([str(tree)])] == [(path, ("capabilities",))]


def test_a_file_of_root_below_a_folder_of_hers_counts(tmp_path: Path) -> None:
    """Whatever `sudo -i` made there; and a second name of it makes it the system's, which is nobody's to change."""
    (tmp_path / "f").touch()
    seen = (tmp_path / "f").stat()

    def status(mode: int, uid: int, links: int = 1) -> os.stat_result:
        return os.stat_result((mode, 7, seen.st_dev, links, uid, uid, *seen[6:]))

    watch = left.Watch(str(tmp_path))
    for path, uid in (("/home", 0), ("/home/ann", 1001), ("/home/ann/bin", 0)):
        assert watch.see(path, status(stat.S_IFDIR | 0o755, uid)) is None
    roots, linked = (watch.see("/home/ann/bin/sh", status(stat.S_IFREG | 0o4755, 0, links)) for links in (1, 2))
    other = watch.see("/usr/bin/sudo", status(stat.S_IFREG | 0o4755, 0))

    assert roots
    assert linked
    assert (roots.people & {1001}, roots.own, linked.own, other is None or 1001 not in other.people) == (
        {1001},
        True,
        False,
        True,
    )


def test_a_search_that_takes_too_long_is_given_up(tree: Path) -> None:
    """A denial does not wait for a million files, and says so."""
    for number in range(4100):
        (tree / str(number)).touch()

    with pytest.raises(AccountError, match="too many files"):
        list(left.search([str(tree)], until=0))


def test_a_file_is_disarmed_and_stays(tree: Path) -> None:
    """Its bits go, its content does not; another file that took its name meanwhile is not touched."""
    path = put(tree / "suid", 0o6755)
    (found,) = left.search([str(tree)])
    hold.disarm(path, found.place)

    assert (stat.S_IMODE(Path(path).stat().st_mode), Path(path).read_text()) == (0o755, "x")
    assert list(left.search([str(tree)])) == []
    Path(path).rename(tree / "kept")
    other = put(tree / "suid", 0o4755)
    with pytest.raises(FileNotFoundError, match="another file"):
        hold.disarm(other, found.place)
    assert stat.S_IMODE(Path(other).stat().st_mode) == 0o4755


def armed(path: str, *, own: bool = True) -> Armed:
    return Armed(path=path, how=("set-uid",), people=frozenset({1001}), own=own, place=(1, 2))


@pytest.mark.parametrize("status", ["disabled", "absent"])
def test_a_plan_takes_the_rights_before_the_account_goes(status: str) -> None:
    """Of whoever is disabled or absent; a number that is free again owns nothing that lends rights."""
    out = replace(account("ann"), expires=1, hash_kind="locked", shell="/usr/sbin/nologin", groups=frozenset())  # noqa: S604 - no program is run
    now = replace(host(out), armed=lambda _: (armed("/srv/x"), armed("/home/ann/sudo", own=False)))
    planned = (leave.plan_disabled if status == "disabled" else leave.plan_absent)(now, "ann", ())

    assert [act for change in planned[:1] for act in change.acts] == [Disarm("/srv/x", (1, 2))]
    assert (planned[0].what, planned[0].before) == ("/srv/x", "set-uid")
    assert len(planned) == (1 if status == "disabled" else 2)


def test_a_name_of_the_system_s_program_is_told_and_not_touched() -> None:
    """/usr/bin/sudo, linked into a home: to take its bit away would take root from the automation."""
    now = replace(host(account("ann")), armed=lambda _: (armed("/home/ann/sudo", own=False),))
    found = report.report(now, desired(wanted("ann", "disabled")))

    assert found["left_behind"] == [{"id": "ann", "path": "/home/ann/sudo", "how": ["set-uid"]}]
    assert any("/home/ann/sudo (set-uid, ann)" in line for line in report.remarks(found))
    assert left.plan(now, "ann") == ()
