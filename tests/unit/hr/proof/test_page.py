"""The page for the personnel file: in two languages, escaped, and as the bundle has it."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.ledger.views import RevocationView
from haechi.hr.proof import bundle, page
from haechi.hr.proof.statement import statement
from tests.project.conftest import ROOT
from tests.unit import words as tables
from tests.unit.hr.proof import samples

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
FOLDER = ROOT / "src/haechi/hr/proof"
WORDS = yaml.load((FOLDER / "words.yml").read_text(encoding="utf-8"), yaml.CSafeLoader)
PROVEN = samples.host("gw1", ItemState.PROVEN)


def rendered(row: RevocationView) -> str:
    data = bundle.text(bundle.sign(KEY, statement(samples.about(row))))
    return page.render(bundle.verify(data, KEY.public_key()), "000007-hana.json")


def words(text: str) -> str:
    body = text.partition("<main")[2].partition("<script>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize(
    ("row", "says", "says_not"),
    [
        pytest.param(
            samples.revocation(),
            ("hana: access is proven to be denied on all of 2 hosts.", "서버 2대 모두에서 접근 차단이 입증되었습니다"),
            "not finished",
            id="proven",
        ),
        pytest.param(
            samples.revocation(PROVEN, samples.unreachable("app1"), state=RevocationState.OPEN),
            ("hana: not finished. Denial is not proven on 1 of 2 hosts.", "timed out", "not yet"),
            "is proven to be denied on all",
            id="open",
        ),
        pytest.param(
            samples.revocation(PROVEN, samples.retired("db1")),
            ("on all 1 hosts that are still there; 1 were retired.", "Retired by sora, tae: scrapped"),
            "not finished",
            id="retired",
        ),
    ],
)
def test_the_page_says_what_the_bundle_says(row: RevocationView, says: tuple[str, ...], says_not: str) -> None:
    """First of all what it came to, then every host."""
    shown = words(rendered(row))

    for text in (*says, "34750f98bd59fcfc946da45aaabe933be154a4b5094e1c4abf42866505f3c97e", "2026-11-26 18:00:00 KST"):
        assert text in shown
    assert says_not not in shown


def test_what_a_host_said_is_shown_as_text() -> None:
    """The one script of the page is its own."""
    text = rendered(samples.revocation(samples.unreachable("app1"), state=RevocationState.OPEN))

    assert text.count("<script>") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_host_that_denied_by_itself_is_not_called_one_without_access() -> None:
    """Nor one that accepted the key: whoever reads the page must see what the proof rests on."""
    seen = {**PROVEN.record, "before": {"person": "refused"}, "by_itself": True}
    shown = words(rendered(samples.revocation(replace(PROVEN, record=seen))))

    assert "shut the door that the person's key had opened" in shown
    assert "Before: the person" not in shown


def test_every_text_is_said_in_both_languages() -> None:
    """In the words of a person who speaks it."""
    tables.said_in_both_languages(WORDS)


def test_no_word_is_left_over() -> None:
    """What no template and no module names is taken out of the table."""
    made = ("hp_verdict_", "hp_state_", "hp_act_", "hp_nav_", "hp_method_")

    assert tables.left_over(WORDS, FOLDER, made, "hp_") == []
