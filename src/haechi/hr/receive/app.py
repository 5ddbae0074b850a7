"""The receiver's web application: four ways in, and nothing to read but whether it lives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from scim2_server.requests import ScimRequest
from starlette.concurrency import run_in_threadpool
from starlette.status import HTTP_202_ACCEPTED

from haechi.hr import tokens
from haechi.hr.envelope import Envelope
from haechi.hr.receive import answers, bodies, reception
from haechi.hr.receive.config import ReceiverConfig
from haechi.hr.receive.gate import Gate
from haechi.hr.receive.reception import Reception
from haechi.hr.signals import RefusedError
from haechi.hr.sources import roster, sets, webhook
from haechi.policy.provisioning import SourceKind

router = APIRouter()


def app(config: ReceiverConfig) -> FastAPI:
    """Return the application. Its databases are opened here; raises ``sqlalchemy.exc.SQLAlchemyError``."""
    made = FastAPI(title="Haechi HR receiver", docs_url=None, redoc_url=None, openapi_url=None)
    made.state.reception = opened = reception.opened(config)
    made.include_router(router)
    answers.install(made)
    made.add_middleware(Gate, rates=opened.rates)
    return made


def _says(body: dict[str, Any], *headers: str) -> dict[str, Any]:
    """Return the OpenAPI words for a raw body and the headers that its signature is in."""
    parameters = [{"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in headers]
    return {"requestBody": {"required": True, "content": body}, "parameters": parameters}


TEXT = {"schema": {"type": "string"}}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": why}
    for status, why in {
        400: "not well formed",
        401: "not authentic",
        404: "no such source",
        408: "too slow",
        413: "too large",
        422: "not understood",
        429: "too often",
        503: "not now: send it again",
    }.items()
}
SCIM_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"description": why}
    for status, why in {
        201: "created",
        204: "done, and nothing to say",
        304: "not changed",
        403: "not filtered here",
        405: "not by this method",
        409: "taken",
        412: "changed meanwhile",
        415: "no JSON",
        501: "not supported",
    }.items()
}


@router.get("/health")
async def health(request: Request) -> Response:
    """Say that the receiver lives and that its databases open."""
    await run_in_threadpool(_of(request).check)
    return JSONResponse({"status": "up"})


@router.post(
    "/set/{source}",
    status_code=202,
    responses=REFUSALS,
    openapi_extra=_says({sets.MEDIA_TYPE: TEXT}),
    response_class=Response,
)
async def push(request: Request, source: str) -> Response:
    """Take a security event token (RFC 8935)."""
    try:
        return await _take(request, SourceKind.SET, source)
    except RefusedError as error:
        if error.status != 400:  # noqa: PLR2004
            raise
        return answers.token_error(error)


@router.post(
    "/hook/{source}",
    status_code=202,
    responses=REFUSALS,
    openapi_extra=_says({"application/json": {"schema": webhook.Message.model_json_schema()}}, *webhook.HEADERS),
    response_class=Response,
)
async def hook(request: Request, source: str) -> Response:
    """Take a signed webhook."""
    return await _take(request, SourceKind.WEBHOOK, source)


@router.post(
    "/roster/{source}",
    status_code=202,
    responses=REFUSALS,
    openapi_extra=_says({"text/csv": TEXT, "application/json": TEXT}, *roster.HEADERS),
    response_class=Response,
)
async def full_roster(request: Request, source: str) -> Response:
    """Take a signed roster."""
    return await _take(request, SourceKind.ROSTER, source)


async def scim(request: Request, source: str, path: str) -> Response:
    """Serve SCIM 2.0 (RFC 7644)."""
    desk = _of(request)
    found = desk.source(SourceKind.SCIM, source)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    digest = tokens.digest(token.strip()) if scheme.lower() == "bearer" else ""
    await run_in_threadpool(desk.admit, found, digest)
    asked = ScimRequest(
        method=request.method,
        base_url=f"{request.base_url}scim/{source}/v2",
        path=f"/{path}",
        query=dict(request.query_params),
        headers=request.headers.items(),
        body=await bodies.read(request, desk.config.most(SourceKind.SCIM), desk.config.limits.seconds),
    )
    answer = await run_in_threadpool(desk.scim, found, digest, asked)
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    return JSONResponse(answer.body, answer.status, answer.headers)


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    router.add_api_route(
        "/scim/{source}/v2/{path:path}",
        scim,
        methods=[_method],
        responses=REFUSALS | SCIM_ANSWERS,
        openapi_extra=_says({"application/scim+json": {"schema": {"type": "object"}}}) if _method[0] == "P" else None,
        response_class=Response,
    )


async def _take(request: Request, kind: SourceKind, name: str) -> Response:
    desk = _of(request)
    source = desk.source(kind, name)
    body = await bodies.read(request, desk.config.most(kind), desk.config.limits.seconds)
    message = Envelope(
        source=name,
        kind=kind,
        received=datetime.now(UTC),
        body=body,
        headers=dict(request.headers),
        path=request.url.path,
    )
    await run_in_threadpool(desk.take, source, message)
    return Response(status_code=HTTP_202_ACCEPTED)


def _of(request: Request) -> Reception:
    found: Reception = request.app.state.reception
    return found
