"""Services, kernel values, login.defs, homes, files of our own, and the document that policy becomes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import tree
from ansible_collections.haechi.guard.plugins.module_utils.baseline import homes, system
from ansible_collections.haechi.guard.plugins.module_utils.baseline.change import Remove, Run, SetMode, Write
from ansible_collections.haechi.guard.plugins.module_utils.baseline.people import Account

from haechi.desired import baseline
from haechi.policy.models import Policy

ANN = Account("ann", 1001, 1001, "/home/ann", "/bin/bash", "!")


def acts(plan: object) -> list[object]:
    return [act for change in plan.changes for act in change.acts]


def test_only_services_that_exist_are_masked() -> None:
    """A mask of what is not there would be a change on every host for nothing."""
    units = {"U-58": ["snmpd.service", "snmptrapd.service"], "U-42": ["rpcbind.socket"], "U-34": ["fingerd.service"]}
    seen = {
        "snmpd.service": system.Unit(present=True, masked=False, own=False),
        "snmptrapd.service": system.Unit(present=True, masked=True, own=False),
        "rpcbind.socket": system.Unit(present=False, masked=False, own=False),
        "fingerd.service": system.Unit(present=True, masked=False, own=True),
    }
    plan = system.plan_units(units, seen)

    assert acts(plan) == [Run(("systemctl", "mask", "--now", "snmpd.service"))]
    assert [finding.target for finding in plan.findings] == ["fingerd.service"]


def test_a_value_that_this_machine_cannot_have_is_never_done() -> None:
    """A container's green line about a kernel value would be a lie."""
    wanted = {"a.b": "1", "c.d": "1", "e.f": "1", "g.h": "1"}
    seen = [
        system.Kernel("a.b", "0", writable=True),
        system.Kernel("c.d", "0", writable=False),
        system.Kernel("e.f", None, writable=False),
        system.Kernel("g.h", "1", writable=False),
    ]
    plan = system.plan_kernel(wanted, seen)

    assert acts(plan) == [Write("/proc/sys/a/b", "1", in_place=True)]
    assert [(item.target, item.seen) for item in plan.not_real] == [("c.d", "0"), ("e.f", "None")]


def test_a_pattern_stands_for_the_interfaces_that_are_there(tmp_path: Path) -> None:
    """`all` does not reach them; a name in full counts more, and a dot inside of a name is told from one between."""
    for name in ("all", "default", "eth0", "eth0.100"):
        (tmp_path / "net/conf" / name).mkdir(parents=True)
        (tmp_path / "net/conf" / name / "accept").write_text("1\n")
    wanted = {"net.conf.*.accept": "0", "net.conf.all.accept": "2", "kernel.sysrq": "0", "net.none.*.accept": "0"}

    assert system.expanded(wanted, tmp_path) == {
        "net.conf.all.accept": "2",
        "net.conf.default.accept": "0",
        "net.conf.eth0.accept": "0",
        "net.conf.eth0/100.accept": "0",
        "kernel.sysrq": "0",
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("UMASK\t\t022\n#UMASK 077\n", "UMASK\t027\n#UMASK 077\n"),
        ("UMASK 027\n", "UMASK 027\n"),
        ("# none\n", "# none\nUMASK\t027\n"),
        ("UMASK 022\nUMASK 000\n", "UMASK\t027\n"),
        ("UMASKED 1\n", "UMASKED 1\nUMASK\t027\n"),
    ],
)
def test_login_defs_has_one_line_for_each_value(before: str, after: str) -> None:
    """A second line would win or lose by chance."""
    assert after == system.set_values(before, {"UMASK": "027"})
    assert after == system.set_values(after, {"UMASK": "027"})


def test_the_group_of_a_pam_profile_exists_first() -> None:
    """pam_wheel with an unknown group refuses everybody."""
    assert acts(system.plan_groups(["wheel", "adm"], frozenset({"adm"}))) == [Run(("groupadd", "--system", "wheel"))]


@pytest.mark.parametrize(
    ("container", "synchronised", "not_real", "findings"),
    [(True, False, 1, 0), (False, False, 0, 1), (False, True, 0, 0)],
)
def test_the_clock_is_true_unknown_or_wrong(
    *, container: bool, synchronised: bool, not_real: int, findings: int
) -> None:
    """A container's clock is its machine's; elsewhere it follows or it is a finding."""
    plan = system.plan_clock("10.0.0.1", container=container, synchronised=synchronised)

    assert (not_real, findings) == (len(plan.not_real), len(plan.findings))


def test_a_home_is_closed_and_its_trust_files_go() -> None:
    """The owner of a start file never changes: a hard link would lend that act to any file."""
    home = homes.Home(ANN, 0o755, 1001, ((".profile", 0o666, 1001), (".rhosts", 0o600, 1001), (".bashrc", 0o644, 0)))

    assert acts(homes.plan(home, 0o700)) == [
        SetMode("/home/ann", 0o700),
        SetMode("/home/ann/.profile", 0o644),
        Remove("/home/ann/.rhosts"),
    ]


@pytest.mark.parametrize(
    ("home", "topic"),
    [
        (homes.Home(ANN, None, None), "U-32"),
        (homes.Home(ANN, 0o755, 1002), "U-31"),
        (homes.Home(ANN, 0o700, 1001, ((".profile", 0o644, 1002),)), "U-24"),
    ],
)
def test_what_a_home_lacks_is_reported(home: homes.Home, topic: str) -> None:
    """A stranger's home or start file is a person's question."""
    plan = homes.plan(home, 0o700)

    assert ([topic], ()) == ([finding.topic for finding in plan.findings], plan.changes)


