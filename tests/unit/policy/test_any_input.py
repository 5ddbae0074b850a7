"""Whatever stands in a policy file, loading it ends in problems or in a policy, never in a crash."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from haechi.policy import doors, load

BASE = Path(__file__).parents[2] / "cases/validate/base"
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
DATA = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
NAMES = st.sampled_from(["identities", "jobs", "zones", "servers", "flows", "listeners", "waivers", "sshd", "site"])


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("any") / "inventory"
    shutil.copytree(BASE, path)
    return path


@given(text=st.text(max_size=80) | st.binary(max_size=80))
def test_any_bytes_in_a_file_are_a_problem_or_nothing(inventory: Path, text: str | bytes) -> None:
    """No bytes make loading raise."""
    path = inventory / "group_vars/all/policy/waivers.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))

    loaded = load(inventory)

    assert loaded.policy is None or loaded.policy.waivers == () or loaded.problems


@given(name=NAMES, value=DATA)
def test_any_data_under_any_name_is_judged(inventory: Path, name: str, value: object) -> None:
    """A value of the wrong shape yields a problem and no policy."""
    shutil.rmtree(inventory)
    shutil.copytree(BASE, inventory)
    for path in (inventory / "group_vars/all/policy").glob("*.yml"):
        data = yaml.load(path.read_text(), yaml.CSafeLoader)
        if name in data:
            path.write_text(yaml.safe_dump({**data, name: value}))

    loaded = load(inventory)

    assert loaded.problems or loaded.policy is not None
    if loaded.policy is None:
        assert loaded.errors


@given(data=st.dictionaries(st.sampled_from(sorted(doors.NAMES)), DATA, max_size=8))
def test_a_policy_of_any_data_is_never_called_good(inventory: Path, data: dict[str, object]) -> None:
    """Random data is no policy; what can be salvaged of it never makes the judging raise."""
    shutil.rmtree(inventory / "group_vars/all/policy")
    (inventory / "group_vars/all/policy").mkdir(parents=True)
    (inventory / "group_vars/all/policy/all.json.yml").write_text(json.dumps(data))

    loaded = load(inventory)

    assert loaded.policy is None
    assert loaded.errors


@given(name=NAMES, data=st.data())
def test_any_damage_to_a_good_policy_is_judged_and_leaves_something_or_nothing(
    inventory: Path, name: str, data: st.DataObject
) -> None:
    """One value replaced by any other, at any depth: problems or a policy, and no crash on the way to either."""
    shutil.rmtree(inventory)
    shutil.copytree(BASE, inventory)
    path = next(
        p
        for p in (inventory / "group_vars/all/policy").glob("*.yml")
        if name in yaml.load(p.read_text(), yaml.CSafeLoader)
    )
    document = yaml.load(path.read_text(), yaml.CSafeLoader)
    holder, key = document, name
    while isinstance(holder[key], list | dict) and holder[key] and data.draw(st.booleans()):
        holder = holder[key]
        key = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    holder[key] = data.draw(DATA)
    path.write_text(yaml.safe_dump(document))

    loaded = load(inventory)

    assert loaded.problems or loaded.policy is not None
    if loaded.usable is not None:
        assert {"gate1", "jump1", "db1"} <= set(loaded.usable.hosts) or name == "servers"
