"""Who gets in and who does not, tried."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from testinfra.host import Host

Ssh = Callable[..., subprocess.CompletedProcess[str]]

WEAK = [
    "KexAlgorithms=diffie-hellman-group14-sha1",
    "KexAlgorithms=ecdh-sha2-nistp256",
    "Ciphers=aes128-ctr",
    "Ciphers=3des-cbc",
    "HostKeyAlgorithms=rsa-sha2-512",
    "HostKeyAlgorithms=ecdsa-sha2-nistp256",
]
# The MAC matters only beside a cipher without its own.
STRONG = [
    "KexAlgorithms=sntrup761x25519-sha512@openssh.com",
    "KexAlgorithms=curve25519-sha256",
    "Ciphers=aes256-gcm@openssh.com",
    "Ciphers=chacha20-poly1305@openssh.com",
]


@pytest.mark.parametrize("user", ["haechi", "sentinel", "ann", "bob"])
def test_whom_policy_names_gets_in(ssh: Ssh, name: str, user: str) -> None:
    """The positive control of every refusal below."""
    answer = ssh(name, user, "id", "-un")

    assert (answer.returncode, answer.stdout) == (0, f"{user}\n"), answer.stderr


@pytest.mark.parametrize("user", ["dan", "root"])
def test_a_leaver_and_root_are_refused(ssh: Ssh, name: str, user: str) -> None:
    """Dan is disabled; root is nobody's name."""
    answer = ssh(name, user, "true")

    assert answer.returncode == 255
    assert "Permission denied (publickey)" in answer.stderr


@pytest.mark.parametrize(("machine", "code"), [("trixie", 0), ("bookworm", 255)])
def test_a_job_reaches_only_its_hosts(ssh: Ssh, machine: str, code: int) -> None:
    """Carol reads logs on trixie and has no business on bookworm."""
    assert ssh(machine, "carol", "true").returncode == code


def test_a_user_outside_the_group_is_refused(host: Host, ssh: Ssh, name: str) -> None:
    """An account and a key in the right place are not enough: the group is what policy gives."""
    try:
        host.run_expect([0], "useradd --create-home --shell /bin/bash --groups mfa-window eve")
        host.run_expect([0], "echo eve 4102444800 >> /etc/haechi/mfa-window")
        host.run_expect([0], "install -m 0644 /etc/ssh/authorized_keys.d/ann /etc/ssh/authorized_keys.d/eve")
        refused = ssh(name, "eve", "true", key="ann").returncode
        host.run_expect([0], "gpasswd --add eve haechi-login")
        accepted = ssh(name, "eve", "true", key="ann").returncode

        assert (refused, accepted) == (255, 0)
    finally:
        host.run("userdel --remove eve; rm -f /etc/ssh/authorized_keys.d/eve; sed -i '/^eve /d' /etc/haechi/mfa-window")


def test_a_key_in_the_home_opens_nothing(host: Host, ssh: Ssh, name: str) -> None:
    """People cannot let others in by their own authorized_keys."""
    try:
        host.run_expect([0], "install -d -m 700 -o ann -g ann ~ann/.ssh")
        host.run_expect([0], "install -m 600 -o ann -g ann /etc/ssh/authorized_keys.d/bob ~ann/.ssh/authorized_keys")

        assert ssh(name, "ann", "true", key="bob").returncode == 255
    finally:
        host.run("rm -rf ~ann/.ssh")


def test_a_password_is_not_even_asked_for(ssh: Ssh, name: str) -> None:
    """Sshd offers one method, so there is nothing to guess."""
    options = ("-o", "PreferredAuthentications=password,keyboard-interactive", "-o", "PasswordAuthentication=yes")
    answer = ssh(name, "ann", "true", options=(*options, "-o", "KbdInteractiveAuthentication=yes"))

    assert answer.returncode == 255
    assert answer.stderr.splitlines()[-1].endswith("Permission denied (publickey).")


@pytest.mark.parametrize("offer", WEAK)
def test_a_weak_offer_ends_the_conversation(ssh: Ssh, name: str, offer: str) -> None:
    """A client that knows nothing better is turned away before any login."""
    answer = ssh(name, "ann", "true", options=("-o", offer))

    assert answer.returncode == 255
    assert "no matching" in answer.stderr


@pytest.mark.parametrize("offer", STRONG)
def test_a_strong_offer_is_taken(ssh: Ssh, name: str, offer: str) -> None:
    """Each of the promised algorithms works by itself."""
    assert ssh(name, "ann", "true", options=("-o", offer)).returncode == 0


def test_the_banner_is_shown_before_the_login(ssh: Ssh, name: str) -> None:
    """Who is refused has read it too."""
    expected = "Authorised use only. Every session is recorded.\nContact: security@ekyc.example\n"

    assert expected in ssh(name, "root", "true").stderr


def test_no_word_about_the_release_s_patches(host: Host) -> None:
    """Debian's package version says which holes are open."""
    greeting = host.check_output("bash -c %s", "exec 3<>/dev/tcp/127.0.0.1/22; head -1 <&3")

    assert greeting.startswith("SSH-2.0-OpenSSH_")
    assert "Debian" not in greeting


@pytest.mark.parametrize("forward", ["-R2222:127.0.0.1:22", "-R/tmp/x.sock:127.0.0.1:22"])
def test_nothing_is_forwarded_back(ssh: Ssh, name: str, forward: str) -> None:
    """A reverse tunnel is a door that no firewall sees."""
    answer = ssh(name, "ann", "true", options=(forward, "-o", "ExitOnForwardFailure=yes"))

    assert answer.returncode == 255


def test_no_agent_and_no_screen_is_forwarded(ssh: Ssh, name: str) -> None:
    """An agent forwarded to a broken host logs the intruder in everywhere else."""
    answer = ssh(name, "ann", "echo agent=$SSH_AUTH_SOCK display=$DISPLAY", options=("-A", "-X"))

    assert answer.stdout == "agent= display=\n"


def test_an_ordinary_host_forwards_nothing(ssh: Ssh) -> None:
    """Only policy's jump hosts are on the way to others."""
    answer = ssh("bookworm", "ann", options=("-W", "10.78.40.2:22"))

    assert answer.returncode == 255
    assert "administratively prohibited" in answer.stderr


@pytest.mark.parametrize("target", ["10.78.40.2:22", "10.78.40.12:22", "10.78.30.11:22"])
def test_the_jump_host_leads_to_managed_hosts(ssh: Ssh, target: str) -> None:
    """gw, bookworm and data1 answer through trixie."""
    assert ssh("trixie", "ann", options=("-W", target)).stdout.startswith("SSH-2.0-OpenSSH_")


@pytest.mark.parametrize("target", ["127.0.0.1:22", "10.78.40.1:22", "10.78.0.11:22", "10.78.40.12:80", "localhost:25"])
def test_the_jump_host_leads_nowhere_else(ssh: Ssh, target: str) -> None:
    """Not to itself, the control node, strangers or other ports."""
    answer = ssh("trixie", "ann", options=("-W", target))

    assert answer.returncode == 255
    assert "administratively prohibited" in answer.stderr
