"""A review with every kind of difference, of two hosts as they were seen and changed."""

from __future__ import annotations

from datetime import date

from haechi.review.document import Decision, SignOff
from haechi.review.model import Review
from haechi.review.stored import Held
from tests.unit.controls import world

from .test_rows import made

SCRIPT = "<script>alert('x')</script>"
WAIVER = {
    "id": "legacy-group",
    "control": "accounts-groups-exact",
    "hosts": ["db1"],
    "reason": "r",
    "owner": "jisoo",
    "approver": "minho",
    "until": "2027-01-31",
}
RULE = {"Cmnd_Specs": [{"Commands": [{"command": f"/usr/bin/id {SCRIPT}"}], "runasusers": [{"username": "root"}]}]}


def review() -> Review:
    """Return it: surplus, missing and unknown, one explained, a script in a rule, a formula for a name."""
    app1 = [
        {"at": ["accounts", "rows", "name=minho", "groups"], "add": "disk"},
        {"at": ["keys", "account=minho", "fingerprints"], "add": "SHA256:stranger"},
        {"at": ["sudo", "rules"], "copy": 4, "with": RULE},
        {"at": ["keys", "account=jisoo", "fingerprints"], "set": []},
        {"at": ["accounts", "rows"], "copy": "name=games", "with": {"name": "=eve", "uid": 1700, "password": "set"}},
    ]
    db1 = [{"at": ["accounts", "rows", "name=jisoo", "groups"], "add": "disk"}, {"at": ["sudo"], "unknown": "x"}]
    answers = {"app1": world.edited(world.answer("app1"), app1), "db1": world.edited(world.answer("db1"), db1)}
    return made(answers, world.with_policy(world.small_site(), [{"at": ["waivers"], "set": [WAIVER]}]))


def clean() -> Review:
    """Return one without a difference."""
    return made({host: world.answer(host) for host in world.HOSTS})


def signed(review: Review, who: str) -> Held:
    """Return a sign-off that decides on everything."""
    choice = Decision(decision="correct", note=f"the role puts it right {SCRIPT}")
    said = SignOff(
        site=review.site,
        review="20261124T164000Z-review-aaaaaa",
        sha256=review.sha256,
        date=date(2026, 11, 25),
        reviewer=who,
        decisions={one.id: choice for _, one in review.open()},
    )
    return Held(run="20261125T010000Z-review_accept-bbbbbb", said=said, owners=review.owners, key=f"SHA256:{who}")
