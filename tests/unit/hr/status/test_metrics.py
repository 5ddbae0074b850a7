"""The ledger in figures, as Prometheus itself would read them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from haechi.hr.ledger import matters
from haechi.hr.ledger.states import EventState
from haechi.hr.status import doors, metrics
from haechi.hr.work.order import Seen
from haechi.policy.provisioning import Sla

from .conftest import Seeded, Visitor


def samples(seeded: Seeded) -> dict[tuple[str, tuple[str, ...]], float]:
    text = metrics.text(seeded.ledger, Sla()).decode()
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_empty_ledger_has_every_figure(seeded: Seeded) -> None:
    """At nought, so that an alert of Prometheus over it works from the first day."""
    found = samples(seeded)

    assert found["haechi_hr_revocations", ("open",)] == 0
    assert found["haechi_hr_items", ("proven",)] == 0
    assert found["haechi_hr_oldest_open_seconds", ()] == 0
    assert found["haechi_hr_breaker_open", ()] == 0
    assert found["haechi_hr_proven_seconds_count", ()] == 0


def test_the_figures_are_those_of_the_ledger(seeded: Seeded) -> None:
    """Events by source and state, open hosts, the oldest, the breaker, and how long proofs took."""
    seeded.message("okta", EventState.ACCEPTED, "1")
    seeded.message("okta", EventState.REFUSED, "2")
    done = seeded.leaving("hana")
    seeded.later(12)
    seeded.seen(done, dict.fromkeys(("gw1", "app1", "db1"), Seen.PROVEN))
    going = seeded.leaving("minho")
    seeded.seen(going, {"gw1": Seen.PROVEN, "app1": Seen.UNREACHABLE})
    seeded.matter(matters.BREAKER)
    seeded.later(90)
    found = samples(seeded)

    assert found["haechi_hr_events_total", ("okta", "accepted")] == 1
    assert found["haechi_hr_events_total", ("okta", "refused")] == 1
    assert found["haechi_hr_revocations", ("proven",)] == 1
    assert found["haechi_hr_revocations", ("open",)] == 1
    assert found["haechi_hr_open_hosts", ()] == 2
    assert found["haechi_hr_oldest_open_seconds", ()] == 90
    assert found["haechi_hr_late_revocations", ()] == 1
    assert found["haechi_hr_breaker_open", ()] == 1
    assert found["haechi_hr_proven_seconds_count", ()] == 1
    assert found["haechi_hr_proven_seconds_sum", ()] == 12
    assert found["haechi_hr_proven_seconds_bucket", ("10.0",)] == 0
    assert found["haechi_hr_proven_seconds_bucket", ("20.0",)] == 1


def test_the_figures_need_the_token(seeded: Seeded, visitor: Visitor) -> None:
    """A session is not asked for, and a wrong token or none opens nothing; no person is named in them."""
    seeded.leaving("hana")
    token = doors.metrics_token(visitor.place)

    refused = [visitor.client.get("/metrics", headers={"authorization": said}) for said in ("", "Bearer", "Bearer x")]
    answer = visitor.client.get("/metrics", headers={"authorization": f"Bearer {token.read_text()}"})

    assert [one.status_code for one in refused] == [401, 401, 401]
    assert "haechi_hr" not in "".join(one.text for one in refused)
    assert token.stat().st_mode & 0o777 == 0o600
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'haechi_hr_revocations{state="open"} 1.0' in answer.text
    assert "hana" not in answer.text
