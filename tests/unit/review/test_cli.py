"""The verb as a person calls it: her own key, ssh-keygen in between, one sentence for each refusal."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from haechi.cli import main
from haechi.evidence import export
from haechi.review import signing

from .conftest import Site


def review(site: Site, verb: str, *arguments: str) -> int:
    return main(["review", verb, "-i", str(site.inventory), *arguments])


def sign(site: Site, who: str, out: Path) -> None:
    """Follow what `sign` prints."""
    assert review(site, "sign", "--as", who, "--decide", "all=correct:the role puts it right", "--out", str(out)) == 0
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "haechi-access-review", "-f", str(site.keys / who), str(out)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.exhaustive
def test_two_people_sign_by_the_command_line(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From a review to a complete one, with page, list and verification."""
    run, made = site.review()
    for who in ("jisoo", "minho"):
        sign(site, who, tmp_path / f"{who}.json")
        assert review(site, "accept", "--document", str(tmp_path / f"{who}.json")) == 0
    told = capsys.readouterr().out
    assert "jisoo: another reviewer must look at this access" in told
    assert told.rstrip().endswith("검토가 완료되었습니다.")

    assert review(site, "list") == 0
    assert f"{run}  complete, jisoo on " in capsys.readouterr().out
    assert review(site, "verify") == 0
    assert f"sha256 {made.sha256}, signed by jisoo, minho" in capsys.readouterr().out
    assert review(site, "page", "--out", str(tmp_path / "page")) == 0
    assert "검토가 완료되었습니다." in (tmp_path / "page/review.html").read_text()


def test_an_auditor_verifies_an_export(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On another machine, without the inventory and its state."""
    run, _ = site.review()
    sign(site, "jisoo", tmp_path / "d.json")
    review(site, "accept", "--document", str(tmp_path / "d.json"))
    today = signing._today()
    export.write(site.folder, today, today, tmp_path / "export")
    capsys.readouterr()

    assert main(["review", "verify", "-i", str(tmp_path / "none"), "--evidence", str(tmp_path / "export")]) == 0
    assert f"{run}: sha256 " in capsys.readouterr().out
    records = tmp_path / "export/runs" / run / "records.jsonl"
    records.write_text(records.read_text().replace("systemd-journal", "systemd-journax"))
    assert main(["review", "verify", "-i", str(tmp_path / "none"), "--evidence", str(tmp_path / "export")]) == 1
    assert "WRONG    " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["sign", "--as", "tae"], "refused: tae has left or is disabled"),
        (["sign", "--as", "haechi"], "refused: unknown signer: haechi is no person of policy"),
        (["sign", "--as", "jisoo"], "refused: no decision on "),
        (["sign", "--as", "jisoo", "--review", "../x"], "is no name of a run"),
        (["accept", "--document", "/nowhere"], "/nowhere: it does not exist"),
    ],
)
def test_a_refusal_is_one_sentence(
    site: Site, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a traceback, with exit code 1 for what is refused and 3 for what cannot be done."""
    site.review()

    code = review(site, *arguments)

    words = capsys.readouterr().err
    assert told in words
    assert len(words.splitlines()) == 1
    assert code == (1 if "refused" in words else 3)


@pytest.mark.parametrize("text", ["all=correct", "all=remove:it", "x", "1=correct:"])
def test_a_decision_says_what_and_why(site: Site, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody decides without a reason."""
    with pytest.raises(SystemExit) as error:
        review(site, "sign", "--as", "jisoo", "--decide", text)

    assert error.value.code == 2
    assert "ID=correct|allow|investigate:WHY" in capsys.readouterr().err


def test_a_policy_with_errors_lets_nobody_sign(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Who may sign stands in it."""
    site.review()
    site.set("review", review={"jobs": ["nobodys"]})

    assert review(site, "sign", "--as", "jisoo") == 3
    assert "its policy says who may sign, and has errors" in capsys.readouterr().err


def test_nothing_to_sign_is_said(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first review."""
    assert review(site, "sign", "--as", "jisoo") == 1
    assert "no review is on record: run playbooks/review.yml" in capsys.readouterr().err
