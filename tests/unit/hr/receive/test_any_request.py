"""Requests of every kind against every address: an answer that is described, never a defect, and nothing kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from haechi.hr.receive.app import app, router

from .conftest import Site, built

SCHEMA: Any = schemathesis.openapi.from_dict(FastAPI(routes=router.routes).openapi())
OPERATIONS: list[APIOperation] = [found.ok() for found in SCHEMA.get_all_operations()]
SOURCES = {"scim": "okta", "hook": "hr", "set": "idp", "roster": "payroll"}
CHECKS = (status_code_conformance, content_type_conformance)


PATHS = st.sampled_from(["Users", "Groups", "Users/x", "Groups/x", "Users/.search", "Me", "Bulk", "Schemas"])
FILTERS = st.text(alphabet='userName eq"()[].:andorpt0 \\', max_size=60) | st.text(max_size=20)


@schemathesis.serializer("application/secevent+jwt")
def as_it_is(_context: Any, value: Any) -> bytes:
    """Send a token's text."""
    return str(value).encode(errors="replace")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Site]:
    limits = {"per_address": 1_000_000, "per_source": 1_000_000}
    site = built(tmp_path_factory.mktemp("fuzzed"), keys, limits=limits)
    with TestClient(app(site.config), raise_server_exceptions=False) as site.client:
        yield site


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label.replace(" ", ""))
@given(data=st.data())
def test_any_request(operation: APIOperation, fuzzed: Site, data: st.DataObject) -> None:
    case: Case = data.draw(operation.as_strategy())
    way = case.path.split("/")[1]
    if "source" in case.path_parameters:
        case.path_parameters["source"] = SOURCES[way]
    if way == "scim" and data.draw(st.booleans()):
        case.path_parameters["path"] = data.draw(PATHS)
        case.query = {"filter": data.draw(FILTERS), "count": data.draw(st.integers() | st.text(max_size=3))}
    answer = case.call(headers=fuzzed.bearer, app=fuzzed.client.app)
    case.validate_response(answer, checks=list(CHECKS))
    # 501 is SCIM's word for what is not supported (RFC 7644, section 3.12).
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    assert {row.envelope.kind for row in fuzzed.kept()} <= {"scim"}
