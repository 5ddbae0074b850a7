"""Bootstrap adds what is missing, takes nothing away and trusts no unknown key."""

from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.bootstrap.plan import Account, Plan, Seen, plan

from haechi.hostkeys import HostKey, HostKeyError, decide, entries, pin

KEY = "ssh-ed25519 AAAAKEY robot"
BARE = Seen(account=None, group=False, keys="", sudo="", key_files=(".ssh/authorized_keys", ".ssh/authorized_keys2"))
DONE = Seen(
    account=Account(1000, "/bin/bash", "*", "", ""),
    group=True,
    keys=f"{KEY}\n",
    sudo="User robot may run the following commands on db:\n    (ALL : ALL) NOPASSWD: ALL\n",
    key_files=("/etc/ssh/authorized_keys.d/%u",),
)
DROP_IN = """\
# Lets the automation account in until the role sshd takes over.
AuthorizedKeysFile .ssh/authorized_keys .ssh/authorized_keys2 /etc/ssh/authorized_keys.d/%u
"""
ALPHA = HostKey("ssh-ed25519", "YWxwaGE=")
BETA = HostKey("ssh-ed25519", "YmV0YQ==")


def test_a_bare_host_gets_everything() -> None:
    """Account without a password that never ages, key, sudo, and a second place for keys beside the old one."""
    assert plan(BARE, "robot", [KEY]) == Plan(
        commands=(
            (
                *("useradd", "-m", "-s", "/bin/bash", "-c", "Haechi automation", "-p", "*"),
                *("-K", "PASS_MAX_DAYS=99999", "-K", "PASS_MIN_DAYS=0", "-U", "robot"),
            ),
        ),
        files={
            "/etc/ssh/authorized_keys.d/robot": ("ssh-ed25519 AAAAKEY robot\n", "0644"),
            "/etc/sudoers.d/haechi-robot": ("robot ALL=(ALL:ALL) NOPASSWD: ALL\n", "0440"),
            "/etc/ssh/sshd_config.d/05-haechi-bootstrap.conf": (
                DROP_IN,
                "0644",
            ),
        },
    )


def test_a_second_run_has_nothing_to_do() -> None:
    """Whatever made the state, bootstrap or the hardened site, it stays."""
    assert plan(DONE, "robot", [KEY]) == Plan((), {})


@pytest.mark.parametrize("rule", ["(root) NOPASSWD: ALL", "(ALL) NOPASSWD: ALL", "(ALL : ALL) NOPASSWD: ALL"])
def test_sudo_is_known_in_each_spelling(rule: str) -> None:
    """A rule that another file gives is not given twice."""
    assert plan(replace(DONE, sudo=f"    {rule}\n"), "robot", [KEY]).files == {}


@pytest.mark.parametrize("rule", ["(ALL : ALL) ALL", "(ALL : ALL) NOPASSWD: /usr/bin/true", "(www) NOPASSWD: ALL"])
def test_less_than_all_is_not_enough(rule: str) -> None:
    """Playbooks cannot answer a password and need every command."""
    assert list(plan(replace(DONE, sudo=f"    {rule}\n"), "robot", [KEY]).files) == ["/etc/sudoers.d/haechi-robot"]


def test_a_new_key_is_added_beside_the_old() -> None:
    """Bootstrap shuts nobody out; the role accounts makes keys exclusive."""
    files = plan(DONE, "robot", ["ssh-ed25519 AAAANEW robot"]).files

    assert files == {
        "/etc/ssh/authorized_keys.d/robot": ("ssh-ed25519 AAAAKEY robot\nssh-ed25519 AAAANEW robot\n", "0644")
    }


@pytest.mark.parametrize(
    ("change", "command"),
    [
        ({"password": "$y$j9T$x"}, ("usermod", "-p", "*", "robot")),
        ({"password": "!"}, ("usermod", "-p", "*", "robot")),
        ({"shell": "/usr/sbin/nologin"}, ("usermod", "-s", "/bin/bash", "robot")),
        ({"max_days": "90"}, ("chage", "-m", "0", "-M", "99999", "-E", "-1", "robot")),
        ({"expires": "19000"}, ("chage", "-m", "0", "-M", "99999", "-E", "-1", "robot")),
    ],
)
def test_an_account_that_could_not_log_in_is_mended(change: dict, command: tuple[str, ...]) -> None:
    """A password, a lock, a shell or an end date would each shut the playbooks out some day."""
    assert plan(replace(DONE, account=replace(DONE.account, **change)), "robot", [KEY]).commands == (command,)


