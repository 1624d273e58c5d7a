"""Bodies for property tests: any JSON, and JSON that looks like a provider's, with anything anywhere in it."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from receiver.errors import Malformed, WrongRequest

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)


def bodies(words: list[str], values: list[Any]) -> st.SearchStrategy[bytes]:
    """JSON of any form, over keys and values that the provider's own reader looks for."""
    leaves = LEAVES | st.sampled_from(values)
    keys = st.sampled_from(words) | st.text(max_size=5)
    tree = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=12,
    )
    return tree.map(lambda value: json.dumps(value).encode())


def tame(read: Callable[[], object]) -> None:
    """Gives a value, Malformed or WrongRequest. Whatever else is raised fails the test."""
    try:
        read()
    except (Malformed, WrongRequest):
        return
