"""What matches in permitted traffic is dropped and written down; what policy drops stays dropped."""

from __future__ import annotations

import pytest
from siege import Row, record

from .conftest import ATTACK, BESIDE, CLOSED, OPEN, UNDECLARED, Gateway, asked, until

UNION, NUMBER, OTHER = 1078003, 1078002, 2900001


@pytest.mark.parametrize(("name", "port"), [("open", OPEN), ("closed", CLOSED)])
def test_an_attack_is_dropped_and_told_and_a_clean_request_passes(gateway: Gateway, name: str, port: int) -> None:
    """With either choice of what happens while nobody inspects."""
    before = len(gateway.alerts(name, UNION))

    assert asked(port, "/search?name=hong") == 200
    assert asked(port, ATTACK) == 0
    until(lambda: len(gateway.alerts(name, UNION)) > before, "the attack is in no log")
    assert "blocked" in gateway.alerts(name, UNION)[before:]
    record(Row(f"IPS: union select ({name})", blocked=True, seen="eve.json"))
    assert asked(port, "/search?name=hong") == 200


def test_a_resident_registration_number_does_not_leave_and_is_not_in_the_log_either(gateway: Gateway) -> None:
    """The answer that holds it is dropped on its way out."""
    before = len(gateway.alerts("closed", NUMBER))

    assert asked(CLOSED, "/person") == 0
    until(lambda: len(gateway.alerts("closed", NUMBER)) > before, "the number is in no alert")
    assert "900101" not in gateway.does("cat /var/log/haechi-ids/closed.json")
    record(Row("IPS: a resident number goes out", blocked=True, seen="eve.json"))


def test_what_is_looked_at_from_beside_passes_and_is_told(gateway: Gateway) -> None:
    """Detection has copies: it stops nothing."""
    before = len(gateway.alerts("detect", UNION))

    assert asked(BESIDE, ATTACK) == 200
    until(lambda: len(gateway.alerts("detect", UNION)) > before, "the attack is in no log")
    assert set(gateway.alerts("detect", UNION)) == {"allowed"}


def test_a_rule_of_others_alerts_and_drops_nothing_unless_policy_says_so(gateway: Gateway) -> None:
    """Its source has `block: false`."""
    before = len(gateway.alerts("open", OTHER))

    assert asked(OPEN, "/of-another-house") == 200
    until(lambda: len(gateway.alerts("open", OTHER)) > before, "the rule of the source is not in force")
    assert set(gateway.alerts("open", OTHER)) == {"allowed"}


def test_what_no_flow_declares_is_refused_though_its_pair_is_inspected(gateway: Gateway) -> None:
    """The queue comes after policy's chain, so Suricata's yes opens nothing: here the open one gets every port."""
    assert asked(UNDECLARED, machine="data1") == 200
    assert asked(UNDECLARED) == 0
    wider = "s/-p (tcp|udp) -m multiport --[sd]ports 809[0-9] //; s/(tcp|udp) [sd]port 809[0-9] //"
    path = "/etc/haechi/ids/queues"
    gateway.does(f"for one in nft v4; do cp {path}.$one /root/; sed -Ei '{wider}' {path}.$one; done")
    try:
        gateway.does("python3 -I /usr/lib/haechi/ids.pyz load")
        assert (asked(BESIDE), asked(BESIDE, ATTACK)) == (200, 0)
        assert asked(UNDECLARED) == 0
    finally:
        gateway.does(f"mv /root/queues.* {path.rpartition('/')[0]}/; python3 -I /usr/lib/haechi/ids.pyz load")
    assert asked(BESIDE, ATTACK) == 200
