"""Read one policy file with the line of every value, and refuse what YAML quietly turns into something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import yaml

from haechi.policy.problems import Path, Problem, dotted, shown

JINJA = re.compile(r"\{\{|\{%|\{#")
# C0, DEL and C1 controls, and the characters that a screen hides or that reorder text on it (Unicode UAX 9).
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
PLAIN = {"str", "bool", "int", "float", "null", "timestamp", "seq", "map", "merge", "value"}
TEMPLATE = ("a template in policy", "write the value itself: policy is read without Ansible")
MAX_DEPTH = 20
TAG = "tag:yaml.org,2002:"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's takes a tenth of the other's time


@dataclass
class Reader:
    """Gathers the data, places and problems of one file."""

    file: str
    places: dict[Path, tuple[str, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def problem(self, node: yaml.Node, path: Path, what: str, mend: str) -> None:
        """Note a problem at a node."""
        line = node.start_mark.line + 1
        self.problems.append(Problem(file=self.file, line=line, path=dotted(path), what=what, mend=mend))

    def value(self, node: yaml.Node, path: Path) -> Any:
        """Return a node's plain value; what is refused becomes ``None`` and a problem."""
        self.places.setdefault(path, (self.file, node.start_mark.line + 1))
        # Aliases share one node; nested, a few lines of them stand for billions of values.
        if id(node) in self.seen or len(path) > MAX_DEPTH:
            self.problem(node, path, "an alias or very deep nesting", "write the value out where it is meant")
            return None
        self.seen.add(id(node))
        if node.tag.removeprefix(TAG) not in PLAIN:
            self.problem(
                node, path, f"a tag, {shown(node.tag)}", "write the plain value: policy is read without Ansible"
            )
            return None
        if isinstance(node, yaml.MappingNode):
            return dict(self.pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node, path) if isinstance(node, yaml.ScalarNode) else None

    def pairs(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, Any]]:
        """Yield a mapping's entries, each name once."""
        names: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                self.not_a_name(key, path)
                continue
            name = str(key.value)
            self.check_text(key, (*path, name), name)
            if name in names:
                what = f"{shown(name)} stands twice, first in line {names[name]}; YAML would silently keep the last"
                self.problem(key, (*path, name), what, "keep one of the two")
                continue
            names[name] = line
            self.places[(*path, name)] = (self.file, line)
            yield name, self.value(value, (*path, name))

    def not_a_name(self, key: yaml.Node, path: Path) -> None:
        """Note a name that is none; `{{ x }}` without quotes is a mapping in a mapping."""
        if isinstance(key, yaml.MappingNode) and key.flow_style:
            self.problem(key, path, *TEMPLATE)
        else:
            self.problem(key, path, "a list or mapping as a name", "use a plain word as the name")

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        """Return a scalar, refusing YAML 1.1's traps."""
        text, tag = str(node.value), node.tag.removeprefix(TAG)
        self.check_text(node, path, text)
        convert = SCALARS.get(tag)
        if convert is None:
            return text
        try:
            return convert(text)
        except ValueError as error:
            self.problem(node, path, str(error), f'write "{shown(text)}" in quotes for text, or a plain value')
            return None

    def check_text(self, node: yaml.Node, path: Path, text: str) -> None:
        """Refuse templates and characters that a screen hides."""
        if JINJA.search(text):
            self.problem(node, path, *TEMPLATE)
        if CONTROL.search(text):
            self.problem(node, path, f"a control character in {shown(text)}", "remove it")


def _boolean(text: str) -> bool:
    # YAML 1.1: yes, no, on and off are booleans (yaml.org/type/bool.html).
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"YAML reads {text} as {text.lower() in {'yes', 'on', 'y'}}, not as the word")
    return text.lower() == "true"


def _integer(text: str) -> int:
    # YAML 1.1: 010 is 8, and 1:30 is 90 (yaml.org/type/int.html).
    if re.fullmatch(r"[-+]?0[0-7_]+", text):
        raise ValueError(f"YAML reads {text} as the octal number {int(text.replace('_', ''), 8)}")
    if ":" in text:
        raise ValueError(f"YAML reads {text} as a number to base 60")
    return int(text.replace("_", ""), 0)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text} is not a day written as YYYY-MM-DD") from error


def _null(_text: str) -> None:
    return None


def _float(text: str) -> float:
    if ":" in text:
        raise ValueError(f"YAML reads {text} as a number to base 60")
    return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan"))


SCALARS: dict[str, Callable[[str], Any]] = {
    "bool": _boolean,
    "int": _integer,
    "float": _float,
    "null": _null,
    "timestamp": _date,
}


def parse(text: str) -> Any:
    """Return the plain value of a document of our own. Raises ``yaml.YAMLError``."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506 - both are safe loaders


def compose(text: str) -> yaml.Node | None:
    """Return a document's nodes. Raises ``yaml.YAMLError``, ``RecursionError`` or ``ValueError`` as PyYAML does.

    What libyaml refuses is read again by PyYAML, whose errors name the character.
    """
    try:
        return yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def read(file: str, text: str) -> tuple[dict[str, Any], Reader]:
    """Return a file's top-level names with their values, and what was found on the way.

    A file that is empty, not YAML, or no mapping yields no names and one problem.
    """
    reader = Reader(file)

    def refuse(line: int, what: str, mend: str) -> tuple[dict[str, Any], Reader]:
        reader.problems.append(Problem(file=file, line=line, path="", what=what, mend=mend))
        return {}, reader

    try:
        node = compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        return refuse(line, f"not YAML: {error.problem or error.context}", "check indentation, colons and quotes here")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return refuse(line, f"a character that YAML does not allow: U+{ord(text[error.position]):04X}", "remove it")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return refuse(0, f"not YAML: {shown(str(error))}", "save the file as plain UTF-8 text")
    if node is None or (isinstance(node, yaml.MappingNode) and not node.value):
        return refuse(0, "the file is empty", "fill it, or delete it if the site needs nothing of it")
    if not isinstance(node, yaml.MappingNode):
        return refuse(node.start_mark.line + 1, "no names at the top", "begin with a policy name such as `flows:`")
    return dict(reader.pairs(node, ())), reader
