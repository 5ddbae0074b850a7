"""How often flows were used, out of what nft, the harvest and the kernel say."""

from __future__ import annotations

import json

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.posture import flows
from ansible_collections.haechi.guard.plugins.module_utils.posture.ask import NotSeenError

FIRST = "1 (systemd (odd) name) S 0 1 1 0 -1 4194560 51677 262294 0 0 200 348 377 184 25 5 1 0 1384366 25296896 3712"


def test_a_boot_is_when_the_first_process_began() -> None:
    """Its name may hold brackets and blanks; a container's boot is later than its machine's."""
    assert flows.boot(FIRST, "cpu 1 2\nbtime 1795717551\nprocesses 3\n", 100) == 1795717551 + 13843.66


@pytest.mark.parametrize(
    ("first", "system"), [(FIRST, "cpu 1 2\n"), ("1 (systemd) S 0", "btime 1795717551\n"), ("", "")]
)
def test_a_boot_that_nobody_tells_is_not_seen(first: str, system: str) -> None:
    """No number stands for one that is missing."""
    with pytest.raises(NotSeenError):
        flows.boot(first, system, 100)


def test_only_counters_of_flows_are_counted() -> None:
    """There are others beside them."""
    listed = {
        "nftables": [
            {"metainfo": {"version": "1.1.3"}},
            {"counter": {"family": "inet", "name": "flow-time", "table": "haechi", "packets": 48, "bytes": 3648}},
            {"counter": {"family": "inet", "name": "other", "table": "haechi", "packets": 9, "bytes": 3}},
        ]
    }

    assert flows.counters(listed) == {"time": 48}


def test_harvests_of_this_boot_and_our_table_are_told_oldest_first() -> None:
    """What stood in the counters before an earlier boot is not where this one began."""
    rows = [
        {"time": 100, "table": "inet haechi", "counters": {"flow-time": [7, 500]}},
        {"time": 200, "table": "inet haechi", "counters": {"flow-time": [1, 76], "flow-web": [0, 0]}},
        {"time": 200, "table": "inet haechi_block", "counters": {"flow-time": [9, 9]}},
        {"time": 300, "table": "inet haechi", "counters": {"flow-time": [0, 0]}},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)

    assert flows.harvested(text, 150.0) == [(200, {"time": 1, "web": 0}), (300, {"time": 0})]
    assert flows.harvested("", 150.0) == []