def test_the_path_of_root_has_no_holes() -> None:
    """`.` and an empty part are the current folder; a folder others write is theirs."""
    found = homes.judge_path("/usr/bin:.::/opt/open", frozenset({"/opt/open"}))

    assert [item.target for item in found] == ["PATH part '.'", "PATH part ''", "PATH part /opt/open"]


def test_a_tree_is_compared_with_mode_and_owner() -> None:
    """Right content under a wrong mode is a difference; an absent file that should be absent is none."""
    right = tree.File("/etc/a", b"x", 0o644)
    loose = tree.File("/etc/a", b"x", 0o666)
    link = tree.File("/etc/a", None, 0o777)

    assert tree.plan({"/etc/a": right, "/etc/b": None}, [right], ["/etc/b"]) == ()
    assert tree.plan({"/etc/a": loose}, [right], []) == (tree.Step("/etc/a", loose, right),)
    assert tree.plan({"/etc/a": link}, [right], []) == (tree.Step("/etc/a", link, right),)
    assert tree.plan({"/etc/b": right}, [], ["/etc/b"]) == (tree.Step("/etc/b", right, None),)


def test_a_follow_up_runs_once_and_only_for_its_paths() -> None:
    """A journal restarted on every run loses messages for nothing."""
    rows = [
        {"paths": ["/etc/j/*"], "run": [["restart", "journal"]]},
        {"paths": ["/etc/j/a", "/etc/k"], "run": [["restart", "journal"], ["flush"]]},
    ]

    assert tree.due(["/etc/j/a"], rows) == (("restart", "journal"), ("flush",))
    assert tree.due(["/etc/other"], rows) == ()


def test_a_written_file_replaces_a_link(tmp_path: Path) -> None:
    """Following a link in /etc would write somebody else's file."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "issue").symlink_to(tmp_path / "victim")
    file = tree.File(str(tmp_path / "issue"), b"banner", 0o644, tmp_path.owner(), tmp_path.group())
    tree.put(file.path, file)

    assert (tmp_path / "victim").read_text() == "mine"
    assert tree.observe(file.path) == file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["issue", "victim"]


def test_a_failed_follow_up_brings_the_old_files_back(tmp_path: Path) -> None:
    """Otherwise the next run sees the right files and never tries the follow-up again."""
    who = {"owner": tmp_path.owner(), "group": tmp_path.group()}
    old = tree.File(str(tmp_path / "old"), b"old", 0o600, **who)
    new = tree.File(str(tmp_path / "old"), b"new", 0o644, **who)
    made = tree.File(str(tmp_path / "made"), b"made", 0o644, **who)
    gone = tree.File(str(tmp_path / "gone"), b"gone", 0o644, **who)
    for file in (new, made):
        tree.put(file.path, file)
    tree.restore([tree.Step(old.path, old, new), tree.Step(made.path, None, made), tree.Step(gone.path, gone, None)])

    assert [old, None, gone] == [tree.observe(file.path) for file in (old, made, gone)]


POLICY = Policy.model_validate(
    {
        "site": {"name": "s", "title": "S", "banner": "Keep out\n", "control_node": "10.0.0.1", "time_server": "ops"},
        "identities": [{"id": "haechi", "kind": "automation", "name": "Playbooks", "owner": "ann"}],
        "jobs": {},
        "zones": {"mgmt": {"title": "M", "cidr": "10.0.0.0/24"}},
        "hosts": {
            "gw": {"zone": "mgmt", "address": "10.0.0.2", "gateway": True},
            "ops": {"zone": "mgmt", "address": "10.0.0.3"},
            "box": {"zone": "mgmt", "address": "10.0.0.4", "containers": ["docker0"]},
        },
        "flows": [],
        "listeners": [],
    }
)


def test_policy_becomes_one_document_a_host() -> None:
    """Password policy, banner, accounts that may have a shell, kernel values of the host's place, the clock."""
    assert baseline.build(POLICY, "gw", frozenset()) == {
        "schema": 1,
        "password": {
            "min_length": 12,
            "max_days": 90,
            "min_days": 1,
            "remember": 4,
            "lock_after": 5,
            "unlock_seconds": 120,
        },
        "banner": "Keep out",
        "known": ["haechi"],
        "sealed": [],
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "time_server": "10.0.0.3",
        "packages": ["libpam-pwquality", "cracklib-runtime", "libpam-google-authenticator", "systemd-timesyncd"],
    }


@pytest.mark.parametrize(
    ("host", "sysctl", "server"),
    [("ops", {"net.ipv4.ip_forward": "0"}, None), ("box", {}, "10.0.0.3")],
)
def test_forwarding_and_clock_follow_the_host(host: str, sysctl: dict[str, str], server: str | None) -> None:
    """A container engine needs forwarding; the time server follows nobody here."""
    document = baseline.build(POLICY, host, frozenset())

    assert (sysctl, server) == (document["sysctl"], document["time_server"])


def test_a_gateway_that_answers_strangers_with_cookies_has_the_kernel_for_it() -> None:
    """A last ACK is of no connection, and is not to be taken for one of an older."""
    door = {"gateway": "gw", "zone": "mgmt", "port": 443}
    web = {"name": "web", "from": ["internet"], "to": ["ops"], "ports": [443], "publish": door, "reason": "Visits"}
    document = POLICY.model_dump(by_alias=True) | {"flows": [web], "perimeter": {"floods": {"syn_proxy": True}}}
    made = Policy.model_validate(document)

    assert {host: baseline.build(made, host, frozenset())["sysctl"] for host in ("gw", "ops")} == {
        "gw": {
            "net.ipv4.ip_forward": "1",
            "net.ipv4.tcp_timestamps": "1",
            "net.netfilter.nf_conntrack_tcp_loose": "0",
        },
        "ops": {"net.ipv4.ip_forward": "0"},
    }
