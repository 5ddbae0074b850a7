"""The list of leavers: signed, rising, and never silently empty."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from haechi import tombstones

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_nobody_has_left_before_the_first_tombstone(tmp_path: Path) -> None:
    """A new site has no store."""
    assert frozenset() == tombstones.revoked(tmp_path / "none")


def test_a_tombstone_is_kept(tmp_path: Path) -> None:
    """What was recorded is read back, with sequence and time."""
    row = tombstones.record(tmp_path, "hana", now=NOON)

    assert tombstones.Tombstone("hana", 1, 1, "2026-11-24T12:00:00+00:00") == row
    assert frozenset({"hana"}) == tombstones.revoked(tmp_path)


def test_a_second_tombstone_for_one_leaving_is_the_first(tmp_path: Path) -> None:
    """Offboarding twice changes nothing."""
    first = tombstones.record(tmp_path, "hana", now=NOON)

    assert first == tombstones.record(tmp_path, "hana")
    assert tombstones.read(tmp_path).sequence == 1


def test_a_rehire_ends_a_tombstone_and_a_second_leaving_begins_another(tmp_path: Path) -> None:
    """The epoch counts employments, and nothing is ever deleted."""
    tombstones.record(tmp_path, "hana")
    tombstones.record(tmp_path, "tae")
    tombstones.rehire(tmp_path, "hana")

    assert frozenset({"tae"}) == tombstones.revoked(tmp_path)

    again = tombstones.record(tmp_path, "hana")

    assert (again.epoch, again.sequence) == (2, 4)
    assert frozenset({"hana", "tae"}) == tombstones.revoked(tmp_path)


@pytest.mark.parametrize("person", ["", "..", "-x", "a:b", "Hana", "a" * 33, "hana\n", "ha/na"])
def test_only_an_id_gets_a_tombstone(tmp_path: Path, person: str) -> None:
    """An id is an account name on every host."""
    with pytest.raises(tombstones.TombstoneError, match="no identity"):
        tombstones.record(tmp_path, person)

    assert not (tmp_path / tombstones.STORE).exists()


def test_a_removed_line_is_noticed(tmp_path: Path) -> None:
    """Whoever edits the list breaks its signature."""
    tombstones.record(tmp_path, "hana")
    store = tmp_path / tombstones.STORE
    store.write_text(store.read_text().replace("hana", "hani"))

    with pytest.raises(tombstones.TombstoneError, match="signature does not match"):
        tombstones.revoked(tmp_path)


def test_a_list_without_signature_is_refused(tmp_path: Path) -> None:
    """A list that somebody wrote by hand opens no door."""
    tombstones.record(tmp_path, "hana")
    empty = {"schema": 1, "sequence": 9, "issued": "", "tombstones": [], "rehires": []}
    (tmp_path / tombstones.STORE).write_text(json.dumps(empty))

    with pytest.raises(tombstones.TombstoneError, match="signature is missing"):
        tombstones.revoked(tmp_path)


def test_an_older_list_is_refused(tmp_path: Path) -> None:
    """A copy from before the leaving is well signed, and too old."""
    tombstones.record(tmp_path, "tae")
    old = (tmp_path / tombstones.STORE).read_bytes()
    tombstones.record(tmp_path, "hana")
    (tmp_path / tombstones.STORE).write_bytes(old)

    with pytest.raises(tombstones.TombstoneError, match="sequence 1 is older than 2"):
        tombstones.revoked(tmp_path)
    with pytest.raises(tombstones.TombstoneError, match="older"):
        tombstones.record(tmp_path, "minho")


def test_a_deleted_list_is_not_an_empty_one(tmp_path: Path) -> None:
    """The high-water mark remembers that leavers were listed."""
    tombstones.record(tmp_path, "hana")
    (tmp_path / tombstones.STORE).unlink()

    with pytest.raises(tombstones.TombstoneError, match="missing, but a list with sequence 1"):
        tombstones.revoked(tmp_path)


def test_a_lost_key_is_not_replaced_silently(tmp_path: Path) -> None:
    """A new key would make every old tombstone unreadable."""
    tombstones.record(tmp_path, "hana")
    (tmp_path / "tombstone_key").unlink()

    with pytest.raises(tombstones.TombstoneError, match="restore it from backup"):
        tombstones.record(tmp_path, "tae")


def test_a_foreign_signer_is_refused(tmp_path: Path) -> None:
    """Another site's list is signed by another key."""
    tombstones.record(tmp_path / "a", "hana")
    tombstones.record(tmp_path / "b", "tae")
    (tmp_path / "a" / tombstones.STORE).write_bytes((tmp_path / "b" / tombstones.STORE).read_bytes())

    with pytest.raises(tombstones.TombstoneError, match="does not match"):
        tombstones.revoked(tmp_path / "a")


def test_a_crash_before_the_swap_leaves_the_old_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text and signature change together or not at all, and the next run goes on."""
    tombstones.record(tmp_path, "tae")
    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(tombstones.TombstoneError, match="No space left on device"):
            tombstones.record(tmp_path, "hana")

    assert frozenset({"tae"}) == tombstones.revoked(tmp_path)
    assert tombstones.record(tmp_path, "hana").sequence == 2


def test_a_crash_between_list_and_mark_heals(tmp_path: Path) -> None:
    """The mark may lag: the newer list stands."""
    tombstones.record(tmp_path, "tae")
    tombstones.record(tmp_path, "hana")
    (tmp_path / tombstones.MARK).write_text("1\n")

    assert frozenset({"hana", "tae"}) == tombstones.revoked(tmp_path)


def test_the_list_can_be_verified_without_haechi(tmp_path: Path) -> None:
    """An auditor needs ssh-keygen and the published form, nothing of ours."""
    tombstones.record(tmp_path, "hana")
    document = json.loads((tmp_path / tombstones.STORE).read_text())
    (tmp_path / "sig").write_text(document.pop("signature"))
    text = json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n"
    signers = ["-f", str(tmp_path / "allowed_signers"), "-I", "haechi", "-n", "haechi-tombstones"]
    verify = ["ssh-keygen", "-Y", "verify", *signers, "-s", str(tmp_path / "sig")]

    assert subprocess.run(verify, input=text.encode(), capture_output=True, check=False).returncode == 0


def test_the_key_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Whoever reads the key can bring a leaver back."""
    tombstones.record(tmp_path, "hana")

    assert (tmp_path / "tombstone_key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / tombstones.STORE).stat().st_mode & 0o777 == 0o600
