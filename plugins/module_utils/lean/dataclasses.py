"""What Haechi's code on hosts uses of `dataclasses`, made of closures and not of code that is written and compiled.

Python's own imports `inspect`, `ast` and `tokenize`, and compiles three to eight functions a class: a third of the
processor that an errand takes on a host, all of it before the errand begins. So `haechi.errand` lays this one where
an errand finds it first. A test compares the two on every class there is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

FrozenInstanceError = type("FrozenInstanceError", (AttributeError,), {})
_FIELDS = "__dataclass_fields__"
_NOTHING = object()


class Field:
    """One field of a class: what it has when nothing is given, and whether it is shown and compared."""

    def __init__(self, default: object, factory: Callable[[], object] | None, *, shown: bool, compared: bool) -> None:
        """Keep what ``field`` was asked for."""
        self.default, self.factory, self.shown, self.compared = default, factory, shown, compared

    def otherwise(self, name: str) -> object:
        """Return what the field has when nothing is given. Raises ``TypeError`` where it must be given."""
        if self.factory is not None:
            return self.factory()
        if self.default is _NOTHING:
            raise TypeError(f"missing argument: {name!r}")
        return self.default


def field(
    *,
    default: object = _NOTHING,
    default_factory: Callable[[], object] | None = None,
    repr: bool = True,  # noqa: A002 -- so it is called
    compare: bool = True,
) -> Field:
    """Return a field with more to it than a default."""
    return Field(default, default_factory, shown=repr, compared=compare)


def dataclass(
    cls: type | None = None, /, *, frozen: bool = False, kw_only: bool = False, order: bool = False
) -> type | Callable[[type], type]:
    """Return a class with the methods that its fields ask for, or what does that to a class."""

    def made(plain: type) -> type:
        fields = _fields(plain)
        compared = tuple(name for name, one in fields.items() if one.compared)
        methods = {
            _FIELDS: fields,
            "__match_args__": () if kw_only else tuple(fields),
            "__init__": _init(fields, () if kw_only else tuple(fields)),
            "__repr__": _repr(tuple(name for name, one in fields.items() if one.shown)),
            "__eq__": _compare(operator.eq, compared),
            # What is compared and can change has no hash (object.__hash__).
            "__hash__": _hash(compared) if frozen else None,
            **({"__setattr__": _refuse, "__delattr__": _refuse} if frozen else {}),
            **({f"__{name}__": _compare(getattr(operator, name), compared) for name in _ORDER} if order else {}),
        }
        for name, method in methods.items():
            setattr(plain, name, method)
        return plain

    return made if cls is None else made(cls)


_ORDER = ("lt", "le", "gt", "ge")


def _fields(plain: type) -> dict[str, Field]:
    """Return the fields of a class by name. Raises ``TypeError`` for what this knows nothing of."""
    if any(hasattr(base, _FIELDS) for base in plain.__bases__):
        raise TypeError(f"{plain.__name__} inherits fields: give it all of them itself")
    found = {}
    for name in plain.__dict__.get("__annotations__", {}):  # noqa: RUF063 -- `inspect` is what this does without
        said = plain.__dict__.get(name, _NOTHING)
        found[name] = one = said if isinstance(said, Field) else Field(said, None, shown=True, compared=True)
        if one.default is not _NOTHING:
            setattr(plain, name, one.default)
        elif one is said:
            delattr(plain, name)
    return found


def _init(fields: Mapping[str, Field], order: tuple[str, ...]) -> Callable[..., None]:
    def init(self: object, *given: object, **named: object) -> None:
        placed = dict(zip(order, given, strict=False))
        if len(given) > len(order) or placed.keys() & named.keys() or named.keys() - fields.keys():
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}: not {given} and {', '.join(named)}")
        placed.update(named)
        # The dictionary itself: a frozen one has no other way in.
        self.__dict__.update(
            {name: placed[name] if name in placed else one.otherwise(name) for name, one in fields.items()}
        )
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    return init


def _repr(names: tuple[str, ...]) -> Callable[[object], str]:
    def show(self: object) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return show


def _compare(how: Callable[[object, object], bool], names: tuple[str, ...]) -> Callable[[object, object], bool]:
    def compare(self: object, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented  # type: ignore[no-any-return]
        return how(*(tuple(getattr(row, name) for name in names) for row in (self, other)))

    return compare


def _hash(names: tuple[str, ...]) -> Callable[[object], int]:
    return lambda self: hash(tuple(getattr(self, name) for name in names))


def _refuse(self: object, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")


def replace(row: object, /, **changes: object) -> object:
    """Return a copy with some fields changed."""
    return type(row)(**{**row.__dict__, **changes})


def asdict(row: object) -> dict[str, object]:
    """Return the fields as a dictionary, and so of what is in them."""
    return {name: _plain(getattr(row, name)) for name in getattr(row, _FIELDS)}


def _plain(value: object) -> object:
    if hasattr(value, _FIELDS):
        return asdict(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return {name: _plain(one) for name, one in value.items()} if isinstance(value, dict) else value
