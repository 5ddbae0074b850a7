"""The automation's certificate: what is asked for, when, and that nothing waits for it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils import alarm
from ansible_collections.haechi.guard.plugins.module_utils.accounts import arrival
from ansible_collections.haechi.guard.plugins.module_utils.accounts.change import AccountError
from ansible_collections.haechi.guard.plugins.module_utils.pull import watch

from haechi import signing, sshconfig
from haechi.desired import accounts
from haechi.errand import AnswerError
from haechi.pki import automation
from haechi.policy.models import Policy

CHECKOUT = Path(__file__).parents[3]
NOW = datetime.now(UTC)
TOLD = {"id": "haechi", "sources": ["10.1.0.1", "10.1.0.10"], "bare_key": False}
CERT = "Accepted publickey for haechi from 10.1.0.1 port 5 ssh2: ED25519-CERT SHA256:x ID haechi (serial 3) CA ED25519"
BARE = "Accepted publickey for haechi from 10.1.0.1 port 5 ssh2: ED25519 SHA256:x "
KEY_ELSEWHERE = (
    "/etc/ssh/authorized_keys.d/haechi:1: Authentication tried for haechi with correct key but not from a permitted"
    " host (host=10.9.0.7, ip=10.9.0.7, required=10.1.0.1)."
)
CERT_ELSEWHERE = (
    "cert: Authentication tried for haechi with valid certificate but not from a permitted source address (10.9.0.7)."
)


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, Path]:
    """Return the state folder and the inventory of a site with an authority."""
    state, inventory = tmp_path / "state", tmp_path / "inventory"
    (state / "pki").mkdir(parents=True)
    inventory.mkdir()
    (state / "pki/ssh_user_ca.pub").write_text("ssh-ed25519 AAAAca")
    (inventory / sshconfig.FILE_NAME).write_text("Host *\n  CertificateFile x\n")
    return state, inventory


def certificate(folder: Path, minutes: int) -> str:
    public = signing.make(folder / "ca", "ca")
    (folder / "k.pub").write_text(public)
    argv = ["-q", "-s", str(folder / "ca"), "-I", "robot", "-n", "x", "-V", f"-1m:+{minutes}m", str(folder / "k.pub")]
    assert signing._keygen(*argv).returncode == 0
    return (folder / "k-cert.pub").read_text().strip()


def test_what_is_asked_for(policy: Policy) -> None:
    """Half an hour, from the control node and the bastion, the job's own principal."""
    asked = automation.order(policy)

    assert (asked["person"], asked["minutes"], asked["source"]) == ("robot", 30, "10.1.0.1,10.1.0.10")
    assert asked["principals"] == ["automation:robot"]


def test_each_control_node_asks_for_its_own_key(policy: Policy) -> None:
    """Of several that policy names; one that policy does not name is never asked for."""
    robot = next(who for who in policy.identities if who.id == "robot")
    first, second = automation.order(policy)["key"], "ssh-ed25519 AAAAworker"
    two = policy.model_copy(update={"keys": {**policy.keys, robot.id: (f"{first} here", f"{second} ops1")}})

    assert automation.order(two, [f"{second} another-comment\n"])["key"] == second
    assert automation.order(two, ["ssh-ed25519 AAAAstranger"])["key"] == first


