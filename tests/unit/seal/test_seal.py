"""The sealed account's secret: two holders bring it back, one has nothing, and an earlier seal opens nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml

from haechi.cli import main
from haechi.evidence import canonical
from haechi.seal import SealError, shares, store
from tests.unit.grant.conftest import Site, pairs, site

__all__ = ["pairs", "site"]
HOLDERS = ("jisoo", "minho", "sora")


@pytest.fixture
def sealed(site: Site) -> Site:
    """Return the lab's site: an emergency account and three holders."""
    return site


def opened(site: Site, out: Path, who: str) -> str:
    return shares.unseal((out / f"{who}.age").read_text(), (site.keys / who).read_bytes())


def test_two_holders_recover_what_nobody_kept(
    sealed: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No share and no password is shown or kept in clear by `split`, and each opening is on record."""
    here = ["-i", str(sealed.inventory)]
    assert main(["break-glass", "split", *here, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    words = [opened(sealed, tmp_path / "out", who) for who in HOLDERS]
    kept = "".join(path.read_text() for path in (sealed.state / "break_glass").iterdir())
    assert not any(word in said + kept for word in words)

    monkeypatch.setattr("sys.stdin", io.StringIO(f"{words[2]}\n{words[0]}\n"))
    assert main(["break-glass", "recover", *here]) == 0

    seal = store.read(sealed.state)
    assert seal is not None
    account, _, password = capsys.readouterr().out.strip().partition(": ")
    assert account == "seal"
    assert password == shares.password(shares.combine(words[:2]))
    assert shares.opens(shares.combine(words[1:]), seal.hash)
    texts = [path.read_text() for path in (sealed.state / "evidence/runs").glob("*/records.jsonl")]
    assert sorted('"what":"opened"' in text for text in texts) == [False, True]
    assert sum('"what":"sealed"' in text for text in texts) == 1
    assert not any(password in text for text in texts)


def test_one_holder_has_nothing(sealed: Site) -> None:
    """Nor the same holder twice."""
    seal, _ = store.make(sealed.desk().policy)
    word = shares.unseal(seal.shares["jisoo"], (sealed.keys / "jisoo").read_bytes())

    for words in ([word], [word, word]):
        with pytest.raises(SealError, match="these shares give no secret"):
            store.recover(seal, words)


def test_a_share_opens_for_its_holder_alone(sealed: Site) -> None:
    """A colleague's key does not read it."""
    seal, _ = store.make(sealed.desk().policy)

    with pytest.raises(SealError, match="this key does not open this share"):
        shares.unseal(seal.shares["jisoo"], (sealed.keys / "minho").read_bytes())


def test_shares_of_an_earlier_seal_open_nothing(sealed: Site) -> None:
    """After a drill the old ones are paper."""
    old, _ = store.make(sealed.desk().policy)
    new, _ = store.make(sealed.desk().policy)
    words = [shares.unseal(old.shares[who], (sealed.keys / who).read_bytes()) for who in HOLDERS[:2]]

    with pytest.raises(SealError, match="these shares are of another seal"):
        store.recover(new, words)


def test_a_site_without_holders_seals_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what policy lacks."""
    (site.policy / "break_glass.yml").unlink()

    assert main(["break-glass", "split", "-i", str(site.inventory)]) == 1
    assert "policy has no `break_glass` with holders" in capsys.readouterr().err


def test_a_password_is_typed_without_mistakes() -> None:
    """26 letters and digits in groups, all 128 bits of it."""
    assert shares.password(bytes(range(16))) == "aaaqe-ayeau-daoca-jbifq-ydiob-4"
    assert canonical.digest(shares.new_secret()) != canonical.digest(shares.new_secret())


@pytest.mark.parametrize(
    ("policy", "what"),
    [
        ({"holders": ["jisoo", "minho", "minho"]}, "minho would hold two shares"),
        ({"holders": ["jisoo", "minho", "tae"]}, "holder tae is no active person"),
        ({"holders": ["jisoo", "minho", "sora"], "threshold": 4}, "4 of 3 holders can never meet"),
    ],
    ids=["twice", "left", "never"],
)
def test_holders_must_be_able_to_meet(
    sealed: Site, policy: dict[str, object], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found before anything is sealed."""
    sealed.set("break_glass", break_glass=policy)

    assert main(["validate", "-i", str(sealed.inventory)]) == 1
    assert what in capsys.readouterr().out
    assert yaml.safe_load((sealed.inventory / "group_vars/all/policy/break_glass.yml").read_text())
