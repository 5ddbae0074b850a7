"""A certificate that a run of the role has signed: for a new key, as where the host renews it by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509
from ansible_collections.haechi.guard.plugins.module_utils.recorder import leaves

from .conftest import AT, ROW
from .test_host import pair, short


def wanted(mine: dict[str, Any], held: Path) -> dict[str, Any]:
    """Return what the host must have."""
    return {"leaves": [mine], "issuing": (held / x509.CHAIN).read_text(), "root": (held / x509.ROOT).read_text()}


def signed(held: Path, asked: dict[str, str]) -> dict[str, str]:
    """Sign as the authority does for the controller."""
    return {name: x509.sign(str(held), {**ROW, "csr": csr, "days": 90}, AT) for name, csr in asked.items()}


def test_a_leaf_that_is_due_gets_a_new_key(host: dict[str, Any], held: Path) -> None:
    """The old pair works until the new one is here; then nothing is due, and a request that is repeated is the same."""
    old = short(host, held)
    due = leaves.due(wanted(host, held), AT)
    asked = leaves.requests(due)
    assert pair(host) == (old, old)
    assert x509.openssl("req", "-noout", "-pubkey", text=leaves.requests(due)["recorder"]) == x509.openssl(
        "req", "-noout", "-pubkey", text=asked["recorder"]
    )

    leaves.place(due, signed(held, asked))

    new = pair(host)
    assert new[0] == new[1] != old
    assert leaves.due(wanted(host, held), AT) == []
    assert not Path(f"{host['path']}.next").exists()
    assert Path(f"{host['path']}.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("lost", ["key", "pem"])
def test_a_leaf_that_is_lost_is_made_again(host: dict[str, Any], held: Path, lost: str) -> None:
    """Whichever half is left of the old pair, the new one is whole."""
    Path(f"{host['path']}.{lost}").unlink()
    due = leaves.due(wanted(host, held), AT)
    assert [one.why for one in due] == ["missing"]

    leaves.place(due, signed(held, leaves.requests(due)))

    assert pair(host)[0] == pair(host)[1]
    assert leaves.due(wanted(host, held), AT) == []


def test_a_certificate_for_another_key_leaves_the_old_pair(host: dict[str, Any], held: Path) -> None:
    """The host's own timer may have been there meanwhile."""
    old = short(host, held)
    due = leaves.due(wanted(host, held), AT)
    told = signed(held, leaves.requests(due))
    Path(f"{host['path']}.next").write_text(x509.new_key())

    with pytest.raises(x509.X509Error, match=r"is not for the key that waits there: run site\.yml again"):
        leaves.place(due, told)
    assert pair(host) == (old, old)
