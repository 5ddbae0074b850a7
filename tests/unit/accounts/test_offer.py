"""What an offer of a key tells, and what it takes along."""

from __future__ import annotations

from pathlib import Path

import pytest

from haechi import offer

OFFERING = "debug1: Offering public key: /tmp/0.pub ED25519 SHA256:x explicit\n"
NO = "hana@10.0.0.1: Permission denied (publickey).\n"

ANSWERS = [
    (OFFERING + "debug1: Server accepts key: /tmp/0.pub ED25519 SHA256:x explicit\n" + NO, "accepted"),
    (OFFERING + NO, "refused"),
    (NO, "unknown"),
    (OFFERING + "haechi@10.0.0.9: Permission denied (publickey).\n", "unknown"),
    (OFFERING + "Connection reset by 10.0.0.1 port 22\n", "unknown"),
    ("ssh: connect to host 10.0.0.1 port 22: Connection timed out\n", "unknown"),
    ("Host key verification failed.\n", "unknown"),
    ("", "unknown"),
]


@pytest.mark.parametrize(("stderr", "answer"), ANSWERS)
def test_only_sshd_s_own_word_is_an_answer(stderr: str, answer: str) -> None:
    """A dead network, a reset or the bastion's refusal must never look like a denial."""
    assert answer == offer.judge(stderr, "hana").answer


def test_one_accepted_key_of_several_lets_in() -> None:
    """Only all keys refused keep a person out."""
    yes, no, nobody = offer.Offer("accepted"), offer.Offer("refused"), offer.Offer("unknown", "reset")

    assert [offer.merge(row).answer for row in ([no, yes], [no, nobody], [no, no], [])] == [
        "accepted",
        "unknown",
        "refused",
        "unknown",
    ]


def test_an_offer_takes_only_the_way_from_the_configuration() -> None:
    """No key of the configuration may be offered in the person's name."""
    way = {"hostname": "10.0.0.1", "port": "22", "proxyjump": "ops1", "identityfile": "/secret", "user": "haechi"}
    argv = offer.command(way, "-F '/x y/.ssh_config'", "hana", Path("/run/0.pub"))

    assert not [word for word in argv if "/secret" in word]
    assert argv[2:4] == ["-F", "none"]
    assert "IdentityFile=/run/0.pub" in argv
    assert "ProxyCommand=ssh -o BatchMode=yes -o LogLevel=ERROR -F '/x y/.ssh_config' -W '[%h]:%p' ops1" in argv
