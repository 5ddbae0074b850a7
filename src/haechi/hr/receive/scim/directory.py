"""Where the resources of one source are: a table of SQLite, in the transaction that the request is answered by."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast
from unicodedata import normalize

from scim2_models import (
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from haechi.hr.database import Utc

METADATA = MetaData()

RESOURCE = Table(
    "resource",
    METADATA,
    Column("source", String(32), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("user_name", String, nullable=True),
    Column("external_id", String, nullable=True, index=True),
    Column("created", Utc, nullable=False),
    Column("modified", Utc, nullable=False),
    Column("version", String(40), nullable=False),
    Column("document", JSON, nullable=False),
    UniqueConstraint("source", "user_name"),
)
# What providers look a resource up by, before each change.
INDEXED = {"username": RESOURCE.c.user_name, "externalid": RESOURCE.c.external_id}


class Directory(ScimStorage):
    """The resources of a source. The rules are those of ``scim2_server.storage.ScimStorage``."""

    def __init__(self, connection: Connection, source: str, provider: ScimProvider) -> None:
        """Take the transaction of one request."""
        self.connection, self.source, self.provider = connection, source, provider

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Return a resource, whole."""
        del response_parameters
        found = self.find(resource_type, [resource_id])
        if not found:
            raise NotFoundException(detail=f"there is no {resource_type.name} of this id")
        return found[0]

    def find(self, resource_type: ResourceType, ids: Iterable[str]) -> list[Resource[Any]]:
        """Return those resources that there are of some ids."""
        return self._load(resource_type, RESOURCE.c.id.in_(list(ids)))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """Return a page of what matches: the database narrows it to a name, the library does the rest."""
        narrowed = _narrowed(search_request)
        shelf = InMemoryStorage()
        shelf.resources = [row for kind in resource_types for row in self._load(kind, *narrowed)]
        return shelf.search(resource_types, search_request, position=position)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Keep a new resource."""
        now = datetime.now(UTC)
        made = resource.model_copy(deep=True)
        made.id = uuid.uuid4().hex
        made.meta = Meta(resource_type=resource_type.name, created=now, last_modified=now, version=_version())
        self._check_unique(made)
        self.connection.execute(insert(RESOURCE).values(self._row(made)))
        return self.get(resource_type, made.id)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Keep a resource's new state."""
        name = cast("str", resource.id)
        stored = self._expected(resource_type, name, expected_version)
        made = resource.model_copy(deep=True)
        made.meta = stored.model_copy(update={"last_modified": datetime.now(UTC), "version": _version()})
        self._check_unique(made)
        self.connection.execute(update(RESOURCE).where(*self._is(name)).values(self._row(made)))
        return self.get(resource_type, name)

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Forget a resource."""
        self._expected(resource_type, resource_id, expected_version)
        self.connection.execute(delete(RESOURCE).where(*self._is(resource_id)))

    def _is(self, name: str) -> tuple[Any, Any]:
        return RESOURCE.c.source == self.source, RESOURCE.c.id == name

    def _load(self, resource_type: ResourceType, *which: Any) -> list[Resource[Any]]:
        model = cast("type[Resource[Any]]", self.provider.model_for(resource_type))
        mine = (RESOURCE.c.source == self.source, RESOURCE.c.type == resource_type.name)
        rows = self.connection.execute(select(RESOURCE).where(*mine, *which).order_by(RESOURCE.c.created))
        return [_resource(model, row) for row in rows.mappings()]

    def _expected(self, resource_type: ResourceType, name: str, version: str | None) -> Meta:
        stored = self.get(resource_type, name).meta
        if stored is None or (version is not None and stored.version != version):
            raise PreconditionFailedException
        return stored

    def _check_unique(self, resource: Resource[Any]) -> None:
        name = folded(getattr(resource, "user_name", None))
        taken = select(RESOURCE.c.id).where(
            RESOURCE.c.source == self.source, RESOURCE.c.user_name == name, RESOURCE.c.id != resource.id
        )
        if name is not None and self.connection.execute(taken).first():
            raise UniquenessException

    def _row(self, resource: Resource[Any]) -> dict[str, Any]:
        meta = cast("Meta", resource.meta)
        return {
            "source": self.source,
            "id": resource.id,
            "type": meta.resource_type,
            "user_name": folded(getattr(resource, "user_name", None)),
            "external_id": resource.external_id,
            "created": meta.created,
            "modified": meta.last_modified,
            "version": meta.version,
            "document": resource.model_dump(),
        }


def folded(name: str | None) -> str | None:
    """Return a name as it is compared: SCIM's are the same in either case (RFC 7643, section 4.1.1)."""
    return None if name is None else normalize("NFC", normalize("NFC", name).lower())


def _narrowed(search_request: SearchRequest[Any]) -> tuple[Any, ...]:
    node = search_request.filter.ast if search_request.filter else None
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq or not isinstance(node.value, str):
        return ()
    name = str(node.attr_path).rsplit(":", 1)[-1].lower()
    if name not in INDEXED:
        return ()
    return (INDEXED[name] == (folded(node.value) if name == "username" else node.value),)


def _resource(model: type[Resource[Any]], row: Mapping[Any, Any]) -> Resource[Any]:
    found = model.model_validate(row["document"])
    found.meta = Meta(
        resource_type=row["type"], created=row["created"], last_modified=row["modified"], version=row["version"]
    )
    return found


def _version() -> str:
    # Never the same again, also after a restart: the name of a change is made of it.
    return f'W/"{uuid.uuid4().hex}"'
