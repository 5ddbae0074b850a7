"""The authority's half: one request on standard input, one answer on standard output, and the signing between them.

The controller has no part in it. What may be signed stands in a file that the run of site wrote (``LEAVES``).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.pki.x509 import X509Error
from ansible_collections.haechi.guard.plugins.module_utils.renewal import judge, request
from ansible_collections.haechi.guard.plugins.module_utils.renewal.judge import Judged, RefusedError, StrangerError
from ansible_collections.haechi.guard.plugins.module_utils.renewal.request import Asked, RequestError

FOLDER, LEAVES = "/etc/haechi/pki", "leaves.json"
# sd-daemon(3): levels as journald reads them at the head of a line.
_ALERT, _WARNING, _NOTICE = "<1>", "<4>", "<5>"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the authority's keys lie, and the account that reads what strangers send; None is one's own."""

    folder: str = FOLDER
    reader: str | None = "nobody"


def answer(data: bytes, place: Place, now: datetime) -> tuple[dict[str, str], str]:
    """Return the answer, and the line for the journal with its level; none where nothing was asked, as by an audit."""
    if not data:
        return {"refused": "it is no request"}, ""
    try:
        asked = request.parse(data, now)
        judged, days = _judged(asked, place)
        signed = _sign(asked, judged, place, days, now)
    except (RequestError, StrangerError) as error:
        return {"refused": str(error)}, f"{_WARNING}refused: {error}"
    except RefusedError as error:
        return {"refused": str(error)}, f"{_ALERT}renewal refused: {error}"
    except (X509Error, OSError, ValueError, LookupError) as error:
        return {"refused": "the authority could not sign: its journal says why"}, f"{_ALERT}not signed: {error}"
    return {"certificate": signed}, f"{_NOTICE}{judged.row['name']} of {judged.row['host']} signed anew"


def _judged(asked: Asked, place: Place) -> tuple[Judged, int]:
    folder = Path(place.folder)
    told = json.loads((folder / LEAVES).read_text(encoding="ascii"))
    issuing, root = ((folder / name).read_text(encoding="ascii") for name in (x509.CHAIN, x509.ROOT))
    return judge.judge(asked, told["leaves"], issuing=issuing, root=root, reader=place.reader), int(told["days"])


def _sign(asked: Asked, judged: Judged, place: Place, days: int, now: datetime) -> str:
    """Sign, unless the certificate in use was renewed before for another key: then two have it, and one is a thief.

    (RFC 9700, 4.14.2, says the same of a refresh token.)
    """
    public = hashlib.sha256(judged.public.encode()).hexdigest()
    order = {**judged.row, "days": days, "csr": asked.csr, "renews": judged.seen.serial, "public": public}
    with _register(Path(place.folder) / x509.REGISTER) as rows:
        for line in rows:
            row = json.loads(line)
            if row.get("renews") == judged.seen.serial and row.get("public") != public:
                who = f"{judged.row['host']}: certificate {judged.seen.serial}"
                raise RefusedError(
                    f"{who} of {judged.row['name']} was renewed at {row['at']} for another key: who else has"
                    " its key? Remove the key on the host, and run site.yml"
                )
        return x509.sign(place.folder, order, now)


@contextmanager
def _register(path: Path) -> Iterator[list[str]]:
    """Yield what was signed so far, while nobody else signs by request."""
    with path.open(encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.read().splitlines()


def main(_: list[str]) -> int:
    """Answer whoever is connected."""
    data = sys.stdin.buffer.read(request.MOST + 1)
    told, line = answer(data, Place(), datetime.now(timezone.utc))  # noqa: UP017 - Python 3.11 on hosts
    sys.stderr.write(f"{line} [{os.environ.get('REMOTE_ADDR', 'nowhere')}]\n" if line else "")
    sys.stdout.write(json.dumps(told) + "\n")
    return 0
