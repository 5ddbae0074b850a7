"""What the receiver and the worker are told, computed from policy and the control node's files."""

from __future__ import annotations

import hashlib
import stat

import pytest

from haechi.desired import offboarding
from haechi.hr import handover, tokens
from haechi.hr.handover import NOTHING, Handover
from haechi.policy.models import Policy
from haechi.policy.provisioning import Hr, SourceKind
from tests.unit.controls import world

SOURCES = [
    {"name": "okta", "kind": "scim"},
    {"name": "payroll", "kind": "webhook"},
    {"name": "idp", "kind": "set", "issuer": "https://idp", "audience": "us", "keys": "idp.jwks"},
    {"name": "far", "kind": "set", "issuer": "https://far", "audience": "us", "keys": "https://far/jwks"},
    {"name": "polled", "kind": "set", "issuer": "https://p", "audience": "us", "keys": "p.jwks", "poll": "https://p"},
    {"name": "drop", "kind": "roster", "signers": ["jisoo"], "folder": "/srv/rosters"},
    {"name": "sent", "kind": "roster", "signers": ["jisoo"]},
]


def policy(**hr) -> Policy:
    return world.policy().model_copy(update={"hr": Hr.model_validate({"sources": SOURCES, **hr})})


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / handover.FOLDER
    folder.mkdir(parents=True)
    for name, text in (("okta", "a" * 64), ("payroll", "whsec_x"), ("idp.jwks", "{}")):
        (folder / name).write_text(f"{text}\n")
    return tmp_path


def test_no_host_does_anything_for_hr_where_policy_is_silent():
    silent = world.policy().model_copy(update={"hr": None})
    assert offboarding.build(silent, "edge1", NOTHING) == {"schema": 1, "receive": None, "work": None}


def test_only_the_host_in_front_receives_and_only_what_comes_to_it():
    told = policy(receiver="edge1")
    assert offboarding.build(told, "app1", NOTHING)["receive"] is None
    config = offboarding.build(told, "edge1", NOTHING)["receive"]["config"]
    assert [source["name"] for source in config["sources"]] == ["okta", "payroll", "idp", "far", "sent"]
    assert config["address"] == "10.77.10.11"
    assert list(config["signers"]) == ["jisoo"]


def test_secrets_are_files_that_root_hands_over_and_no_part_of_the_settings():
    told = offboarding.build(policy(receiver="edge1"), "edge1", Handover(texts={"okta": "a-secret\n"}))["receive"]
    assert told["secrets"] == {"/etc/haechi-receive/secrets/okta": "a-secret\n"}
    assert told["config"]["secrets"] == "/run/credentials/haechi-receive.service"
    assert "a-secret" not in str(told["config"])


@pytest.mark.parametrize(
    ("database", "ways"),
    [
        (None, []),
        ("postgresql://haechi@db1/haechi", [{"address": "10.77.30.11", "port": 5432}]),
        ("postgresql://haechi@db1:6432/haechi", [{"address": "10.77.30.11", "port": 6432}]),
        ("postgresql:///haechi", []),
    ],
)
def test_the_one_connection_it_may_open_is_to_its_inbox(database, ways):
    assert offboarding.build(policy(receiver="edge1", database=database), "edge1", NOTHING)["receive"]["ways"] == ways


def test_it_fetches_only_where_an_issuer_s_keys_are_elsewhere():
    nearer = [source for source in SOURCES if source["name"] != "far"]
    assert offboarding.build(policy(receiver="edge1"), "edge1", NOTHING)["receive"]["fetches"] is True
    assert offboarding.build(policy(receiver="edge1", sources=nearer), "edge1", NOTHING)["receive"]["fetches"] is False


def test_the_worker_gets_the_way_to_the_hosts_from_policy():
    told = offboarding.build(policy(worker="ops1"), "ops1", NOTHING)["work"]
    assert told["state"] == "/var/lib/haechi-work/state"
    assert (
        "IdentityFile /var/lib/haechi-work/.ssh/haechi_ed25519"
        in told["files"]["/etc/haechi-work/inventory/.ssh_config"]
    )


def test_the_receiver_is_handed_what_it_verifies_by_and_nothing_of_other_sources(state):
    assert handover.collect(policy(receiver="edge1"), state) == Handover(
        texts={"okta": "a" * 64 + "\n", "payroll": "whsec_x\n", "idp.jwks": "{}\n"}, lacking=()
    )


def test_where_nothing_listens_nothing_is_handed_over(tmp_path):
    assert handover.collect(policy(), tmp_path) == NOTHING


def test_a_missing_secret_is_told_with_how_to_make_it_and_the_unit_still_asks_for_it(state):
    (state / handover.FOLDER / "okta").unlink()
    (state / handover.FOLDER / "payroll").write_bytes(b"\xff")
    handed = handover.collect(policy(receiver="edge1"), state)
    told = offboarding.build(policy(receiver="edge1"), "edge1", handed)["receive"]
    cannot, mend = "what HR sends could not be verified", "run `haechi hr secret {}` for this inventory"
    assert [line.removeprefix(f"{state}/hr/secrets/") for line in told["lacking"]] == [
        f"okta: No such file or directory: {cannot}: {mend.format('okta')}",
        f"payroll: no text: {cannot}: {mend.format('payroll')}",
    ]
    assert told["credentials"] == ["idp.jwks", "okta", "payroll"]


def test_of_a_bearer_token_only_the_digest_is_kept():
    told, kept = tokens.make(SourceKind.SCIM)
    assert kept == hashlib.sha256(told.encode()).hexdigest()
    assert len(told) >= 43


def test_a_webhook_s_key_is_the_same_on_both_sides_and_another_each_time():
    first, second = tokens.make(SourceKind.WEBHOOK), tokens.make(SourceKind.WEBHOOK)
    assert first[0] == first[1] != second[0]
    assert first[0].startswith("whsec_")


def test_a_new_secret_stands_beside_the_old_one_while_senders_change_over(tmp_path):
    path = tmp_path / "secrets/okta"
    tokens.keep(path, "one")
    tokens.keep(path, "two", beside=True)
    assert path.read_text() == "two\none\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    tokens.keep(path, "three")
    assert path.read_text() == "three\n"
