"""The page for the personnel file: in two languages, escaped, and as the bundle has it."""

from __future__ import annotations

import re
from html import unescape

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from haechi.hr.ledger.states import ItemState, RevocationState
from haechi.hr.ledger.views import RevocationView
from haechi.hr.proof import bundle, page
from haechi.hr.proof.statement import statement
from tests.project.conftest import ROOT
from tests.unit.hr.proof import samples

KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
FOLDER = ROOT / "src/haechi/hr/proof"
WORDS = yaml.safe_load((FOLDER / "words.yml").read_text(encoding="utf-8"))
HANGUL = re.compile(r"[가-힣]")
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


def test_every_text_is_said_in_both_languages_and_used() -> None:
    """Korean is Korean, English is English, both have the same places to fill, and none is left over."""
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*") if path.suffix in {".py", ".j2"})
    made = ("hp_verdict_", "hp_state_", "hp_act_", "hp_nav_", "hp_method_")
    for key, said in WORDS.items():
        assert set(said) == {"ko", "en"}, key
        assert HANGUL.search(said["ko"]), key
        assert not HANGUL.search(said["en"]), key
        assert sorted(re.findall(r"{\w+}", said["ko"])) == sorted(re.findall(r"{\w+}", said["en"])), key
        assert key.startswith(made) or re.search(rf"['\"]({key}|{key.removeprefix('hp_')})['\"]", text), key
