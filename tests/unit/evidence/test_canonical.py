"""One value, one text: that of RFC 8785, whichever writer wrote it."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from haechi.evidence import canonical

PLAIN = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e300, 1e300) | st.text()
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


@given(JSON)
def test_a_value_has_the_form_of_the_reference_implementation(value: Any) -> None:
    """The fast writer is used for what both write alike, and for nothing else."""
    try:
        wanted = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        with pytest.raises(canonical.CanonicalError):
            canonical.dumps(value)
    else:
        assert canonical.dumps(value) == wanted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": [True, None], "a": (1, "é\u2028\x7f")}, '{"a":[1,"é\u2028\x7f"],"b":[true,null]}'),
        ('\x00\b\t\n\f\r"\\/\x1f', '"\\u0000\\b\\t\\n\\f\\r\\"\\\\/\\u001f"'),
        # RFC 8785 section 3.2.3: by UTF-16, where what lies beyond the first plane comes before U+FB33.
        ({"\ufb33": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ufb33":1}'),
        ({"a": 10.0, "b": 1e-7, "c": [0.1, -17387.83, -0.0]}, '{"a":10,"b":1e-7,"c":[0.1,-17387.83,0]}'),
        ([0.0001, 0.00009, 999999999999999.9, 1e15, 1e21], "[0.0001,0.00009,999999999999999.9,1000000000000000,1e+21]"),
        (2**53 - 1, "9007199254740991"),
    ],
)
def test_the_form_is_this(value: Any, text: str) -> None:
    """Spelt out, for whoever verifies with another program."""
    assert canonical.dumps(value) == text.encode()


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), float("nan"), {1: "a"}, {"a": {None: 1}}, "\ud800", {"\udfff": 1}, {1}]
)
def test_what_has_no_form_is_refused(value: Any) -> None:
    """Python would write most of them."""
    with pytest.raises(canonical.CanonicalError):
        canonical.dumps(value)


def test_what_is_nested_too_deeply_is_refused() -> None:
    """Whoever reads it back could not."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(canonical.CanonicalError, match="nested too deeply"):
        canonical.dumps(deep)
