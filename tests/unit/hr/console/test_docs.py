"""What docs/hr.md tells people to type works: verbs exist, and what its two scripts sign is authentic."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from haechi.cli.hr_verbs import VERBS
from haechi.hr import tokens
from haechi.hr.sources.secrets import key_of
from haechi.hr.sources.webhook import sign
from haechi.policy.provisioning import SourceKind
from tests.project.conftest import ROOT

PAGE = (ROOT / "docs/hr.md").read_text(encoding="utf-8")
READMES = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md")]


def block(language: str, holding: str) -> list[str]:
    """Return the lines of the page's one block that holds a word."""
    found = re.findall(rf"(?ms)^ *```{language}\n(.*?)^ *```", PAGE)
    (text,) = (one for one in found if holding in one)
    return [line.strip() if language == "sh" else line.removeprefix("   ") for line in text.splitlines()]


def ran(program: list[str], folder: Path) -> list[str]:
    return subprocess.run(program, capture_output=True, text=True, check=True, cwd=folder).stdout.splitlines()


def test_every_verb_of_the_page_exists() -> None:
    """And every verb is told of somewhere."""
    named = set(re.findall(r"haechi hr ([a-z][a-z-]+)", PAGE))

    assert named - set(VERBS) == set()
    assert set(VERBS) - named - {"bundle", "watch"} == set()
    assert all(set(re.findall(r"haechi hr ([a-z][a-z-]+)", text)) <= set(VERBS) for text in READMES)


def test_curl_and_openssl_sign_as_the_receiver_verifies(tmp_path: Path) -> None:
    """The shell's lines up to curl, run as they stand."""
    key = tokens.make(SourceKind.WEBHOOK)[0]
    (tmp_path / "payroll.key").write_text(f"{key}\n")
    lines = block("sh", "openssl dgst")
    script = [
        *lines[: next(n for n, line in enumerate(lines) if line.startswith("curl"))],
        'printf "%s\\n" "$id" "$now" "$body" "$mac"',
    ]

    name, seconds, body, mac = ran(["bash", "-ec", "\n".join(script)], tmp_path)

    assert f"v1,{mac}" == sign(key_of(key), name, int(seconds), body.encode())


def test_the_python_script_signs_as_the_receiver_verifies(tmp_path: Path) -> None:
    """Its lines up to the request, run as they stand."""
    key = tokens.make(SourceKind.WEBHOOK)[0]
    (tmp_path / "payroll.key").write_text(f"{key}\n")
    lines = block("python", "hmac.new")
    script = [
        *lines[: next(n for n, line in enumerate(lines) if line.startswith("request"))],
        "print(*headers.values(), sep='\\n')",
        "print(body.decode())",
    ]

    _, name, seconds, signature, body = ran([sys.executable, "-c", "\n".join(script)], tmp_path)

    assert signature == sign(key_of(key), name, int(seconds), body.encode())
