"""Whom a roster names as employed, and when it was made."""

from __future__ import annotations

import base64
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from haechi.hr import sources
from haechi.hr.envelope import Envelope
from haechi.hr.signals import Reading, RefusedError, Subject
from haechi.hr.sources.secrets import Secrets
from haechi.policy.provisioning import Source

from .conftest import AT, SEOUL

PAYROLL = Source.model_validate({"name": "payroll", "kind": "roster", "signers": ["mina", "sora"]})


@dataclass
class Drop:
    """Somebody who signs rosters."""

    key: Path
    secrets: Secrets

    def sent(self, text: bytes) -> Envelope:
        """Return a roster, signed."""
        path = self.key.with_name("roster")
        path.write_bytes(text)
        path.with_suffix(".sig").unlink(missing_ok=True)
        arguments = ["ssh-keygen", "-q", "-Y", "sign", "-n", "haechi-roster", "-f", self.key, path]
        subprocess.run(arguments, check=True, capture_output=True)
        signature = base64.b64encode(path.with_suffix(".sig").read_bytes()).decode()
        return Envelope(
            source="payroll", kind=PAYROLL.kind, received=AT, body=text, headers={"roster-signature": signature}
        )

    def read(self, text: bytes) -> Reading:
        """Return what a roster says."""
        return sources.accept(self.sent(text), PAYROLL, self.secrets, SEOUL)[1]


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Drop:
    folder = tmp_path_factory.mktemp("drop")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "sora"], check=True)
    return Drop(folder / "sora", Secrets(folder, {"sora": ((folder / "sora.pub").read_text().strip(),)}))


HANA = Subject(hr_id="E1007", user_name="hana", email="hana@example.com")


def test_csv(drop: Drop) -> None:
    text = (
        b"issued,2026-11-26T09:00:00+09:00\n"
        b"hr_id,user_name,email,status\n"
        b"E1007,hana,hana@example.com,active\n"
        b"E1008,mina,,on_leave\n"
        b"E1009,,,\n"
        b"E1010,joon,,left\nE1011,,,terminated\nE1012,,,inactive\n"
    )
    reading = drop.read(text)
    assert reading.roster == (HANA, Subject(hr_id="E1008", user_name="mina"), Subject(hr_id="E1009"))
    assert reading.issued == datetime(2026, 11, 26, 0, 0, tzinfo=UTC)
    assert reading.signals == ()


def test_csv_as_excel_writes_it(drop: Drop) -> None:
    text = '\ufeffissued,2026-11-26 09:00,\r\nhr_id,user_name,email\r\nE1007,"hana",hana@example.com\r\n\r\n'
    reading = drop.read(text.encode())
    assert reading.roster == (HANA,)
    # Without a zone it is meant in policy's.
    assert reading.issued == datetime(2026, 11, 26, 0, 0, tzinfo=UTC)


def test_json(drop: Drop) -> None:
    text = (
        b'{"issued": "2026-11-26T09:00:00+09:00", "people": ['
        b'{"hr_id": "E1007", "user_name": "hana", "email": "hana@example.com"}, {"hr_id": "E1010", "status": "left"}]}'
    )
    assert drop.read(text).roster == (HANA,)


def test_a_roster_from_tomorrow_is_refused(drop: Drop) -> None:
    with pytest.raises(RefusedError, match="in the future: check the clock"):
        drop.read(b"issued,2026-11-27T09:00+09:00\nhr_id\nE1007\n")


def test_a_signer_of_whom_there_is_no_key_counts_for_nothing(drop: Drop) -> None:
    text = b"issued,2026-11-26T09:00+09:00\nhr_id\nE1007\n"
    alone = PAYROLL.model_copy(update={"signers": ("mina",)})
    with pytest.raises(RefusedError, match="not that of a signer"):
        sources.accept(drop.sent(text), alone, drop.secrets, SEOUL)


def test_the_same_roster_is_the_same_message(drop: Drop) -> None:
    text = b"issued,2026-11-26T09:00+09:00\nhr_id\nE1007\n"
    first, _ = sources.accept(drop.sent(text), PAYROLL, drop.secrets, SEOUL)
    second, _ = sources.accept(drop.sent(text), PAYROLL, drop.secrets, SEOUL)
    other, _ = sources.accept(drop.sent(text + b"E1008\n"), PAYROLL, drop.secrets, SEOUL)
    assert first.id == second.id != other.id
