"""PAM's stacks as lists of words."""

from __future__ import annotations

import re

from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import Question, Reader, read

FOLDER = "/etc/pam.d"
STACKS = (
    "common-auth",
    "common-account",
    "common-password",
    "common-session",
    "common-session-noninteractive",
    "sshd",
    "su",
    "su-l",
    "sudo",
    "login",
)
# pam.conf(5): a value in brackets is one word, blanks and all.
_WORD = re.compile(r"\[(?:\\.|[^\]])*\]|\S+")


def pam(_: Question) -> Reader:
    """Return the services and common files that a Debian login goes through; one that is not there is left out."""

    def seen() -> dict[str, dict[str, list[list[str]]]]:
        texts = {}
        for name in STACKS:
            try:
                texts[name] = read(f"{FOLDER}/{name}")
            except FileNotFoundError:
                continue
        return {"stacks": {name: rules(text) for name, text in texts.items()}}

    return seen


def rules(text: str) -> list[list[str]]:
    """Return the rules of one file: ``[type, control, module, argument...]`` or ``["@include", name]``."""
    lines = text.replace("\\\n", " ").splitlines()
    words = (_WORD.findall(line.partition("#")[0]) for line in lines)
    return [[found[0].lower(), *found[1:]] for found in words if found]
