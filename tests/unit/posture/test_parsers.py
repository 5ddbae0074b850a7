"""What programs and files of the host say, as tables of text and meaning."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.posture import (
    files,
    firewall,
    kernel,
    pam,
    settings,
    sshd,
    sudo,
    system,
    units,
)
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import NotSeenError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OpenSSH_10.0p2 Debian-7+deb13u1, OpenSSL 3.5.1", "10.0p2"),
        ("unknown option -- V\nOpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17\nusage: sshd [-46DdeiqTt]", "9.2p1"),
        ("OpenSSH_9.2p1, OpenSSL", "9.2p1"),
    ],
)
def test_sshd_names_its_release(text: str, expected: str) -> None:
    """Both the answer and the usage text of older releases are read."""
    assert sshd.version(text) == expected


def test_a_silent_sshd_has_no_release() -> None:
    """Nothing is guessed."""
    with pytest.raises(NotSeenError):
        sshd.version("sshd: not found")


def test_keywords_of_sshd_are_joined_and_compared() -> None:
    """A repeated keyword keeps all values; for an account only what differs is told, a missing keyword as empty."""
    common = sshd.keywords("Port 22\nport 2222\nallowgroups a b\npermitrootlogin no\nbanner none\n")

    assert common == {"port": "22 2222", "allowgroups": "a b", "permitrootlogin": "no", "banner": "none"}
    own = {"port": "22 2222", "allowgroups": "a b", "permitrootlogin": "yes"}
    assert sshd.differing(common, own) == {"permitrootlogin": "yes", "banner": ""}


def test_files_that_changed_after_the_daemon_read_them_are_stale(tmp_path: Path) -> None:
    """The folder counts where a file came or went; a daemon for each connection reads anew and is never stale."""
    main, folder = tmp_path / "sshd_config", tmp_path / "sshd_config.d"
    folder.mkdir()
    main.write_text("")
    (folder / "a.conf").write_text("")
    now = main.stat().st_mtime

    assert sshd.stale(None, str(main), str(folder)) == []
    assert sshd.stale(now + 10, str(main), str(folder)) == []
    assert sshd.stale(now - 10, str(main), str(folder)) == [str(main), str(folder), str(folder / "a.conf")]


@pytest.mark.parametrize(("pidfile", "pid"), [("none", "7"), ("{}", "8")])
def test_a_strange_pid_file_says_nothing_about_the_running_sshd(tmp_path: Path, pidfile: str, pid: str) -> None:
    """Without the daemon's own mark nobody knows when it read its files."""
    path = tmp_path / "sshd.pid"
    path.write_text("7\n")

    with pytest.raises(NotSeenError, match="nobody knows"):
        sshd.loaded({"pidfile": pidfile.format(path)}, {"ActiveState": "active", "MainPID": pid})
    assert sshd.loaded({"pidfile": str(path)}, {"ActiveState": "active", "MainPID": "7"}) == path.stat().st_mtime
    assert sshd.loaded({}, {"ActiveState": "inactive", "MainPID": "0"}) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("auth required pam_unix.so nullok", ["auth", "required", "pam_unix.so", "nullok"]),
        ("Auth [success=1 default=ignore] pam_unix.so", ["auth", "[success=1 default=ignore]", "pam_unix.so"]),
        ("-session optional pam_systemd.so # comment", ["-session", "optional", "pam_systemd.so"]),
        ("@include common-auth", ["@include", "common-auth"]),
        ("auth \\\n  required pam_deny.so", ["auth", "required", "pam_deny.so"]),
        ("auth optional pam_echo.so [a b] c", ["auth", "optional", "pam_echo.so", "[a b]", "c"]),
    ],
)
def test_a_line_of_pam_is_words(line: str, expected: list[str]) -> None:
    """Brackets hold one word together, a backslash joins lines, the type is in lower case."""
    assert pam.rules(f"# start\n\n{line}\n") == [expected]


def test_key_values_are_merged_as_systemd_does() -> None:
    """Later texts win, a bare key is empty, lists grow until an empty value begins them anew."""
    texts = [
        "[Time]\n#NTP=x\nNTP=a\n; c\nFallbackNTP=f\n",
        "[Time]\nNTP=b c\n",
        "FallbackNTP=\nsilent\nStorage = none\n",
    ]

    assert settings.assigned(texts) == {"NTP": "a b c", "FallbackNTP": "", "silent": "", "Storage": "none"}


def test_drop_ins_of_every_folder_are_merged_by_name(tmp_path: Path) -> None:
    """The administrator's main file hides the vendor's, a drop-in of /etc hides the vendor's of the same name."""
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    for place, text in {
        etc / "journald.conf": "1",
        usr / "journald.conf": "hidden",
        etc / "journald.conf.d/20-a.conf": "3",
        usr / "journald.conf.d/20-a.conf": "hidden",
        usr / "journald.conf.d/10-b.conf": "2",
        usr / "journald.conf.d/README": "no drop-in",
    }.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    assert settings.systemd_texts("journald.conf", [str(etc), str(usr)]) == ["1", "2", "3"]


def test_login_defs_and_limits_are_read_as_words() -> None:
    """A dash is soft and hard until one of them is set otherwise."""
    assert settings.spaced("# no\nUMASK\t\t027\nENV_PATH  PATH=/bin\nEMPTY\n") == {
        "UMASK": "027",
        "ENV_PATH": "PATH=/bin",
        "EMPTY": "",
    }
    assert settings.limits(["* - core 0 # why\n"]) == {"* - core": "0", "* soft core": "0", "* hard core": "0"}
    assert settings.limits(["* - core 0\n", "* hard core unlimited\nbroken line\n"]) == {
        "* soft core": "0",
        "* hard core": "unlimited",
    }
    assert settings.listed("# who\nroot\n\nmina \n") == {"root": "", "mina": ""}