def test_the_key_of_the_configuration_is_the_one_that_is_asked_for(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's key is the second that policy names; the errand that goes to the authority names it."""
    mine, asked = signing.make(tmp_path / "mine", "mine").strip(), []
    (tmp_path / "mine.pub").write_text(mine)
    two = policy.model_copy(update={"keys": {**policy.keys, "robot": ("ssh-ed25519 AAAAfirst", mine)}})
    config = tmp_path / sshconfig.FILE_NAME
    config.write_text(sshconfig.render(two, tmp_path, tmp_path / "mine"))

    def ssh(argv: list[str], **sent: bytes) -> subprocess.CompletedProcess[bytes]:
        asked.append(sent["input"])
        return subprocess.CompletedProcess(argv, 255, b"", b"no way")

    monkeypatch.setattr(subprocess, "run", ssh)
    with pytest.raises(AnswerError, match="no way"):
        automation.fetch(two, config, CHECKOUT / "plugins/module_utils")

    assert mine.split()[1].encode() in asked[0]


def test_one_is_fetched_and_used_while_it_counts(
    policy: Policy, site: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with less than ten minutes left is replaced; a run within the half hour after asks nobody."""
    lives = [9, 30]
    monkeypatch.setattr(automation, "fetch", lambda *_: certificate(tmp_path, lives.pop(0)))
    said = [automation.ensure(policy, *site, tmp_path, datetime.now(UTC)) for _ in range(3)]

    assert (said, lives) == (["", "", ""], [])


def test_a_dead_authority_stops_no_run(
    policy: Policy, site: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said once, and not waited for again within ten minutes."""

    def fetch(*_: object) -> str:
        raise AnswerError("Connection timed out")

    monkeypatch.setattr(automation, "fetch", fetch)
    first = automation.ensure(policy, *site, tmp_path, datetime.now(UTC))
    second = automation.ensure(policy, *site, tmp_path, datetime.now(UTC) + timedelta(seconds=1))

    assert "its bare key is used instead" in first
    assert second == ""


def test_nothing_is_asked_before_there_is_an_authority(policy: Policy, site: tuple[Path, Path], tmp_path: Path) -> None:
    """Bootstrap comes first; and a configuration of before says how it is written anew."""
    (site[1] / sshconfig.FILE_NAME).write_text("Host *\n")
    assert "haechi ssh-config" in automation.ensure(policy, *site, tmp_path, NOW)
    (site[0] / "pki/ssh_user_ca.pub").unlink()

    assert automation.ensure(policy, *site, tmp_path, NOW) == ""


def test_the_bare_key_counts_from_the_control_node(policy: Policy) -> None:
    """And from the host itself, where a guarded change tries it; a person's key says nothing about addresses."""
    document: dict[str, list[dict[str, list[str]]]] = accounts.build(policy, "db", frozenset())  # type: ignore[assignment]
    rows = {str(row["id"]): row["keys"] for row in document["accounts"]}

    assert [key.split()[0] for key in rows["robot"]] == ['from="10.1.0.1,10.1.0.10,127.0.0.1"']
    assert [key.split()[0] for key in rows["ann"]] == ["ssh-ed25519"]


def test_a_run_never_shuts_its_own_door() -> None:
    """A wrong control_node in policy is told before any key is written."""
    rows = [{"id": "haechi", "kind": "automation", "keys": ['from="10.1.0.1,10.1.0.10" ssh-ed25519 AAAA']}]
    for source in ("10.1.0.10", None):
        arrival.check(rows, source)

    with pytest.raises(AccountError, match=r"comes from 10\.9\.9\.9.*correct site\.control_node"):
        arrival.check(rows, "10.9.9.9")


@pytest.mark.parametrize(
    ("line", "alarm"),
    [
        (CERT, ""),
        (CERT.replace("10.1.0.1", "10.9.0.7"), "haechi logged in from 10.9.0.7"),
        (BARE, "haechi logged in from 10.1.0.1 with its bare key"),
        (BARE.replace("haechi", "ann"), ""),
        (KEY_ELSEWHERE, "was tried from 10.9.0.7"),
        (CERT_ELSEWHERE, "was tried from 10.9.0.7"),
    ],
)
def test_which_uses_are_alarms(line: str, alarm: str) -> None:
    """The words are those of sshd 9.2 and 10.0."""
    said = watch.judge(["Server listening on 0.0.0.0", line], TOLD)

    assert [alarm in text for text in said.values()] == ([True] if alarm else [])


def test_a_line_counts_that_root_wrote_under_a_name_of_sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can have `logger -t sshd` say that the automation logged in from elsewhere."""
    asked: list[str] = []

    def journal(argv: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        asked.extend(argv)
        return subprocess.CompletedProcess(argv, 0, b"", b"")

    monkeypatch.setattr(watch, "CURSOR", str(tmp_path / "cursor"))
    monkeypatch.setattr(alarm, "ALARMS", tmp_path / "alarms")
    monkeypatch.setattr(watch.subprocess, "run", journal)
    watch.look(TOLD)

    matches = [word for word in asked if word.startswith(("--identifier", "_"))]
    assert matches == ["--identifier=sshd", "--identifier=sshd-session", "--identifier=sshd-auth", "_UID=0"]
    assert "+" not in asked, "that would be one or the other"


def test_the_bare_key_is_no_news_on_the_way_to_the_authority() -> None:
    """A certificate is fetched there with it."""
    assert watch.judge([BARE], TOLD | {"bare_key": True}) == {}
