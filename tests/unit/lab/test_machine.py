"""What the lab asks of the machine under it."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
import yaml

from haechi.lab import images, secrets
from haechi.lab.limits import capped, choose_runtime, inotify_needed
from haechi.lab.podman import LabError
from haechi.policy.models import Policy

BOTH = frozenset({"crun", "runc"})


@pytest.mark.parametrize(
    ("unified", "available", "expected"),
    [
        (True, BOTH, "crun"),
        (True, frozenset({"runc"}), "runc"),
        (False, BOTH, "runc"),
    ],
)
def test_the_runtime_fits_the_cgroup_tree(unified: bool, available: frozenset[str], expected: str) -> None:  # noqa: FBT001
    """Crun refuses a tree that is not purely v2."""
    assert choose_runtime(unified=unified, available=available) == expected


def test_a_machine_without_a_fitting_runtime_is_told_what_to_install() -> None:
    """The message names the package, not the symptom."""
    with pytest.raises(LabError, match="install runc"):
        choose_runtime(unified=False, available=frozenset({"crun"}))


@pytest.mark.parametrize(("hard", "expected"), [(resource.RLIM_INFINITY, 65536), (20000, 20000), (1048576, 65536)])
def test_a_limit_is_no_higher_than_the_caller_s_own(hard: int, expected: int) -> None:
    """A process cannot raise its hard limit, and podman would refuse to start."""
    assert capped(hard, 65536) == expected


@pytest.mark.parametrize(
    ("machines", "current", "expected"), [(11, 128, None), (20, 128, None), (30, 128, 368), (30, 8192, None)]
)
def test_inotify_is_raised_for_many_machines_only(machines: int, current: int, expected: int | None) -> None:
    """The developer's machine is changed where it must be, and not otherwise."""
    assert inotify_needed(machines, current) == expected


def test_an_image_is_named_by_its_release_and_packages_in_any_order() -> None:
    """Another package list is another image; another order is not."""
    assert images.key("trixie", ("b", "a")) == images.key("trixie", ("a", "b")) == "trixie-7364d367b89f"
    assert images.key("trixie", ("a",)) != images.key("trixie", ("a", "b"))
    assert images.key("bookworm", ("a", "b")).startswith("bookworm-")


def test_an_old_image_is_built_anew(tmp_path: Path) -> None:
    """Security updates of a fortnight are missing from it."""
    tar = tmp_path / "trixie.tar"
    now = 1_800_000_000.0

    assert not images.is_fresh(tar, now)
    tar.touch()
    os.utime(tar, (now - 13 * 86400, now - 13 * 86400))
    assert images.is_fresh(tar, now)
    os.utime(tar, (now - 15 * 86400, now - 15 * 86400))
    assert not images.is_fresh(tar, now)


def test_keys_are_made_once_for_all_who_could_try_a_login(policy: Policy, tmp_path: Path) -> None:
    """A leaver has one too, since his must be refused; private halves are for their owner alone."""
    first = secrets.identity_keys(policy, tmp_path / "keys")

    assert sorted(first) == ["ann", "dan", "robot"]
    assert secrets.identity_keys(policy, tmp_path / "keys") == first
    assert (tmp_path / "keys/ann").stat().st_mode & 0o777 == 0o600


def test_the_policy_s_keys_are_yaml_that_policy_reads(tmp_path: Path) -> None:
    """A key's comment may hold what YAML would misread."""
    path = tmp_path / "keys.yml"
    secrets.write_policy_keys(path, {"ann": "ssh-ed25519 AAAA ann@small: #1"}, {"bob": "ssh-ed25519 BBBB bob: #2"})

    assert yaml.safe_load(path.read_text()) == {
        "keys": {"ann": ["ssh-ed25519 AAAA ann@small: #1"]},
        "share_keys": {"bob": "ssh-ed25519 BBBB bob: #2"},
    }
