"""Who may have a certificate, and what it opens."""

from __future__ import annotations

import pytest

from haechi.pki.certificates import CertificateError, Order, Request, order, principals_on, reaches
from haechi.policy.models import Policy

from .conftest import key

NOBODY: frozenset[str] = frozenset()


def test_an_order_names_the_person_s_jobs_and_the_longest_time(policy: Policy) -> None:
    """The comment of a key file does not go into the order."""
    assert order(policy, NOBODY, Request(person="ann", key=f"{key('ann')} ann@laptop")) == Order(
        person="ann", key=key("ann"), principals=("operator:ann",), minutes=480
    )


@pytest.mark.parametrize(
    ("request_", "revoked", "why"),
    [
        (Request(person="zoe", key=key("ann")), NOBODY, "no identity has the id 'zoe'"),
        (Request(person="dan", key=key("dan")), NOBODY, "dan is not active"),
        (Request(person="ann", key=key("ann")), frozenset({"ann"}), "ann is not active"),
        (Request(person="robot", key=key("robot")), NOBODY, "robot is automation"),
        (Request(person="ann", key=key("carol")), NOBODY, "this key is not one of ann's in policy"),
        (Request(person="ann", key="no key"), NOBODY, "this key is not one of ann's in policy"),
        (Request(person="ann", key=key("ann"), minutes=481), NOBODY, "481 minutes: policy gives between 1 and 480"),
        (Request(person="ann", key=key("ann"), minutes=0), NOBODY, "0 minutes: policy gives between 1 and 480"),
        (Request(person="ann", key=key("ann"), jobs=("auditor",)), NOBODY, "ann has no job auditor with a login"),
    ],
)
def test_no_order(policy: Policy, request_: Request, revoked: frozenset[str], why: str) -> None:
    """Each is refused with the one reason."""
    with pytest.raises(CertificateError, match=why):
        order(policy, revoked, request_)


def test_a_policy_without_an_authority_signs_nothing(policy: Policy) -> None:
    """The mend names the place in policy."""
    without = policy.model_copy(update={"pki": None})

    with pytest.raises(CertificateError, match="policy names no authority: add `pki"):
        order(without, NOBODY, Request(person="ann", key=key("ann")))


@pytest.mark.parametrize(
    ("host", "ann", "carol"), [("bastion", ("operator:ann",), ("auditor:carol",)), ("db", ("operator:ann",), ())]
)
def test_a_host_takes_the_jobs_that_reach_it(
    policy: Policy, host: str, ann: tuple[str, ...], carol: tuple[str, ...]
) -> None:
    """Carol's job ends at the bastion, so on db no certificate of hers opens anything."""
    people = {who.id: who for who in policy.identities}

    assert principals_on(policy, people["ann"], host) == ann
    assert principals_on(policy, people["carol"], host) == carol


def test_where_principals_lead(policy: Policy) -> None:
    """The evidence of an issue names the hosts."""
    assert reaches(policy, ["auditor:carol"]) == ("bastion",)
    assert reaches(policy, ["operator:ann"]) == ("bastion", "gw", "db")