def test_kernel_values_of_the_next_boot() -> None:
    """The last line counts, a full name more than a pattern, a dash spares from patterns, slashes part as dots do."""
    text = """
    # /usr/lib/sysctl.d/50-default.conf
    kernel.sysrq = 0x01b6
    net.ipv4.conf.*.rp_filter = 2
    -net.ipv4.conf.all.rp_filter
    net/ipv4/conf/eth0.1/forwarding = 1
    ; other
    kernel.sysrq=0
    -kernel.core_pattern = |/bin/false
    net.ipv4.conf.default.rp_filter = 1
    """
    keys = ("kernel.sysrq", "kernel.core_pattern", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.rp_filter")

    assert kernel.at_boot(text, (*keys, "net.ipv4.conf.default.rp_filter", "fs.nothing")) == {
        "kernel.sysrq": "0",
        "kernel.core_pattern": "|/bin/false",
        "net.ipv4.conf.eth0.rp_filter": "2",
        "net.ipv4.conf.default.rp_filter": "1",
    }


def test_only_debian_has_a_release() -> None:
    """Another system is not judged by Debian's rules."""
    assert kernel.release('ID=debian\nVERSION_ID="13"\n') == "13"
    with pytest.raises(NotSeenError, match="not Debian"):
        kernel.release('ID=ubuntu\nVERSION_ID="13"\n')


def test_our_tables_are_told_from_others() -> None:
    """Counts and handles are left out; somebody else's table is only named."""
    ruleset = {
        "nftables": [
            {"metainfo": {"version": "1.1.3"}},
            {"table": {"family": "inet", "name": "haechi", "handle": 3}},
            {"table": {"family": "ip", "name": "filter", "handle": 1}},
            {"counter": {"family": "inet", "table": "haechi", "name": "c", "packets": 5, "bytes": 300}},
            {"chain": {"family": "ip", "table": "filter", "name": "FORWARD"}},
            {"table": {"family": "inet", "name": "haechi2", "handle": 9}},
        ]
    }

    assert firewall.split(ruleset) == (
        [
            {"table": {"family": "inet", "name": "haechi"}},
            {"counter": {"family": "inet", "table": "haechi", "name": "c"}},
        ],
        ["ip filter", "inet haechi2"],
    )
    with pytest.raises(NotSeenError):
        firewall.split({})


def test_sudo_reads_what_it_includes(tmp_path: Path) -> None:
    """Names with a dot or a tilde at the end are skipped, as sudo does; a circle ends."""
    folder = tmp_path / "sudoers.d"
    folder.mkdir()
    for name in ("b", "a", "c.bak", "d~"):
        (folder / name).write_text("")
    main = tmp_path / "sudoers"
    main.write_text(
        f"Defaults x\n@includedir {folder}\n#include {tmp_path}/more\n@include {tmp_path}/none\n# includedir /x\n"
    )
    (tmp_path / "more").write_text(f"@include {main}\n")

    assert sudo.files(str(main)) == [str(main), f"{folder}/a", f"{folder}/b", f"{tmp_path}/more"]


def test_installed_packages_only() -> None:
    """Removed packages whose settings remain are not installed; held ones are."""
    text = (
        "Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n\n"
        "Package: rpcbind\nStatus: deinstall ok config-files\nVersion: 1.2\n\n"
        "Package: nginx\nStatus: hold ok installed\nVersion: 1.26\n\n"
    )

    assert system.installed(text) == {"bash": "5.2", "nginx": "1.26"}


def test_a_login_shell_may_talk_before_it_obeys() -> None:
    """Only its last three marked lines count, and a shell that ended early is not seen."""
    mark = "haechi-posture:"

    assert system.shell(f"Welcome\n{mark}fake\n{mark}0027\n{mark}\n{mark}/usr/bin:/bin\n") == {
        "umask": "0027",
        "idle_s": "",
        "path": "/usr/bin:/bin",
    }
    with pytest.raises(NotSeenError):
        system.shell("Welcome\n")


def test_blocks_of_systemctl_are_found_by_every_name() -> None:
    """An alias is found as well, and a unit that systemd says nothing about is no answer."""
    blocks = [f"Names={name}\nActiveState=inactive\nUnitFileState=" for name in units.ASKED]
    blocks[0] = "Names=sshd.service ssh.service\nActiveState=active\nUnitFileState=enabled"

    found = units.blocks("\n\n".join(blocks) + "\n")

    assert found["ssh.service"] == found["sshd.service"]
    assert units.enabled(found["ssh.service"]) == "enabled"
    assert units.enabled(found["ssh.socket"]) == "not-found"
    with pytest.raises(ValueError, match=r"ssh\.socket"):
        units.blocks(blocks[0])


def test_a_script_is_a_unit_where_no_unit_file_is() -> None:
    """The generator hides a script behind a unit of the same name."""
    assert units.with_scripts({"ssh.service": "enabled"}, ["README", "inetd", "ssh"]) == {
        "inetd.service": "init.d",
        "ssh.service": "enabled",
    }


def test_mounts_are_read_with_their_blanks() -> None:
    """The kernel writes blanks as octal numbers."""
    assert files.mounted("tmpfs /mnt/a\\040b tmpfs rw,nosuid 0 0\n") == [
        {"target": "/mnt/a b", "type": "tmpfs", "options": ["rw", "nosuid"]}
    ]
