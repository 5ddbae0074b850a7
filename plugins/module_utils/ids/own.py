"""The rules that come with Haechi, each with traffic that it must find and traffic that it must leave alone."""

from __future__ import annotations

from dataclasses import dataclass

# Below 1000000 are Emerging Threats' and others'; 1000000 to 1999999 are for a site's own (Suricata, "sid").
FIRST, LAST = 1078000, 1078099
CANARY = 1078001
CANARY_WORD = b"haechi-canary "
# What a database takes for a space, or a form for one; Suricata leaves the form's plus sign as it is.
_GAP = r"(?:\s|\+|%20|\x2f\*[^*]*\*\x2f)"
_SPACE = f"{_GAP}+"
_UNION = rf"/\bunion{_SPACE}(?:all{_SPACE})?select\b/i"
# Six digits with a day in them, and seven of which the first says sex and century (행정안전부, 주민등록번호).
_RRN = r"/(?<![0-9])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])-[1-8][0-9]{6}(?![0-9])/"
_TRUE = rf"/[\x27\x22]{_GAP}*(?:or|and){_SPACE}[\x27\x22]?\w+[\x27\x22]?{_GAP}*={_GAP}*[\x27\x22]?\w/i"


@dataclass(frozen=True, kw_only=True)
class Talk:
    """One conversation: what is asked and what is answered, between a host of ours and one that is not.

    ``to_us``: the other one asks. ``proto``: tcp or udp.
    """

    ask: bytes
    answer: bytes = b""
    to_us: bool = True
    proto: str = "tcp"
    port: int = 8080


@dataclass(frozen=True, kw_only=True)
class Own:
    """One rule, with what it must find and what it must not."""

    sid: int
    action: str
    head: str
    message: str
    body: str
    found: Talk
    passed: Talk

    def text(self) -> str:
        """Return the rule as Suricata reads it."""
        return f'{self.action} {self.head} (msg:"HAECHI {self.message}"; {self.body} sid:{self.sid}; rev:1;)'


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: ekyc.example.test\r\nAccept: */*\r\n\r\n".encode()


def _post(body: str) -> bytes:
    head = "POST /lookup HTTP/1.1\r\nHost: ekyc.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()


def _said(body: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    return f"{head}{body}".encode()


OWN = (
    Own(
        sid=CANARY,
        action="alert",
        head="udp any any -> 127.0.0.0/8 9",
        message="canary",
        body=f'content:"{CANARY_WORD.decode()}"; depth:{len(CANARY_WORD)}; classtype:not-suspicious;',
        found=Talk(ask=CANARY_WORD + b"2026-01-01", proto="udp", port=9),
        passed=Talk(ask=b"a datagram that nobody reads", proto="udp", port=9),
    ),
    Own(
        sid=1078002,
        action="drop",
        head="tcp $HOME_NET any -> $EXTERNAL_NET any",
        message="resident registration number leaves in clear text",
        body=f'flow:established; content:"-"; pcre:"{_RRN}"; classtype:policy-violation;',
        found=Talk(ask=_get("/person"), answer=_said("홍길동 900101-1234567")),
        # A month that is none, a number that goes on, an account: each looks like one.
        passed=Talk(ask=_get("/order"), answer=_said("901301-1234567 1900101-12345678 110-234-900101 2026-11-27")),
    ),
    Own(
        sid=1078003,
        action="drop",
        head="http any any -> $HOME_NET any",
        message="SQL injection in a request's address (union select)",
        body='flow:to_server,established; http.uri; content:"union"; nocase; content:"select"; nocase; '
        f'pcre:"{_UNION}"; classtype:web-application-attack;',
        found=Talk(ask=_get("/search?name=x%27%20UNION/**/ALL%20SELECT%20name%20FROM%20people--"), answer=_said("no")),
        passed=Talk(ask=_get("/search?name=trade+union+of+selected+workers"), answer=_said("yes")),
    ),
    Own(
        sid=1078004,
        action="drop",
        head="http any any -> $HOME_NET any",
        message="SQL injection in a request's body (union select)",
        body='flow:to_server,established; http.request_body; content:"union"; nocase; content:"select"; nocase; '
        f'pcre:"{_UNION}"; classtype:web-application-attack;',
        found=Talk(ask=_post("name=x%27+union+select+name+from+people"), answer=_said("no")),
        passed=Talk(ask=_post("memo=a+credit+union,+please+select+one"), answer=_said("yes")),
    ),
    Own(
        sid=1078005,
        action="drop",
        head="http any any -> $HOME_NET any",
        message="SQL injection in a request's address (a condition that is always true)",
        body=f'flow:to_server,established; http.uri; content:"="; pcre:"{_TRUE}"; classtype:web-application-attack;',
        found=Talk(ask=_get("/search?name=x%27+or%20%271%27+=/**/%271"), answer=_said("all")),
        passed=Talk(ask=_get("/search?name=O%27Brien+or%20Smith&page=1"), answer=_said("two")),
    ),
)


def rules() -> str:
    """Return all of them, a line each."""
    return "".join(f"{one.text()}\n" for one in OWN)
