"""An errand's own way to make data classes makes the same ones, of every class that goes along with some errand."""

from __future__ import annotations

import dataclasses
import importlib
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.haechi.guard.plugins.module_utils.lean import dataclasses as lean

from haechi.errand import PACKAGE

MODULE_UTILS = Path(__file__).parents[3] / "plugins/module_utils"
MODULES = sorted(
    path for path in MODULE_UTILS.rglob("*.py") if re.search(r"^ *@dataclass", path.read_text(), re.MULTILINE)
)


def classes(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    """Yield each data class of a module as Python makes it and as an errand does."""
    plain = importlib.import_module(".".join([PACKAGE, *path.relative_to(MODULE_UTILS).with_suffix("").parts]))
    monkeypatch.setitem(sys.modules, "dataclasses", lean)
    made = runpy.run_path(str(path), run_name=plain.__name__)
    monkeypatch.undo()
    for name, one in vars(plain).items():
        if dataclasses.is_dataclass(one) and isinstance(one, type) and one.__module__ == plain.__name__:
            yield one, made[name]


def test_there_are_classes() -> None:
    """Or the next test tries nothing."""
    assert {path.stem for path in MODULES} >= {"state", "change", "leave", "left", "sockets"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_every_class_is_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it takes, shows, equals, is sorted by and hashes to, and what it does not let anybody change."""
    found = list(classes(path, monkeypatch))

    assert found
    for plain, made in found:
        assert seen(made) == seen(plain)


def seen(one: Any) -> dict[str, Any]:
    """Return all that can be told of a class from without. `/` and `.` do for whoever looks at a folder."""
    names = [*one.__annotations__]
    full = one(**dict.fromkeys(names, "/"))
    others = [outcome(lambda name=name: one(**{row: "/" for row in names if row != name})) for name in names]
    return {
        "names": names,
        "match": one.__match_args__,
        "shown": repr(full),
        "default": others,
        "by place": outcome(lambda: one(*("/" for _ in names))),
        "too many": outcome(lambda: one(*("/" for _ in (*names, "more")))),
        "unknown": outcome(lambda: one(**{**dict.fromkeys(names, "/"), "nobody": 1})),
        "twice": outcome(lambda: one("/", **dict.fromkeys(names, "/"))),
        "equal": [full == one(**{**dict.fromkeys(names, "/"), name: "."}) for name in names],
        "same": (full == one(**dict.fromkeys(names, "/")), full == object(), full != "/"),
        "hash": outcome(lambda: isinstance(hash(full), int) and hash(full) == hash(one(**dict.fromkeys(names, "/")))),
        "order": outcome(lambda: full < one(**dict.fromkeys(names, "."))),
        "set": outcome(lambda: setattr(full, names[0], "new")),
        "delete": outcome(lambda: delattr(full, names[-1])),
    }


def outcome(act: Any) -> str:
    """Return what came of it in a word that both make."""
    try:
        return re.sub(r" at 0x\w+", "", repr(act()))
    except (TypeError, AttributeError) as error:
        return type(error).__name__


def test_copies_and_dictionaries_are_the_same() -> None:
    """As `replace` and `asdict` make them, one class within another."""

    @lean.dataclass(frozen=True)
    class Inner:
        rows: tuple[int, ...] = ()

    @lean.dataclass
    class Outer:
        name: str
        inner: Any
        all: dict[str, Any]

    outer: Any = Outer("hana", Inner((1, 2)), {"more": [Inner()]})

    assert lean.replace(outer, name="minho").name == "minho"
    assert outer.name == "hana"
    assert lean.asdict(outer) == {"name": "hana", "inner": {"rows": (1, 2)}, "all": {"more": [{"rows": ()}]}}
    with pytest.raises(TypeError):
        lean.replace(outer, nobody=1)


def test_what_it_does_not_know_is_refused() -> None:
    """It would lose the fields of the class before."""

    @lean.dataclass
    class Before:
        name: str

    with pytest.raises(TypeError, match="inherits"):

        @lean.dataclass
        class After(Before):
            more: str
