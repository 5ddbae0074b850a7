"""A roster with a signature of somebody whom policy names is taken from the folder; anything else is put aside."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from haechi.hr.sources.secrets import Secrets
from haechi.hr.work.ports import InboxError
from haechi.hr.work.rosters import RosterFolder
from haechi.policy.provisioning import Source, SourceKind

BODY = f"issued,{datetime.now(UTC).isoformat()}\nhr_id,user_name\nE1,hana\n".encode()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "sora"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture
def rosters(key: Path, tmp_path: Path) -> RosterFolder:
    source = Source(name="hr", kind=SourceKind.ROSTER, signers=("sora",))
    secrets = Secrets(tmp_path, people={"sora": (key.with_suffix(".pub").read_text().strip(),)})
    folder = tmp_path / "drop"
    folder.mkdir()
    return RosterFolder(source=source, secrets=secrets, zone=ZoneInfo("Asia/Seoul"), folder=folder, settled_s=0.0)


def drop(rosters: RosterFolder, key: Path, name: str, body: bytes = BODY) -> Path:
    path = rosters.folder / name
    path.write_bytes(body)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "haechi-roster", "-f", key, path], check=True)
    return path


def files(rosters: RosterFolder) -> list[str]:
    return sorted(str(path.relative_to(rosters.folder)) for path in rosters.folder.rglob("*") if path.is_file())


def test_a_signed_roster_is_taken_and_put_away(rosters: RosterFolder, key: Path) -> None:
    """Away only once the ledger has it; until then it is found again."""
    drop(rosters, key, "november.csv")

    [row] = rosters.after(0, 10)
    assert rosters.after(0, 10) == [row]
    assert (row.envelope.body, row.envelope.kind, row.envelope.source) == (BODY, "roster", "hr")
    assert files(rosters) == ["november.csv", "november.csv.sig"]
    assert rosters.forget(row.number) == 1
    assert files(rosters) == ["done/november.csv", "done/november.csv.sig"]
    assert rosters.after(0, 10) == []


def test_the_same_roster_has_the_same_id_after_a_restart(rosters: RosterFolder, key: Path) -> None:
    """The ledger knows it, and it is put away without a second effect."""
    drop(rosters, key, "november.csv")
    again = RosterFolder(
        source=rosters.source, secrets=rosters.secrets, zone=rosters.zone, folder=rosters.folder, settled_s=0.0
    )

    assert rosters.after(0, 10)[0].envelope.id == again.after(0, 10)[0].envelope.id


def test_what_nobody_signed_is_refused_with_words(rosters: RosterFolder, key: Path) -> None:
    """Altered after it was signed, and signed but empty."""
    drop(rosters, key, "a.csv").write_bytes(BODY + b"E2,minho\n")
    drop(rosters, key, "b.csv", BODY.partition(b"E1")[0])

    assert rosters.after(0, 10) == []
    refused = ["a.csv", "a.csv.sig", "a.csv.why", "b.csv", "b.csv.sig", "b.csv.why"]
    assert files(rosters) == [f"refused/{name}" for name in refused]
    assert "not authentic" in (rosters.folder / "refused/a.csv.why").read_text()
    assert "a site without anybody is a mistake" in (rosters.folder / "refused/b.csv.why").read_text()


def test_a_link_is_not_followed(rosters: RosterFolder) -> None:
    """Whoever may write there must not have other files read."""
    (rosters.folder / "a.csv").symlink_to("/etc/hostname")
    (rosters.folder / "a.csv.sig").write_text("-")

    assert rosters.after(0, 10) == []
    assert (rosters.folder / "refused/a.csv.why").read_text() == "no file: a.csv is a link: drop the file itself\n"


def test_what_is_still_on_its_way_is_left_alone(rosters: RosterFolder, key: Path) -> None:
    """Without a signature, drafts, and what changed just now."""
    rosters.settled_s = 60.0
    drop(rosters, key, "new.csv")
    (rosters.folder / "unsigned.csv").write_bytes(BODY)
    old = drop(rosters, key, ".draft.csv")
    for path in (old, rosters.folder / ".draft.csv.sig"):
        os.utime(path, (1, 1))

    assert rosters.after(0, 10) == []
    assert len(files(rosters)) == 5


def test_a_folder_that_is_not_there_is_said_to_be(rosters: RosterFolder) -> None:
    """The worker goes on with its other inboxes."""
    rosters.folder = rosters.folder / "none"
    with pytest.raises(InboxError, match=r"none: No such file or directory: make .*none a folder that Haechi owns"):
        rosters.after(0, 10)
