"""Haechi as an application on a host: what names its state, and how one version takes another's place."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.service import application as here
from packaging.requirements import Requirement

from haechi import application

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "src/haechi/hr/__pycache__").mkdir(parents=True)
    (tmp_path / "src/haechi/hr/receive.py").write_text("PORT = 8443\n")
    (tmp_path / "uv.lock").write_text("version = 1\n")
    return tmp_path


def archive(folder, **texts):
    path = folder / "application.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name, text in texts.items():
            entry = tarfile.TarInfo(f"{name}.py")
            entry.size = len(text)
            packed.addfile(entry, io.BytesIO(text.encode()))
    return path


def test_the_same_checkout_has_the_same_digest_wherever_it_lies(checkout, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "clone"
    shutil.copytree(checkout, elsewhere)
    assert application.digest(application.RECEIVE, checkout) == application.digest(application.RECEIVE, elsewhere)


@pytest.mark.parametrize(
    ("path", "text"), [("src/haechi/hr/receive.py", "PORT = 9443\n"), ("src/haechi/new.py", ""), ("uv.lock", "2")]
)
def test_other_code_and_another_lock_are_another_state(checkout, path, text):
    before = application.digest(application.RECEIVE, checkout)
    (checkout / path).write_text(text)
    assert application.digest(application.RECEIVE, checkout) != before


def test_another_distribution_is_another_state(checkout):
    more = replace(application.RECEIVE, distributions=(*application.RECEIVE.distributions, "rich"))
    assert application.digest(more, checkout) != application.digest(application.RECEIVE, checkout)


def test_what_python_compiled_is_no_part_of_it(checkout):
    before = application.digest(application.RECEIVE, checkout)
    (checkout / "src/haechi/hr/__pycache__/receive.cpython-312.pyc").write_bytes(b"compiled")
    assert application.digest(application.RECEIVE, checkout) == before


def test_whoever_listens_gets_nothing_to_reach_a_host_with():
    assert not {"ansible", "ansible-core", "ansible-runner", "asyncssh"} & {*application.RECEIVE.distributions}


def test_an_index_that_does_not_answer_is_said_to_be_the_reason(monkeypatch):
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(
        application.ApplicationError, match=r"uv pip failed .*: the control node needs its package index"
    ):
        application.build(application.RECEIVE, CHECKOUT, python="3.13", machine="x86_64")


def place(tmp_path, digest, text):
    here.unpack("receive", digest, archive(tmp_path, haechi=text), tmp_path / "opt")
    here.point("receive", digest, tmp_path / "opt")


def test_a_version_is_placed_and_runs(tmp_path):
    assert here.current("receive", tmp_path / "opt") == ""
    place(tmp_path, "one", "VERSION = 1")
    assert here.current("receive", tmp_path / "opt") == "one"
    assert (tmp_path / "opt/haechi-receive/current/haechi.py").read_text() == "VERSION = 1"


def test_the_service_s_account_can_read_it_whatever_root_s_umask(tmp_path):
    path = tmp_path / "application.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        entry = tarfile.TarInfo("src/haechi/hr.py")
        entry.mode = 0o644
        packed.addfile(entry, io.BytesIO(b""))
    before = os.umask(0o077)
    try:
        here.unpack("receive", "one", path, tmp_path / "opt")
    finally:
        os.umask(before)
    made = [tmp_path / "opt/haechi-receive", *(tmp_path / "opt/haechi-receive").rglob("*")]
    assert {stat.S_IMODE(one.stat().st_mode) for one in made} == {0o755, 0o644}


def test_the_next_version_takes_its_place_and_the_old_one_goes_when_it_runs(tmp_path):
    place(tmp_path, "one", "VERSION = 1")
    place(tmp_path, "two", "VERSION = 2")
    assert (tmp_path / "opt/haechi-receive/current/haechi.py").read_text() == "VERSION = 2"
    here.prune("receive", tmp_path / "opt")
    assert sorted(path.name for path in (tmp_path / "opt/haechi-receive").iterdir()) == ["current", "two"]


def test_the_old_version_can_run_again_until_then(tmp_path):
    place(tmp_path, "one", "VERSION = 1")
    place(tmp_path, "two", "VERSION = 2")
    here.point("receive", "one", tmp_path / "opt")
    assert (tmp_path / "opt/haechi-receive/current/haechi.py").read_text() == "VERSION = 1"


def test_a_first_version_that_does_not_start_leaves_none(tmp_path):
    place(tmp_path, "one", "VERSION = 1")
    here.point("receive", "", tmp_path / "opt")
    assert here.current("receive", tmp_path / "opt") == ""


def test_a_damaged_archive_leaves_what_runs(tmp_path):
    place(tmp_path, "one", "VERSION = 1")
    (tmp_path / "broken.tar.gz").write_bytes(archive(tmp_path, haechi="VERSION = 2").read_bytes()[:40])
    with pytest.raises((tarfile.TarError, EOFError, OSError)):
        here.unpack("receive", "two", tmp_path / "broken.tar.gz", tmp_path / "opt")
    assert here.current("receive", tmp_path / "opt") == "one"


def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path):
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("../../outside.py"))
    with pytest.raises(tarfile.TarError):
        here.unpack("receive", "two", path, tmp_path / "opt")
    assert not (tmp_path / "outside.py").exists()


# Nothing can be imported but what is named, its own modules and Python's.
ALONE = """
import json, sys
from importlib import metadata
there = json.loads(sys.argv[1])
named = metadata.packages_distributions()
class Only:
    def find_spec(self, name, path=None, target=None):
        if set(named.get(name.partition(".")[0], there)).isdisjoint(there):
            raise ModuleNotFoundError(f"{name} is not on the receiver", name=name)
sys.meta_path.insert(0, Only())
import haechi.hr.receive.serve, haechi.hr.sources
"""


def brought(distributions) -> set[str]:
    """Return the distributions that come with some, these among them."""
    had, waiting = set(), [Requirement(line) for line in distributions]
    while waiting:
        one = waiting.pop()
        if one.name not in had:
            had.add(one.name)
            more = (Requirement(line) for line in metadata.requires(one.name) or ())
            extras = one.extras or {""}
            waiting += [row for row in more if not row.marker or any(row.marker.evaluate({"extra": x}) for x in extras)]
    return had


@pytest.mark.exhaustive
def test_the_receiver_has_all_that_it_imports():
    names = {metadata.metadata(name)["Name"] for name in brought(application.RECEIVE.distributions)} | {"haechi"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, json.dumps(sorted(names))], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
