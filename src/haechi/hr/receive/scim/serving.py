"""One SCIM request: read strictly, answered by the library, its change in the inbox before it counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scim2_models import SCIMException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService
from sqlalchemy import Engine

from haechi.hr.receive.scim import directory
from haechi.hr.receive.scim.changes import Change, Watched
from haechi.hr.receive.scim.description import PROVIDER
from haechi.hr.sources import plainjson


@dataclass(frozen=True)
class Provider:
    """The SCIM service over one database of resources."""

    engine: Engine

    def create(self) -> None:
        """Make the table where there is none. Raises ``sqlalchemy.exc.SQLAlchemyError``."""
        directory.METADATA.create_all(self.engine)

    def serve(self, source: str, request: ScimRequest, keep: Callable[[Change], None]) -> ScimResponse:
        """Return the answer to a request that is authentic; ``keep`` gets its change, and raises where it cannot.

        The change is kept before the resource: where the machine fails between the two, the provider asks again and
        the worker hears of it twice. Raises what ``keep`` does, ``RefusedError`` for a body that is not plain JSON, and
        ``sqlalchemy.exc.SQLAlchemyError``.
        """
        request.body = plain(request.body, patch=request.method == "PATCH")
        service = ScimService(PROVIDER)
        try:
            with self.engine.begin() as connection:
                watched = Watched(directory.Directory(connection, source, PROVIDER))
                answer = ScimHandler(service, watched).handle(request)
                for change in watched.changes:
                    keep(change)
                return answer
        except SCIMException as error:
            return service.error_response(error)


def plain(body: bytes, *, patch: bool) -> bytes:
    """Return a request's body, written anew from what it says. Raises ``RefusedError``."""
    if not body.strip():
        return b""
    value = plainjson.read_object(body)
    if patch:
        names = [name for name in value if name.lower() == "operations"]
        for operation in value[names[0]] if names and isinstance(value[names[0]], list) else ():
            _mend(operation)
    return json.dumps(value).encode()


def _mend(operation: Any) -> None:
    """Take the value out of the list that Entra once wrapped booleans in: ``[{"value": "False"}]``.

    https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem-scim-compatibility
    """
    match operation:
        case {"path": str(path), "value": [{"value": value}]} if path.lower() == "active":
            operation["value"] = value
