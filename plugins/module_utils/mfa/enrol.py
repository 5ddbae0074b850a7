"""The seed of one person on a host: looked for, placed, given to another host. Sent by ``haechi enrol``, needs nothing.

One line of JSON comes on standard input, ``{"do": "look" | "place" | "give", "person", "text", "again", "nonce"}``, and
one goes out, ``{"nonce", "state": "absent" | "present" | "placed" | "kept", "text"}`` or ``{"nonce", "failed"}``.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path("/var/lib/haechi/mfa")
PERSON = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def answer(request: dict[str, Any], folder: Path = FOLDER) -> dict[str, Any]:
    """Carry out one request. What PAM noted in a file goes only where the person is enrolled ``again``.

    Raises ``ValueError`` for a name that is no account's and ``OSError``.
    """
    person = str(request["person"])
    if not PERSON.fullmatch(person):
        raise ValueError("no name of an account")
    path = folder / person
    if request["do"] == "give":
        return {"state": "present", "text": of_person(path.read_text())} if path.is_file() else {"state": "absent"}
    if request["do"] == "look":
        return {"state": "present" if path.is_file() else "absent"}
    if path.is_file() and not request["again"]:
        return {"state": "kept"}
    place(path, str(request["text"]))
    return {"state": "placed"}


def of_person(text: str) -> str:
    """Return the seed and its options without what PAM noted since: that belongs to one host."""
    lines = text.splitlines()
    # Behind these PAM notes used codes and times of tries (FILEFORMAT of libpam-google-authenticator).
    noted = ('" DISALLOW_REUSE', '" RATE_LIMIT')
    kept = [" ".join(line.split()[: 4 if line.startswith(noted[1]) else 2]) for line in lines if line.startswith(noted)]
    return "".join(f"{line}\n" for line in [lines[0], *kept, *(x for x in lines[1:] if not x.startswith(noted))])


def place(path: Path, text: str) -> None:
    """Write a file that only root reads, in one step and on the disk before this returns."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o755, exist_ok=True)
    path.parent.chmod(0o700)
    # A name with a dot is no account's, so PAM never takes it for one's seed.
    spare = path.with_name(f".{path.name}.new")
    spare.unlink(missing_ok=True)
    with os.fdopen(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    spare.replace(path)
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # The name is on the disk with its folder, not with the file (fsync(2)).
        os.fsync(above)
    finally:
        os.close(above)


def main() -> None:
    """Read the request and say the answer."""
    request = json.loads(sys.stdin.readline())
    try:
        told = answer(request)
    except (ValueError, OSError) as error:
        told = {"failed": str(error)}
    sys.stdout.write(json.dumps({**told, "nonce": request["nonce"]}) + "\n")


if __name__ == "__main__":
    main()
