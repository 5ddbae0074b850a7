"""An X.509 authority that expired is told before any host is touched, and shuts nobody out."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.pki import x509

from haechi import gate
from haechi.cli import main
from haechi.pki import expiry, root, trust
from haechi.policy import load
from haechi.policy.models import Policy
from haechi.tombstones import Store

SITE = Path(__file__).parents[3] / "inventories/example"
NOW = datetime.now(UTC)
SIGNED_FOR = timedelta(days=1825)  # the life of the issuing authority


@pytest.fixture
def inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a site with an authority whose state lies beside it."""
    monkeypatch.setenv("HAECHI_STATE_DIR", str(tmp_path / "state"))
    shutil.copytree(SITE, tmp_path / "site")
    return tmp_path / "site"


def signed(inventory: Path, at: datetime) -> tuple[Policy, Path]:
    """Hold the ceremony of the site at a moment; return the policy and the state folder."""
    policy = load(inventory).policy
    assert policy is not None
    state = inventory.parent / "state" / policy.site.name
    key = inventory.parent / "issuing.key"
    key.write_text(x509.new_key("P-384"))
    made = root.hold(policy.site.name, x509.request(str(key), "x"), b"a passphrase nobody guesses", at)
    authorities = {trust.USER_CA: "ssh-ed25519 AAAAuser", trust.HOST_CA: "ssh-ed25519 AAAAhost"}
    trust.pin_texts(state, {trust.ROOT: made.root, trust.ISSUING: made.issuing, **authorities})
    return policy, state


def said(policy: Policy, state: Path, at: datetime) -> list[tuple[str, str, str]]:
    """Return file, severity and words of each problem."""
    found = expiry.problems(policy, state, trust.read(policy, state, Store(), at), at)
    return [(Path(one.file).name, one.severity, one.what) for one in found]


def test_an_authority_in_its_time_is_no_problem(inventory: Path) -> None:
    """Nor does it take part in a site without one."""
    policy, state = signed(inventory, NOW)

    assert said(policy, state, NOW) == []
    assert said(policy.model_copy(update={"pki": None}), state, NOW + 2 * SIGNED_FOR) == []


def test_one_that_a_new_leaf_would_outlive_is_told_in_good_time(inventory: Path) -> None:
    """A leaf lives 90 days here: at 91 before the end all is well, at 89 somebody hears of it."""
    policy, state = signed(inventory, NOW)
    end = NOW + SIGNED_FOR

    assert said(policy, state, end - timedelta(days=91)) == []
    (found,) = said(policy, state, end - timedelta(days=89))
    assert found[:2] == ("x509_issuing.pem", "warning")
    assert f"expires {end:%Y-%m-%d}" in found[2]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (1825, [("x509_issuing.pem", "expired")]),
        (3650, [("x509_root.pem", "expired"), ("x509_issuing.pem", "expired")]),
        (-1, [("x509_root.pem", "begins"), ("x509_issuing.pem", "begins")]),
    ],
)
def test_one_that_is_over_or_has_not_begun_is_an_error(
    inventory: Path, days: int, expected: list[tuple[str, str]]
) -> None:
    """The second it ends; and a controller whose clock runs behind says so."""
    policy, state = signed(inventory, NOW)

    found = said(policy, state, NOW + timedelta(days=days, seconds=1))

    assert [(file, severity) for file, severity, _ in found] == [(file, "error") for file, _ in expected]
    assert all(word in what for (_, word), (_, _, what) in zip(expected, found, strict=True))


def test_the_authority_of_the_vpn_s_people_is_asked_too(inventory: Path) -> None:
    """It is a root of its own, and mended in another way."""
    policy, state = signed(inventory, NOW)
    trust.pin_texts(state, {trust.PEOPLE: (state / "pki/x509_issuing.pem").read_text()})
    at = NOW + SIGNED_FOR + timedelta(seconds=1)

    found = [*expiry.problems(policy, state, trust.read(policy, state, Store(), at), at)]

    assert [Path(one.file).name for one in found] == ["x509_issuing.pem", "vpn_people.pem"]
    assert ["a new profile" in one.mend for one in found] == [False, True]


def test_a_damaged_one_is_an_error(inventory: Path) -> None:
    """Hosts would be given it as it is."""
    policy, state = signed(inventory, NOW)
    (state / "pki/x509_root.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")

    assert said(policy, state, NOW) == [("x509_root.pem", "error", "this is no certificate")]


def test_the_site_is_refused_and_nobody_s_way_in_is(inventory: Path) -> None:
    """The run that hands certificates out does not begin; a grant does and says it, a leaving does not even ask."""
    signed(inventory, NOW - SIGNED_FOR - timedelta(days=1))

    passed = gate.judge(inventory, [], {}, None)

    assert "The X.509 authorities have 1 problem(s); no host was touched" in passed.expired
    assert "x509_issuing.pem: the certificate of CN=" in passed.expired
    assert "Take x509_root.pem and x509_issuing.pem out of that folder, and hold the ceremony again" in passed.expired
    assert "x509_issuing.pem" in " ".join(passed.warnings)
    leaving = gate.judge(inventory, [], {}, ("doyun",))
    assert (leaving.expired, "x509" in " ".join(leaving.warnings)) == ("", False)


def test_validate_refuses_it(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With where it lies and how to go on."""
    assert main(["validate", "-i", str(inventory)]) == 0
    signed(inventory, NOW - SIGNED_FOR)
    capsys.readouterr()

    assert main(["validate", "-i", str(inventory)]) == 1
    told = capsys.readouterr().out
    assert "x509_issuing.pem" in told
    assert "expired" in told
    assert "haechi ca root" in told


def test_the_site_is_not_touched(inventory: Path) -> None:
    """Ansible's own run ends with the same words, and none of its hosts was asked for anything."""
    signed(inventory, NOW - SIGNED_FOR)
    root_of = SITE.parents[1]
    argv = [sys.executable, "-m", "ansible.cli.playbook", "-i", str(inventory), "playbooks/site.yml"]

    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=120, cwd=root_of, stdin=subprocess.DEVNULL
    )

    assert done.returncode != 0
    assert "hold the ceremony again: `haechi ca root`" in done.stdout
    assert "changed=0    unreachable=0    failed=1" in done.stdout
    assert done.stdout.count("unreachable=") == 1
