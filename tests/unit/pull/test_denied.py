"""What a host keeps of whom it denied: the keys that had let them in, and nothing of anybody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.accounts import apply, errand, leave, read, state
from ansible_collections.haechi.guard.plugins.module_utils.accounts.state import Current
from ansible_collections.haechi.guard.plugins.module_utils.pull import denied, run
from ansible_collections.haechi.guard.plugins.module_utils.pull.document import Listed

from tests.unit.accounts.conftest import ANN, BOB, TODAY, Paper, account, central, host

NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)
(ANN_S,) = state.fingerprints([ANN])
HOST = host(account("ann"), account("bob", uid=1002), key_files=(central("ann", ANN), central("bob", BOB)))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the record in a folder of the test, whoever runs it."""
    monkeypatch.setattr(denied, "FILE", str(tmp_path / "denied.json"))
    monkeypatch.setattr(denied.files, "write", lambda path, data, **_: Path(path).write_bytes(data))
    return tmp_path / "denied.json"


def listed(*people: str) -> Listed:
    """Return a list of these leavers, whose keys it names."""
    named = dict.fromkeys(people, (ANN_S,))
    return Listed(sequence=7, issued=NOW, expires=NOW, user_ca="", revoked="", text="", people=named)


def noted(monkeypatch: pytest.MonkeyPatch, before: Current, after: Current, *people: str) -> list[str]:
    """Return what fails to be kept after a denial that left the host so."""
    monkeypatch.setattr(run.read, "current", lambda: after)
    return [*run._noted(before, listed(*people))]


def test_the_key_that_let_somebody_in_until_now_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of her alone, with the number of the list; and it is still told once she was denied again."""
    after = Paper(HOST).apply(leave.plan(HOST, "ann", (ANN_S,)))

    assert noted(monkeypatch, HOST, after, "ann") == []
    assert noted(monkeypatch, after, after, "ann") == []

    told = denied.told(["ann", "bob"])
    assert (told["ann"]["keys"], told["ann"]["list"], list(told)) == ([ANN_S], 7, ["ann"])
    assert file.is_file()


@pytest.mark.parametrize(
    "before",
    [
        host(account("ann", expires=TODAY - 1), key_files=(central("ann", ANN),)),
        host(account("ann")),
        host(account("ann"), key_files=(replace(central("ann", ANN), safe=False),)),
        host(account("ann"), key_files=(replace(central("ann", ANN), path="/home/ann/.ssh/authorized_keys"),)),
        host(),
    ],
    ids=["an account that was shut", "no key", "a file that others write", "a file that sshd does not read", "nobody"],
)
def test_what_opened_no_door_is_no_sign_of_one(file: Path, monkeypatch: pytest.MonkeyPatch, before: Current) -> None:
    """A proof must not rest on a key that would have been refused anyway."""
    assert noted(monkeypatch, before, host(), "ann") == []
    assert denied.told(["ann"]) == {}
    assert not file.exists()


def test_whoever_still_gets_in_is_not_kept_as_denied(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The denial failed half-way: the next run tries again, and keeps it then."""
    assert noted(monkeypatch, HOST, HOST, "ann") == []
    assert denied.told(["ann"]) == {}
    file.write_text("{")
    assert denied.told(["ann"]) == {}


def test_a_full_disk_is_told_and_denies_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is what is lost, not the denial."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(denied.files, "write", full)
    assert noted(monkeypatch, HOST, host(), "ann") == ["who was denied is not kept: [Errno 28] No space left on device"]
    assert not file.exists()


@pytest.fixture
def shut(file: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let a host be one on paper that is denied by an errand; what is kept when it says "shut" is written down."""
    paper, kept = Paper(HOST), list[bool]()
    monkeypatch.setattr(read, "current", lambda: paper.now)
    monkeypatch.setattr(apply, "apply", lambda changes: (paper.apply(changes), {})[1])
    del file
    return kept


def sent(kept: list[bool], file: Path, *, check: bool = False) -> dict[str, Any]:
    """Return what the errand of a controller says of ann."""
    told = errand.answer(
        ["ann"],
        {"ann": [ANN]},
        {},
        check=check,
        shut=lambda: kept.append(file.exists() and "ann" in denied.told(["ann"])),
    )
    row: dict[str, Any] = told["people"]["ann"]
    return row


def test_a_controller_that_dies_after_the_denial_leaves_behind_that_the_key_had_opened(
    file: Path, shut: list[bool]
) -> None:
    """It is on the disk before anybody hears that the doors are shut; the next run is told, the first is not."""
    assert "by_itself" not in sent(shut, file, check=True)
    assert not file.exists()

    first, second = sent(shut, file), sent(shut, file)

    assert shut == [True, True]
    assert "by_itself" not in first
    assert (second["by_itself"]["list"], second["by_itself"]["keys"]) == (None, [ANN_S])
