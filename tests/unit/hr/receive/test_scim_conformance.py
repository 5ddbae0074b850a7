"""Another project's tester of SCIM servers finds nothing that breaks a MUST or a SHOULD."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from scim2_client import BaseSyncSCIMClient
from scim2_tester import Status, check_server

from .conftest import Site

BROKEN = {Status.DEVIATION, Status.ERROR, Status.CRITICAL}


class Client(BaseSyncSCIMClient):
    """The tester's client, over the test's own."""

    def __init__(self, client: TestClient) -> None:
        """Take it."""
        super().__init__()
        self.client = client

    def request(self, method: str, url: str, **kwargs: Any) -> Any:
        """Send a request, below the address of the service."""
        return self.client.request(method, "/scim/okta/v2/" + url.lstrip("/"), **kwargs)


@pytest.mark.exhaustive
def test_nothing_is_broken(site: Site) -> None:
    site.client.headers.update(site.bearer)
    results = check_server(Client(site.client))
    assert [f"{row.title}: {row.reason}" for row in results if row.status in BROKEN] == []
    assert len([row for row in results if row.status is Status.SUCCESS]) > 50