@pytest.mark.parametrize(
    ("exempt", "line"),
    [(("none",), "10.1.0.1,10.1.0.2"), (("10.9.0.9", "10.1.0.2"), "10.9.0.9,10.1.0.2,10.1.0.1")],
)
def test_where_the_automation_comes_from_is_not_shut_out(exempt: tuple[str, ...], line: str) -> None:
    """Its proofs offer keys and leave, for which sshd 9.8 shuts a source out; whom the host spares is spared still."""
    todo = plan(replace(DONE, exempt=exempt), "robot", [KEY], ["10.1.0.1", "10.1.0.2"])

    text = f"""\
# Lets the automation account in until the role sshd takes over.
AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u
PerSourcePenaltyExemptList {line}
"""
    assert todo.files == {"/etc/ssh/sshd_config.d/05-haechi-bootstrap.conf": (text, "0644")}


@pytest.mark.parametrize("exempt", [None, ("10.1.0.2", "10.1.0.1")])
def test_a_source_is_exempt_once_and_only_where_sshd_knows_the_word(exempt: tuple[str, ...] | None) -> None:
    """Debian 12's sshd would not start with it."""
    assert plan(replace(DONE, exempt=exempt), "robot", [KEY], ["10.1.0.1", "10.1.0.2"]) == Plan((), {})


def test_root_by_another_name_is_refused() -> None:
    """An automation account with user id 0 would leave no trace of its own."""
    with pytest.raises(ValueError, match="user id 0"):
        plan(replace(DONE, account=replace(DONE.account, uid=0)), "robot", [KEY])


def test_a_pinned_key_is_known() -> None:
    """The second contact needs no word from anybody."""
    assert decide("db", ALPHA, (ALPHA,), None, trust=False) is False


def test_the_promised_key_is_pinned_also_over_an_old_one() -> None:
    """A host made anew is told by its fingerprint in policy."""
    assert decide("db", BETA, (ALPHA,), BETA.fingerprint, trust=False) is True


def test_a_first_contact_is_trusted_only_when_told() -> None:
    """Trust is a decision of the one who runs it."""
    assert decide("db", ALPHA, (), None, trust=True) is True


@pytest.mark.parametrize(
    ("pinned", "promised", "trust", "words"),
    [
        ((), None, False, "bootstrap_trust_first_contact=true"),
        ((BETA,), None, True, "made anew"),
        ((), BETA.fingerprint, True, "hosts.db.host_key"),
        ((ALPHA,), BETA.fingerprint, True, "hosts.db.host_key"),
    ],
)
def test_any_other_key_is_refused(pinned: tuple[HostKey, ...], promised: str | None, trust: bool, words: str) -> None:  # noqa: FBT001
    """Trusting first contact never covers a key that changed or that policy denies."""
    with pytest.raises(HostKeyError, match=words):
        decide("db", ALPHA, pinned, promised, trust=trust)


def test_pinning_replaces_only_its_own_name(tmp_path: Path) -> None:
    """Other hosts keep their keys, and names that contain ours are other hosts."""
    file = tmp_path / "state/known_hosts"
    pin(file, "db1", BETA)
    pin(file, "db", BETA)
    pin(file, "db", ALPHA)

    assert file.read_text() == "db1 ssh-ed25519 YmV0YQ==\ndb ssh-ed25519 YWxwaGE=\n"
    assert entries(file.read_text(), "db") == (ALPHA,)
    assert file.stat().st_mode & 0o777 == 0o600


def test_hosts_pinned_at_the_same_time_all_stay(tmp_path: Path) -> None:
    """Playbooks work on many hosts at once, and each adds its line to one file."""
    file = tmp_path / "known_hosts"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: pin(file, f"host{number}", ALPHA), range(40)))

    assert len(file.read_text().splitlines()) == 40


def test_a_full_disk_leaves_the_pinned_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no draft beside them."""
    file = tmp_path / "known_hosts"
    pin(file, "db", ALPHA)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        pin(file, "db", BETA)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["known_hosts", "known_hosts.lock"]
    assert entries(file.read_text(), "db") == (ALPHA,)


def test_a_pinned_key_outlives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced, and then the folder that holds its name (fsync(2))."""
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    pin(tmp_path / "known_hosts", "db", ALPHA)

    assert synced == [False, True]


def test_a_fingerprint_is_the_one_ssh_keygen_shows() -> None:
    """An administrator compares it with the console by eye."""
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIB3RbmKqW0rPKQKbV5Q2nB1CZc1pBPcuwyyEKAyE6Jfk"

    assert HostKey("ssh-ed25519", blob).fingerprint == "SHA256:sRovV9oFm2e/7RzWdkZNqO37sMoV92rtTCUZhbDvTnI"
