"""What of a request is in any log: its path and no more, however it ends."""

from __future__ import annotations

import time

from .conftest import BROWSER, run_in

# Made up; each in its own place of a request.
QUERY, COOKIE, BODY, NUMBER = "hongquery7", "hongcookie7", "hongbody7", "900101-1234567"
# The audit log of the WAF is none of these: root's alone, of what was blocked, and it may quote.
EVERYWHERE = "journalctl --no-pager -o cat --since {} ; cat /var/log/nginx/* /var/log/haproxy* 2>/dev/null"


def test_the_access_log_has_the_path_and_nothing_of_a_person(outside, holder):
    """Answered, refused by the WAF, too many, broken: the path is seen each time, so the look sees what there is."""
    name = holder()
    since = f"@{int(time.time()) - 1}"
    row = {
        "method": "POST",
        "headers": {**BROWSER, "Cookie": f"name={COOKIE}", "Content-Type": "application/x-www-form-urlencoded"},
        "body": "bmFtZT1ob25nYm9keTc=",
    }
    paths = ["/logged-one", f"/logged-two/{NUMBER}/end", "/logged-three"]
    queries = [f"name={QUERY}", f"name={QUERY}", f"name={QUERY}&x=<script>".replace("<", "%3C").replace(">", "%3E")]
    rows = [row | {"path": f"{path}?{query}"} for path, query in zip(paths, queries, strict=True)]
    answers = outside.asks(*rows, source="10.78.0.12")
    run_in("data1", "systemctl", "stop", "ekyc.service")
    try:
        answers += outside.asks(row | {"path": f"/logged-four?name={QUERY}"}, source="10.78.0.12")
    finally:
        run_in("data1", "systemctl", "start", "ekyc.service")
    run_in(name, "journalctl", "--sync")

    said = run_in(name, "sh", "-c", EVERYWHERE.format(since)).stdout

    assert [answer["status"] for answer in answers] == [200, 200, 403, 502]
    for path in ("/logged-one", "/logged-two/-/end", "/logged-three", "/logged-four"):
        assert path in said, path
    for secret in (QUERY, COOKIE, BODY, NUMBER):
        assert secret not in said, secret
