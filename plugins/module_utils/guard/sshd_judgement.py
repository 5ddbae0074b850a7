"""What an effective sshd configuration (``sshd -T``) means: for a promise, and for one account.

``sshd -t`` accepts configurations that lock every operator out. These functions read what sshd itself
says is in force, so they hold whatever file, include or Match block it came from. Pure: no I/O.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Effective = dict[str, tuple[str, ...]]
Version = tuple[int, int]

KEYS_FILE = "/etc/ssh/authorized_keys.d/%u"
NO_LOGIN_SHELLS = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false")
# Keywords of which every line counts; of all others the first line wins (sshd_config(5)).
ACCUMULATING = frozenset({"acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostkey", "port"})


def version(text: str) -> Version:
    """Return the release in what ``sshd -V`` or ``ssh -V`` prints: ``OpenSSH_9.2p1 ...`` is (9, 2)."""
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", text)
    if found is None:
        raise ValueError(f"not a version of OpenSSH: {text.strip()[:80]!r}")
    return int(found[1]), int(found[2])


def choose(variants: Sequence[Mapping[str, Any]], running: Version) -> Mapping[str, Any] | None:
    """Return the variant with the highest ``at_least`` ("9.8") that the running release reaches."""
    reached = [(release, variant) for variant in variants if (release := _release(variant["at_least"])) <= running]
    return max(reached, key=lambda pair: pair[0])[1] if reached else None


def parse(text: str) -> Effective:
    """Return keyword -> values of ``sshd -T`` output; lines of one keyword are joined in their order."""
    effective: Effective = {}
    for line in text.splitlines():
        keyword, _, value = line.strip().partition(" ")
        if keyword:
            effective[keyword.lower()] = (*effective.get(keyword.lower(), ()), *value.split())
    return effective


def deviations(effective: Effective, expected: Mapping[str, str]) -> dict[str, str]:
    """Return keyword -> sentence for each promise that the effective configuration does not keep."""
    found = {}
    for keyword, value in expected.items():
        seen = effective.get(keyword.lower())
        if seen != tuple(value.split()):
            shown = "unset" if seen is None else " ".join(seen)
            found[keyword] = f"{keyword} is {shown!r}, not {value!r}"
    return found


def culprit(keyword: str, files: Iterable[tuple[str, str]]) -> str | None:
    """Return the first of (path, text) files, given in the order sshd reads them, that sets the keyword."""
    for path, text in files:
        for line in text.splitlines():
            word = re.split(r"[\s=]", line.strip(), maxsplit=1)[0].lower()
            if word == "match":
                break
            if word == keyword.lower():
                return path
    return None


def judge(effective: Effective, account: Mapping[str, Any]) -> list[str]:
    """Return the reasons why the account could not log in by key; none means that it could.

    ``effective`` is ``sshd -T -C user=ID,host=..,addr=..``; the account has id, groups, keys and,
    where known, shell, expired, locked and factors (what it can answer with besides its key).
    """
    return [
        *_admission(effective, account["id"], tuple(account.get("groups", ()))),
        *_methods(effective, ("publickey", *account.get("factors", ()))),
        *_keys(effective, tuple(account.get("keys", ()))),
        *_state(effective, account),
    ]


def _release(text: str) -> Version:
    major, _, minor = str(text).partition(".")
    return int(major), int(minor or 0)


def _matches(patterns: Iterable[str], name: str) -> bool:
    # A negated match decides against the whole list, whatever else matches (ssh_config(5), PATTERNS).
    listed = [pattern.partition("@")[0] for pattern in patterns]
    if any(fnmatchcase(name, pattern[1:]) for pattern in listed if pattern.startswith("!")):
        return False
    return any(fnmatchcase(name, pattern) for pattern in listed if not pattern.startswith("!"))


def _admission(effective: Effective, user: str, groups: tuple[str, ...]) -> list[str]:
    reasons = []
    if effective.get("refuseconnection") == ("yes",):
        reasons.append("RefuseConnection turns every connection away")
    if user == "root" and effective.get("permitrootlogin", ("no",)) == ("no",):
        reasons.append("PermitRootLogin is no")
    denied, allowed = effective.get("denyusers", ()), effective.get("allowusers", ())
    if _matches(denied, user):
        reasons.append(f"DenyUsers names {user}")
    if allowed and not _matches(allowed, user):
        reasons.append(f"AllowUsers ({' '.join(allowed)}) does not name {user}")
    if any(_matches(effective.get("denygroups", ()), group) for group in groups):
        reasons.append(f"DenyGroups names a group of {user}")
    wanted = effective.get("allowgroups", ())
    if wanted and not any(_matches(wanted, group) for group in groups):
        reasons.append(
            f"AllowGroups ({' '.join(wanted)}) holds none of the groups of {user}: {' '.join(groups) or 'none'}"
        )
    return reasons


def _methods(effective: Effective, factors: tuple[str, ...]) -> list[str]:
    reasons = []
    if effective.get("pubkeyauthentication", ("yes",)) != ("yes",):
        reasons.append("PubkeyAuthentication is off")
    chains = effective.get("authenticationmethods", ("any",))
    if not any(all(step.partition(":")[0] in (*factors, "any") for step in chain.split(",")) for chain in chains):
        asked, held = " ".join(chains), ", ".join(factors)
        reasons.append(f"AuthenticationMethods ({asked}) asks for more than {held}")
    if KEYS_FILE not in effective.get("authorizedkeysfile", ()):
        reasons.append(f"AuthorizedKeysFile leaves {KEYS_FILE} out, where the keys are")
    return reasons


def _keys(effective: Effective, keys: tuple[str, ...]) -> list[str]:
    if not keys:
        return ["there is no key for the account"]
    accepted = set(",".join(effective.get("pubkeyacceptedalgorithms", ())).split(","))
    least = int(effective.get("requiredrsasize", ("1024",))[0])
    refused = [reason for key in keys if (reason := _refusal(key, accepted, least)) is not None]
    return [] if len(refused) < len(keys) else refused


def _refusal(line: str, accepted: set[str], least: int) -> str | None:
    # Options before the type may hold quoted blanks, so the type is found by its blob, which repeats its name.
    found = re.search(r"(?:^|\s)((?:ssh|sk|ecdsa)-[a-z0-9@.-]+)\s+(AAAA[A-Za-z0-9+/=]+)", line)
    if found is None:
        return f"not a public key: {line[:40]!r}"
    kind = found[1]
    if kind != "ssh-rsa":
        return None if kind in accepted else f"PubkeyAcceptedAlgorithms leaves {kind} out"
    if not accepted & {"rsa-sha2-256", "rsa-sha2-512"}:
        return "PubkeyAcceptedAlgorithms leaves RSA out"
    bits = _rsa_bits(found[2])
    return None if bits >= least else f"an RSA key of {bits} bits is shorter than RequiredRSASize {least}"


def _rsa_bits(blob: str) -> int:
    # RFC 4253, 6.6: string "ssh-rsa", mpint e, mpint n, each with its length in four bytes.
    try:
        data, fields = base64.b64decode(blob), []
        while data:
            (length,) = struct.unpack_from(">I", data)
            fields.append(data[4 : 4 + length])
            data = data[4 + length :]
    except (binascii.Error, struct.error):
        return 0
    return int.from_bytes(fields[2], "big").bit_length() if len(fields) > 2 else 0  # noqa: PLR2004 - the third field


def _state(effective: Effective, account: Mapping[str, Any]) -> list[str]:
    reasons = []
    if account.get("shell") in NO_LOGIN_SHELLS:
        reasons.append(f"its shell is {account['shell']}")
    if account.get("expired"):
        reasons.append("the account has expired")
    if account.get("locked") and effective.get("usepam") != ("yes",):
        reasons.append("the account is locked and sshd does not use PAM")
    return reasons
