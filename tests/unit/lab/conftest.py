"""A small site with a gateway, a host that serves it, a host behind the gateway, and a stranger."""

from __future__ import annotations

import pytest

from haechi.policy.models import Policy


@pytest.fixture
def policy() -> Policy:
    """Return the small site's policy."""
    return Policy.model_validate(
        {
            "site": {
                "name": "small",
                "title": "A small site",
                "banner": "Authorised use only.\n",
                "control_node": "10.1.0.1",
                "bastion": "ops",
                "resolver": "ops",
                "time_server": "ops",
            },
            "identities": [
                {"id": "robot", "kind": "automation", "name": "Playbooks", "owner": "ann", "jobs": ["automation"]},
                {"id": "ann", "name": "Ann", "jobs": ["automation"]},
                {"id": "dan", "name": "Dan", "state": "disabled", "since": "2026-09-30"},
                {"id": "eve", "name": "Eve", "state": "absent", "since": "2026-09-30"},
            ],
            "jobs": {"automation": {"title": "Runs playbooks", "hosts": ["all"]}},
            "zones": {
                "outside": {"title": "Outside", "cidr": "10.0.0.0/24"},
                "mgmt": {"title": "Management", "cidr": "10.1.0.0/24", "management": True},
                "data": {"title": "Database", "cidr": "10.2.0.0/24"},
            },
            "hosts": {
                "ops": {"zone": "mgmt", "address": "10.1.0.10"},
                "db": {"zone": "data", "address": "10.2.0.10"},
                "gw": {
                    "zone": "mgmt",
                    "address": "10.1.0.2",
                    "gateway": True,
                    "legs": {"data": "10.2.0.2", "outside": "10.0.0.2"},
                },
                "laptop": {"zone": "outside", "address": "10.0.0.10", "managed": False},
            },
            "flows": [
                {
                    "name": "enter",
                    "from": ["laptop"],
                    "to": ["ops"],
                    "ports": [22],
                    "publish": {"gateway": "gw", "zone": "outside", "port": 2222},
                    "reason": "People come in",
                }
            ],
            "listeners": [],
        }
    )
