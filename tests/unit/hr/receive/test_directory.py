"""The storage of SCIM resources holds to the rules that its library checks any storage by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract
from scim2_server.utils import load_default_provider

from haechi.hr.database import engine
from haechi.hr.receive.scim.directory import METADATA, Directory


@pytest.fixture(scope="session")
def described() -> ScimProvider:
    return load_default_provider()


@pytest.mark.exhaustive
class TestDirectory(ScimStorageContract):
    @pytest.fixture
    def provider(self, described: ScimProvider) -> ScimProvider:
        """Return the whole of RFC 7643, made once."""
        return described

    @pytest.fixture
    def storage(self, tmp_path: Path, provider: ScimProvider) -> Iterator[Directory]:
        """Return an empty directory."""
        made = engine(f"sqlite:///{tmp_path / 'resources.sqlite'}")
        METADATA.create_all(made)
        with made.begin() as connection:
            yield Directory(connection, "okta", provider)
