"""What a request changes, as the worker is told: before and after, of what counts."""

from __future__ import annotations

from typing import Any, cast

from pydantic import ValidationError
from scim2_models import InvalidValueException, Resource, ResourceType, ResponseParameters, SearchRequest
from scim2_server.storage import ScimStorage, SearchPage

from haechi.hr.receive.scim.description import Employment, Group, User
from haechi.hr.receive.scim.directory import Directory
from haechi.hr.sources.scim import GroupChange, Person, UserChange

Change = UserChange | GroupChange


class Watched(ScimStorage):
    """A directory whose changes are noted in ``changes`` while it is written to."""

    def __init__(self, directory: Directory) -> None:
        """Take the directory of one request."""
        self.directory = directory
        self.changes: list[Change] = []
        self.users, self.groups = directory.provider.resource_types

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Return a resource."""
        return self.directory.get(resource_type, resource_id, response_parameters=response_parameters)

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """Return a page of what matches."""
        return self.directory.search(resource_types, search_request, position=position)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Keep a new resource."""
        made = self.directory.create(resource_type, resource)
        self._note(None, made, _version(made))
        return made

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Keep a resource's new state."""
        before = self.directory.get(resource_type, cast("str", resource.id))
        after = self.directory.update(resource_type, resource, expected_version=expected_version)
        self._note(before, after, _version(after))
        return after

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Forget a resource."""
        before = self.directory.get(resource_type, resource_id)
        self.directory.delete(resource_type, resource_id, expected_version=expected_version)
        self._note(before, None, _version(before))

    def _note(self, before: Resource[Any] | None, after: Resource[Any] | None, version: str) -> None:
        about = after or before
        try:
            change = (
                self._of_group(cast("Group | None", before), cast("Group | None", after), version)
                if isinstance(about, Group)
                else _of_user(before, after, version)
            )
        except ValidationError as error:
            raise InvalidValueException(
                detail="a name is longer than 400 characters or holds a control character"
            ) from error
        self.changes += [change] if change else []

    def _of_group(self, before: Group | None, after: Group | None, version: str) -> GroupChange | None:
        old, new = _members(before), _members(after)
        if old == new:
            return None
        about = cast("Group", after or before)
        return GroupChange(
            id=about.id,
            version=version,
            name=about.display_name,
            joined=self._people(new - old),
            left=self._people(old - new),
        )

    def _people(self, ids: set[str]) -> tuple[Person, ...]:
        return tuple(map(person, self.directory.find(self.users, sorted(ids))))


def person(resource: Resource[Any]) -> Person:
    """Return what the worker is told of a user. Raises ``pydantic.ValidationError`` for what no name can be."""
    user = cast("User[Any]", resource)
    extension = user[Employment]
    emails = sorted(user.emails or (), key=lambda email: not email.primary)
    return Person(
        id=cast("str", user.id),
        external_id=user.external_id or None,
        user_name=user.user_name or None,
        employee_number=(extension.employee_number or None) if extension else None,
        email=(emails[0].value or None) if emails else None,
        active=user.active,
    )


def _of_user(before: Resource[Any] | None, after: Resource[Any] | None, version: str) -> UserChange | None:
    was, now = person(before) if before else None, person(after) if after else None
    about = now or was
    if about is None or was == now:
        return None
    return UserChange(id=about.id, version=version, before=was, after=now)


def _members(group: Group | None) -> set[str]:
    return {member.value for member in (group.members if group else None) or () if member.value}


def _version(resource: Resource[Any]) -> str:
    return cast("str", resource.meta and resource.meta.version)
