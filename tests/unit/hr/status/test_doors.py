"""Who may look: a link counts once and for a minute, a session for eight hours, and nobody else sees a name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from haechi.hr.status import doors

from .conftest import HOSTILE, Seeded, Visitor, path_of

NAMED = ("hana", "이하나", "eKYC", "resigned")


@pytest.mark.parametrize("path", ["/", "/leaving/1", "/leaving/none", "/nothing", "/in/none"])
def test_a_stranger_sees_nothing(seeded: Seeded, visitor: Visitor, path: str) -> None:
    """No name, no site, no number: only how to get in."""
    seeded.leaving()

    answer = visitor.client.get(path)

    assert answer.status_code in {401, 403, 404}
    assert "haechi hr page --link --for ID" in answer.text
    for word in NAMED:
        assert word not in answer.text


def test_a_link_lets_one_in_once(seeded: Seeded, visitor: Visitor) -> None:
    """The cookie is for this server alone, out of a script's reach; the same link is refused from then on."""
    seeded.leaving()
    link = visitor.link()

    answer = visitor.client.get(link)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/?lang=ko"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Max-Age=28800" in cookie
    assert "Secure" not in cookie
    assert "hana" in visitor.client.get("/").text
    assert visitor.client.get(link).status_code == 403


def test_over_tls_the_cookie_never_goes_in_clear(seeded: Seeded) -> None:
    """Nor does any later visit."""
    visitor = Visitor(seeded, tls=True)
    answer = visitor.client.get(visitor.link())

    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(("age", "status"), [(59, 303), (60, 403)])
def test_a_link_counts_for_a_minute(visitor: Visitor, age: int, status: int) -> None:
    """And to the second not longer."""
    link = visitor.link(at=datetime.now(UTC) - timedelta(seconds=age))

    assert visitor.client.get(link).status_code == status


def test_of_a_link_its_digest_alone_is_kept(visitor: Visitor) -> None:
    """Whoever reads the folder cannot log in by it, and links of the past are swept."""
    token = doors.link(visitor.place, "jisoo", datetime.now(UTC) - timedelta(minutes=5))
    before = path_of(visitor.place)
    doors.link(visitor.place, "jisoo", datetime.now(UTC))

    assert len(before) == 1
    assert token not in before[0]
    assert len(path_of(visitor.place)) == 1
    assert before != path_of(visitor.place)
    assert visitor.place.stat().st_mode & 0o777 == 0o700


def test_whoever_leaves_is_out_at_once(seeded: Seeded, inside: Visitor) -> None:
    """The session does not outlive the access of its person, and no link brings her back."""
    seeded.leaving()
    inside.may = frozenset()

    assert inside.client.get("/").status_code == 401
    assert inside.client.get(inside.link()).status_code == 403


def test_a_session_ends_by_time_and_by_hand(inside: Visitor) -> None:
    """After eight hours, or with a click."""
    sessions, now = doors.Sessions(), datetime.now(UTC)
    token = sessions.begin("jisoo", now)

    assert sessions.who(token, now + timedelta(hours=7, minutes=59)) == "jisoo"
    assert sessions.who(token, now + timedelta(hours=8)) is None
    assert inside.client.get("/").status_code == 200
    assert inside.client.post("/out").status_code == 303
    assert inside.client.get("/").status_code == 401


@pytest.mark.parametrize("path", ["/", "/style.css", "/nothing", "/metrics", "/leaving/1"])
def test_every_answer_has_strict_headers(seeded: Seeded, inside: Visitor, path: str) -> None:
    """No script may run, nobody may frame it, no cache may keep it."""
    seeded.leaving()

    headers = inside.client.get(path).headers

    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_what_the_outside_said_is_text(seeded: Seeded, inside: Visitor) -> None:
    """A reason, a matter and a name with a script in them are shown, and are no markup."""
    number = seeded.leaving(reason=HOSTILE)
    seeded.matter("unmatched", HOSTILE)

    for path in ("/?lang=en", f"/leaving/{number}"):
        text = inside.client.get(path).text

        assert "&lt;script&gt;" in text
        assert "<script" not in text


@pytest.mark.parametrize("path", ["/leaving/9", "/leaving/-1", "/leaving/9999999999999999999999", "/leaving/%C2%B2"])
def test_a_number_that_is_none_is_told(inside: Visitor, path: str) -> None:
    """Not an error of the server's."""
    assert inside.client.get(path).status_code == 404


def test_nothing_is_shown_that_is_not_known(seeded: Seeded, inside: Visitor) -> None:
    """Without a ledger the page says so, and shows nothing of before."""
    seeded.leaving()
    with seeded.ledger.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE work_item")

    answer = inside.client.get("/?lang=en")

    assert answer.status_code == 503
    assert "Nothing is known at the moment" in answer.text
    assert "hana" not in answer.text
