"""The lab's sealed account: its shares are made with the lab, and are as good as those of a real site."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from haechi.lab import site
from haechi.lab.podman import LabError
from haechi.policy import load, state_dir
from haechi.seal import shares, store

LAB = Path(__file__).resolve().parents[3] / "inventories/lab"


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the lab's inventory in a checkout of its own, as it is before anything was made."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path / "state"))
    ours = shutil.ignore_patterns("keys.yml", ".*")
    return Path(shutil.copytree(LAB, tmp_path / "inventories/lab", ignore=ours))


def test_a_lab_s_secret_is_made_once_and_two_of_its_holders_open_it(inventory: Path, tmp_path: Path) -> None:
    """Their words are for their owner alone, and nothing else keeps them; policy is whole with the keys made for it."""
    folder = site.prepare(inventory, site.read_policy(inventory))

    loaded = load(inventory)
    assert (loaded.policy is None, loaded.errors) == (False, ())
    state = state_dir(site.read_policy(inventory))
    seal = store.read(state)
    assert seal is not None
    assert folder == tmp_path / ".lab/lab"
    papers = {who: folder / "shares" / who for who in ("jisoo", "minho", "sora")}
    assert {path.stat().st_mode & 0o777 for path in papers.values()} == {0o600}
    words = {who: path.read_text().strip() for who, path in papers.items()}
    assert shares.opens(shares.combine([words["jisoo"], words["sora"]]), seal.hash)
    kept = "".join(path.read_text() for path in [*state.rglob("*"), *inventory.rglob("*")] if path.is_file())
    assert not any(word in kept for word in words.values())

    site.prepare(inventory, site.read_policy(inventory))

    assert store.read(state) == seal
    assert {who: path.read_text().strip() for who, path in papers.items()} == words


def test_a_lab_whose_holders_cannot_open_a_share_says_so(inventory: Path) -> None:
    """In one sentence, before a machine is made."""
    path = inventory / "group_vars/all/policy/identities.yml"
    kept = [line for line in path.read_text().splitlines(keepends=True) if "kind: break_glass" not in line]
    path.write_text("".join(kept))

    with pytest.raises(LabError, match="the emergency account is not sealed: policy has no `break_glass` with holders"):
        site.prepare(inventory, site.read_policy(inventory))
