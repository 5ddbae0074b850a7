"""Whoever left is refused by the list, with every certificate and for ever with the key."""

from __future__ import annotations

from testinfra.host import Host

from .conftest import Desk, playbook, words

FOLDER = "/etc/ssh/haechi"
KEY_FILE = "/etc/ssh/authorized_keys.d/bob"


def test_a_leaver_is_refused_by_the_list_alone(host: Host, desk: Desk, own_state: dict[str, str]) -> None:
    """Offboarded while the certificate counts; then everything else is given back by hand, and Bob stays out."""
    assert desk.own("bob").returncode == 0
    playbook("playbooks/offboard.yml", "-e", "person=bob", "--limit", desk.name, **own_state)

    assert desk.own("bob").returncode == 255
    again, _ = desk.issue("bob", **own_state)
    assert (again.returncode != 0, "bob is not active: nobody who left gets" in words(again)) == (True, True)
    assert "id: bob" in host.check_output(f"ssh-keygen -Q -l -f {FOLDER}/revoked.krl").splitlines()
    assert not host.file(f"{FOLDER}/principals/bob").exists
    host.check_output("usermod --expiredate '' --shell /bin/bash --groups haechi-login,mfa-window --password '*' bob")
    # sshd reads both as Bob, and root's umask may be one that keeps him out.
    for path, text in ((f"{FOLDER}/principals/bob", "operator:bob"), (KEY_FILE, (desk.keys / "bob.pub").read_text())):
        host.check_output("echo %s > %s && chmod 0644 %s", text.strip(), path, path)
    assert desk.own("bob").returncode == 255
    assert desk.bare("bob", "bob").returncode == 255

    # It was the list, and nothing else.
    host.check_output(f"ssh-keygen -k -q -f {FOLDER}/revoked.krl -s {FOLDER}/user_ca.pub /dev/null")
    assert desk.own("bob").returncode == 0
    assert desk.bare("bob", "bob").returncode == 0
