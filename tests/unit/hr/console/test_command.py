"""The command line itself: light where the service is not asked for, clear where it cannot run."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from haechi import cli
from haechi.cli.hr_verbs import VERBS
from haechi.hr.sources.secrets import key_of
from haechi.hr.tokens import digest
from tests.project.conftest import ROOT

from .conftest import HR, Site

HEAVY = ("sqlalchemy", "fastapi", "uvicorn", "httpx", "procrastinate", "ansible_runner", "prometheus_client")


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.exhaustive
def test_other_verbs_load_nothing_of_the_service() -> None:
    """`haechi validate` runs in a commit hook, and on machines without the extra."""
    done = python(
        "import sys; from haechi.cli import main; main(['validate', '-i', 'inventories/example']);"
        f"sys.exit(str([name for name in {HEAVY} if name in sys.modules] or ''))"
    )

    assert done.stderr.strip() == ""
    assert "good." in done.stdout


@pytest.mark.exhaustive
def test_without_the_extra_it_says_how_to_install_it() -> None:
    """In one sentence, with exit code 3; the help is there all the same."""
    done = python(
        "import sys; sys.modules['sqlalchemy'] = None; from haechi.cli import main; sys.exit(main(['hr', 'status']))"
    )

    assert done.returncode == 3
    assert done.stderr.strip() == (
        "`haechi hr` needs packages of its own: pip install 'haechi[hr]', or `uv sync --extra hr` in a checkout"
        " (sqlalchemy is missing)"
    )


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the inventory that each takes."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["hr", verb, "--help"])

    assert ended.value.code == 0
    assert "--inventory" in capsys.readouterr().out


@pytest.mark.parametrize("listen", ["8444", "localhost:8444", "127.0.0.1:0", "127.0.0.1:99999", "[::1]"])
def test_an_address_that_is_none_is_told(listen: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is opened."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["hr", "page", "--listen", listen])

    assert ended.value.code == 2
    assert "--listen" in capsys.readouterr().err


def test_a_site_without_the_service_says_what_to_add(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Policy first."""
    (site.policy / "hr.yml").unlink()

    assert site.hr("status") == 3
    assert "policy has no `hr`: add it" in capsys.readouterr().err


def test_the_page_is_not_served_in_clear_beyond_this_machine(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """It names people."""
    assert site.hr("page", "--listen", "0.0.0.0:8444") == 3
    assert "give --cert and --key, or use 127.0.0.1" in capsys.readouterr().err


def test_a_link_is_for_somebody_of_policy(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever left gets none, nor does nobody."""
    codes = [site.hr("page", "--link", *who) for who in (["--for", "jisoo"], ["--for", "tae"], [])]
    told = capsys.readouterr()

    assert codes == [0, 3, 3]
    assert told.out.startswith("http://127.0.0.1:8444/in/")
    assert "tae is no active person of policy" in told.err
    assert "--link needs --for ID" in told.err


def test_a_secret_is_shown_once_and_kept_for_the_worker(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a bearer token the digest alone; --keep lets the old one count on."""
    place = site.state / "hr/secrets"
    tokens = []
    for words in (["idp"], ["idp", "--keep"], ["payroll"]):
        assert site.hr("secret", *words) == 0
        tokens.append(capsys.readouterr().out.strip())

    assert (place / "idp").read_text().split() == [digest(tokens[1]), digest(tokens[0])]
    assert key_of((place / "payroll").read_text().strip()) == key_of(tokens[2])
    assert stat.S_IMODE((place / "payroll").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("source", "said"), [("idb", "did you mean idp?"), ("monthly", "monthly is a roster, which proves itself")]
)
def test_a_source_that_has_no_secret_is_told(
    site: Site, capsys: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    """Rather than a file that nothing reads."""
    assert site.hr("secret", source) == 3
    assert said in capsys.readouterr().err


@pytest.mark.exhaustive
def test_a_bundle_is_written_and_verified(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """An open leaving's says that it is open; an altered one does not hold."""
    site.hr("submit", "hana", "--reason", "left")
    capsys.readouterr()

    assert site.hr("bundle", "1") == 0
    path = Path(capsys.readouterr().out.splitlines()[0])
    assert site.hr("verify", str(path)) == 1
    assert "hana at site lab, revocation 1: open" in capsys.readouterr().out
    path.write_text(path.read_text().replace("timestamp", "timestamb"))
    assert site.hr("verify", str(path)) == 1
    assert "refused: " in capsys.readouterr().err


def test_a_receiver_needs_a_certificate(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """It takes tokens, which nobody on the way may read."""
    assert HR["sources"]
    assert site.hr("receive") == 3
    assert "give --cert and --key" in capsys.readouterr().err
