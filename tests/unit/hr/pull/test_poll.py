"""Tokens are fetched from a real transmitter of RFC 8936, and acknowledged only once they are in the ledger."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from joserfc import jws
from joserfc.jwk import ECKey, KeySet

from haechi.hr.sources.secrets import Secrets
from haechi.hr.work.poll import Poll
from haechi.hr.work.ports import InboxError
from haechi.policy.provisioning import Source, SourceKind

KEY = ECKey.generate_key("P-256", {"kid": "one"})
ISSUER, AUDIENCE, TOKEN = "https://idp.example", "https://haechi.example", "a-bearer-token"
LEFT = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"


def event(jti: str, *, issuer: str = ISSUER) -> str:
    """Return a signed token that says that hana's account was disabled."""
    subject = {"format": "opaque", "id": "E1007"}
    claims = {"iss": issuer, "aud": AUDIENCE, "jti": jti, "iat": int(time.time()), "sub_id": subject}
    header = {"alg": "ES256", "typ": "secevent+jwt", "kid": "one"}
    return jws.serialize_compact(header, json.dumps(claims | {"events": {LEFT: {}}}).encode(), KEY)


@dataclass
class Transmitter:
    """Keeps tokens until they are acknowledged or reported, and every request that it was sent."""

    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Response | None = None

    async def poll(self, request: Request) -> Response:
        """Answer as section 2.4 of RFC 8936 has it."""
        if self.answer is not None:
            return self.answer
        if request.headers["authorization"] != f"Bearer {TOKEN}":
            return Response(status_code=401)
        asked = await request.json()
        self.asked.append(asked)
        for jti in (*asked["ack"], *asked["setErrs"]):
            self.tokens.pop(jti, None)
        given = dict(list(self.tokens.items())[: asked["maxEvents"]])
        return Response(json.dumps({"sets": given, "moreAvailable": False}), media_type="application/json")


@pytest.fixture(scope="module")
def served() -> Iterator[Transmitter]:
    transmitter, app = Transmitter(), FastAPI()
    app.add_api_route("/poll", transmitter.poll, methods=["POST"], response_model=None)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        transmitter.url = f"http://127.0.0.1:{listener.getsockname()[1]}/poll"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield transmitter
        server.should_exit = True
        thread.join()


@pytest.fixture
def transmitter(served: Transmitter) -> Transmitter:
    served.tokens, served.asked, served.answer = {}, [], None
    return served


@pytest.fixture
def poll(transmitter: Transmitter, tmp_path: Path) -> Poll:
    (tmp_path / "idp.jwks").write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "token").chmod(0o600)
    names = {"issuer": ISSUER, "audience": AUDIENCE, "keys": "idp.jwks", "poll": transmitter.url}
    source = Source(name="idp", kind=SourceKind.SET, **names)
    return Poll(
        source=source, secrets=Secrets(tmp_path), zone=ZoneInfo("Asia/Seoul"), token=tmp_path / "token", pause_s=0.0
    )


def test_a_token_is_acknowledged_after_the_ledger_has_it(poll: Poll, transmitter: Transmitter) -> None:
    """And comes once, however often it is asked for meanwhile."""
    transmitter.tokens = {"a": event("a"), "b": event("b")}

    first, again = poll.after(0, 10), poll.after(0, 10)

    assert [row.number for row in first] == [row.number for row in again] == [1, 2]
    assert [row.envelope.body.decode() for row in first] == list(transmitter.tokens.values())
    assert [asked["ack"] for asked in transmitter.asked] == [[], []]
    assert poll.forget(1) == 1
    assert [row.number for row in poll.after(1, 10)] == [2]
    assert transmitter.asked[-1] == {"maxEvents": 100, "returnImmediately": True, "ack": ["a"], "setErrs": {}}
    assert list(transmitter.tokens) == ["b"]


def test_a_token_that_is_refused_is_reported_and_not_taken(poll: Poll, transmitter: Transmitter) -> None:
    """One of another issuer, and one that somebody altered."""
    transmitter.tokens = {
        "a": event("a", issuer="https://other.example"),
        "b": event("b")[:-4] + "AAAA",
        "c": event("c"),
    }

    assert [row.number for row in poll.after(0, 10)] == [1]
    poll.after(0, 10)

    told = transmitter.asked[-1]["setErrs"]
    assert {jti: row["err"] for jti, row in told.items()} == {"a": "invalid_issuer", "b": "authentication_failed"}
    assert list(transmitter.tokens) == ["c"]


def test_a_token_that_cannot_be_judged_now_comes_again(poll: Poll, transmitter: Transmitter, tmp_path: Path) -> None:
    """Without the issuer's keys nothing is refused, and nothing acknowledged."""
    keys = (tmp_path / "idp.jwks").read_text()
    (tmp_path / "idp.jwks").unlink()
    transmitter.tokens = {"a": event("a")}

    assert poll.after(0, 10) == []
    (tmp_path / "idp.jwks").write_text(keys)
    poll.secrets = Secrets(tmp_path)

    assert [row.number for row in poll.after(0, 10)] == [1]
    assert transmitter.asked[-1]["setErrs"] == {}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(status_code=503), "it answers 503"),
        (Response("no json"), "its answer is none of RFC 8936"),
        (Response('{"sets": {"a": 1}}'), "its answer is none of RFC 8936"),
        (Response(json.dumps({"sets": {str(index): "t" for index in range(101)}})), "its answer is none of RFC 8936"),
        (Response("x" * 6_553_601), "its answer has more than 6553600 bytes"),
        (Response(status_code=307, headers={"location": "http://127.0.0.1:1/"}), "it answers 307"),
    ],
)
def test_an_answer_that_is_none_is_said_to_be(poll: Poll, transmitter: Transmitter, answer: Response, why: str) -> None:
    """What was to be acknowledged is, the next time."""
    transmitter.tokens = {"a": event("a")}
    poll.after(0, 10)
    poll.forget(1)
    transmitter.answer = answer

    with pytest.raises(InboxError, match=why):
        poll.after(0, 10)
    transmitter.answer = None
    poll.after(0, 10)

    assert transmitter.asked[-1]["ack"] == ["a"]


def test_a_transmitter_is_not_asked_more_often_than_it_should(poll: Poll, transmitter: Transmitter) -> None:
    """The worker looks every second."""
    poll.pause_s = 60.0
    for _ in range(3):
        poll.after(0, 10)

    assert len(transmitter.asked) == 1


@pytest.mark.parametrize(("mode", "text"), [(0o640, TOKEN), (0o600, ""), (0o600, "a\x01b")])
def test_a_token_file_that_others_may_read_is_not_used(poll: Poll, mode: int, text: str) -> None:
    """Nor one that holds none; the words hold no token."""
    poll.token.write_text(text)
    poll.token.chmod(mode)

    with pytest.raises(InboxError) as told:
        poll.after(0, 10)
    assert str(poll.token) in str(told.value)
    assert TOKEN not in str(told.value)


def test_a_token_never_travels_in_clear(poll: Poll) -> None:
    """Policy that names http is refused before anything is sent."""
    poll.source = poll.source.model_copy(update={"poll": "http://idp.example/poll"})

    with pytest.raises(InboxError, match="is no https URL: mend it in policy"):
        poll.after(0, 10)
