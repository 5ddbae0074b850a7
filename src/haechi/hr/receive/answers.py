"""How the receiver says no: problem details (RFC 9457), and the form of RFC 8935 for security event tokens."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from haechi.hr.receive.rates import TooOftenError
from haechi.hr.signals import RefusedError, UnavailableError

AGAIN_S = 30
LOG = logging.getLogger(__name__)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer of problem details."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def refused(error: RefusedError) -> Response:
    """Return the answer to a message that is not accepted."""
    challenge = {"WWW-Authenticate": 'Bearer realm="SCIM"'} if error.status == HTTPStatus.UNAUTHORIZED else None
    return problem(error.status, f"{error.title}: {error.detail}", challenge)


def not_now(detail: str) -> Response:
    """Return the answer to a message that was not kept and should be sent again."""
    return problem(503, detail, {"Retry-After": str(AGAIN_S)})


def too_often(error: TooOftenError) -> Response:
    """Return the answer to somebody who asks too often."""
    return problem(429, str(error), {"Retry-After": str(error.seconds)})


def token_error(error: RefusedError) -> Response:
    """Return the answer to a security event token that is not accepted (RFC 8935, section 2.3)."""
    return JSONResponse({"err": error.title, "description": error.detail}, error.status)


def install(app: FastAPI) -> None:
    """Let the app answer each error in its form."""
    app.exception_handler(RefusedError)(_refused)
    app.exception_handler(TooOftenError)(_too_often)
    app.exception_handler(UnavailableError)(_unavailable)
    app.exception_handler(SQLAlchemyError)(_not_kept)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(500)(_defect)


async def _refused(_request: Request, error: RefusedError) -> Response:
    return refused(error)


async def _too_often(_request: Request, error: TooOftenError) -> Response:
    return too_often(error)


async def _unavailable(_request: Request, error: UnavailableError) -> Response:
    LOG.error("a message was not judged: %s", error)
    return not_now("the message cannot be verified at the moment: send it again")


async def _not_kept(_request: Request, error: SQLAlchemyError) -> Response:
    # Its text holds the row, so the driver's own words are all that is logged.
    LOG.error("a message was not kept: %s", getattr(error, "orig", None) or type(error).__name__)
    return not_now("the message cannot be kept at the moment: send it again")


async def _http(_request: Request, error: HTTPException) -> Response:
    return problem(error.status_code, error.detail, dict(error.headers or {}))


async def _defect(_request: Request, _error: Exception) -> Response:
    return problem(500, "a defect of the receiver: its journal says more. Nothing was kept; send it again")
