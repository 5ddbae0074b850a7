"""Whatever is not authentic, not well formed or too much: a clear answer, and nothing kept."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from httpx import Response
from joserfc import jwk, jws

from .conftest import Site

CASES = Path(__file__).parents[3] / "cases/hr"
LEAVE = '{"event": "leave", "hr_id": "E1007"}'
DISABLED = {"https://schemas.openid.net/secevent/risc/event-type/account-disabled": {}}


def cases(name: str) -> list[Any]:
    rows = yaml.load((CASES / name).read_text(), yaml.CSafeLoader)
    return [pytest.param(row, id=row["case"].replace(" ", "_")) for row in rows]


def check(site: Site, answer: Response, case: dict[str, Any]) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (case["status"], case["status"]), problem
    assert re.search(case["words"], problem["detail"]), problem
    assert site.kept() == ()


@pytest.mark.parametrize("case", cases("webhook.yml"))
def test_a_webhook(standing: Site, case: dict[str, Any]) -> None:
    body = bytes.fromhex(case["hex"]) if "hex" in case else case.get("body", LEAVE).encode()
    body = b"[" * case["bomb"] if "bomb" in case else body.replace(b"%s", b"x" * case.get("fill", 2))
    name = "m" * 10_000 if case.get("name") == "long" else "msg_1"
    headers = standing.hook(body, name, time.time() + case.get("seconds", 0)) | case.get("headers", {})
    sent = {key: value.encode() for key, value in headers.items() if value is not None}
    check(standing, standing.client.post("/hook/hr", content=case.get("altered", body), headers=sent), case)


@pytest.mark.parametrize("case", cases("roster.yml"))
def test_a_roster(standing: Site, case: dict[str, Any]) -> None:
    text = case["text"].encode()
    headers = standing.roster(text, case.get("key", "sora"), case.get("namespace", "haechi-roster"))
    if "signature" in case:
        headers = {"roster-signature": case["signature"]}
    sent = {} if case.get("unsigned") else headers
    check(standing, standing.client.post("/roster/payroll", content=case.get("altered", text), headers=sent), case)


@pytest.mark.parametrize("case", cases("set.yml"))
def test_a_token(standing: Site, case: dict[str, Any]) -> None:
    answer = standing.client.post(
        "/set/idp", content=token(standing, case), headers={"content-type": "application/secevent+jwt"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json"), answer.text
    assert set(answer.json()) == {"err", "description"}
    assert answer.json()["err"] == case["err"], answer.json()
    assert re.search(case["words"], answer.json()["description"]), answer.json()
    assert standing.kept() == ()


def token(site: Site, case: dict[str, Any]) -> bytes:
    """Return the token that a case describes."""
    if "body" in case:
        return case["body"].encode()
    changed = case.get("claims", {})
    if case.get("relative"):
        changed = {name: int(time.time()) + seconds for name, seconds in changed.items()}
    claims = site.claims(**{"events": DISABLED, **changed})
    payload = case.get("payload", json.dumps(claims)).encode()
    payload = b'{"events": ' + b"[" * case["bomb"] if "bomb" in case else payload
    head, key = {"typ": "secevent+jwt", "alg": "ES256", "kid": "first", **case.get("header", {})}, site.key
    if case.get("none"):
        return b".".join((coded(json.dumps({**head, "alg": "none"}).encode()), coded(payload), b""))
    if case.get("stranger"):
        key = jwk.ECKey.generate_key("P-256")
    if case.get("hmac"):
        head["alg"], key = "HS256", jwk.OctKey.import_key(json.dumps(site.key.as_dict(private=False)))
    if "rsa" in case:
        head["alg"], key = case["rsa"], jwk.RSAKey.generate_key(2048)
    registry = jws.JWSRegistry(algorithms=[head["alg"]], strict_check_header=False)
    registry.check_header = lambda _header: None  # type: ignore[method-assign]
    made = jws.serialize_compact(head, payload, key, registry=registry).encode()
    if case.get("tampered"):
        first, _, last = made.split(b".")
        made = b".".join((first, coded(payload.replace(b'"one"', b'"two"')), last))
    return made


def coded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
