"""The page as a web application: read-only, one-time links in, strict headers out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException

from haechi.hr.ledger import Ledger, LedgerError, Transaction
from haechi.hr.status import board, doors, metrics, page
from haechi.hr.status.page import LANGUAGES, Look
from haechi.policy.provisioning import Sla

COOKIE = "haechi_hr"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the page needs of policy: ``names`` are those of people by id, ``may`` who of them may look."""

    title: str
    names: dict[str, str]
    may: frozenset[str]
    sla: Sla
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The handlers. ``site`` returns policy as it stands; ``place`` holds links and the metrics' token."""

    ledger: Ledger
    site: Callable[[], Site]
    place: Path
    tls: bool
    sessions: doors.Sessions = field(default_factory=doors.Sessions)

    def front(self, request: Request) -> Response:
        """Answer with everything at a glance."""
        site, look = self._look(request)
        if not look.who:
            return _told(look, "pg_login", 401)
        found = self.ledger.read(board.read, site.sla, site.names)
        return HTMLResponse(page.board(look, found))

    def leaving(self, request: Request, number: str) -> Response:
        """Answer with one leaving."""
        site, look = self._look(request)
        if not look.who:
            return _told(look, "pg_login", 401)
        found = self.ledger.read(_one, number, site)
        if found is None:
            return _told(look, "pg_nothing", 404)
        return HTMLResponse(page.leaving(look, found))

    def enter(self, request: Request, token: str) -> Response:
        """Turn a one-time link into a session."""
        site, look = self._look(request)
        who = doors.redeem(self.place, token, datetime.now(UTC))
        if who is None or who not in site.may:
            return _told(look, "pg_spent", 403)
        answer = RedirectResponse(f"/?lang={look.language}", status_code=303)
        answer.set_cookie(
            COOKIE,
            self.sessions.begin(who, datetime.now(UTC)),
            max_age=int(doors.SESSION_LIVES.total_seconds()),
            secure=self.tls,
            httponly=True,
            samesite="strict",
        )
        return answer

    def out(self, request: Request) -> Response:
        """End the session."""
        self.sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    def figures(self, request: Request) -> Response:
        """Answer with the metrics, to whoever has the token."""
        header = request.headers.get("authorization", "")
        if not doors.is_token(doors.metrics_token(self.place), header):
            mend = f"send the token of {doors.METRICS_TOKEN} as a bearer token\n"
            return PlainTextResponse(mend, 401, {"WWW-Authenticate": "Bearer"})
        text = metrics.text(self.ledger, self.site().sla)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    def fault(self, request: Request, error: Exception) -> Response:
        """Answer that nothing is known, rather than with what was true before."""
        _, look = self._look(request)
        return _told(look, "pg_away", 503, why=error if look.who else "")

    def missing(self, request: Request, error: Exception) -> Response:
        """Answer to an address or a method that there is not."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        _, look = self._look(request)
        return _told(look, "pg_nothing" if look.who else "pg_login", status)

    def _look(self, request: Request) -> tuple[Site, Look]:
        """Return how to answer; whoever left since the session began is nobody."""
        site = self.site()
        who = self.sessions.who(request.cookies.get(COOKIE, ""), datetime.now(UTC))
        known = who if who in site.may else ""
        return site, Look(language=_language(request), zone=site.zone, title=site.title if known else "", who=known)


def make(pages: Pages) -> FastAPI:
    """Return the application."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.get("/")(pages.front)
    app.get("/leaving/{number}")(pages.leaving)
    app.get("/in/{token}")(pages.enter)
    app.post("/out")(pages.out)
    app.get("/metrics")(pages.figures)
    app.get("/style.css")(_style)
    app.exception_handler(LedgerError)(pages.fault)
    app.exception_handler(HTTPException)(pages.missing)
    headers = {**HEADERS, **(TLS_ONLY if pages.tls else {})}

    @app.middleware("http")
    async def strict(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers.update(headers)
        return response

    return app


def _style() -> Response:
    return Response(page.style(), media_type="text/css; charset=utf-8")


def _one(transaction: Transaction, number: str, site: Site) -> board.Leaving | None:
    """Return a leaving by the number in its address; None for whatever is none."""
    # Beyond 64 bits a database has no number, and an error for it.
    if not (number.isascii() and number.isdigit() and len(number) <= 9):  # noqa: PLR2004
        return None
    try:
        return board.one(transaction, int(number), site.sla, site.names)
    except LedgerError:
        return None


def _told(look: Look, words: str, status: int, **values: object) -> Response:
    return HTMLResponse(page.message(look, words, **values), status)


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        return asked
    return "en" if request.headers.get("accept-language", "").lower().startswith("en") else "ko"
