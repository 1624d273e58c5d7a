import json
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.audit import canonical
from receiver.errors import BrokenEvidence

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-canonical.LARGEST_INT, canonical.LARGEST_INT) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.dictionaries(TEXT, VALUES, max_size=5)


class Word(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


# github.com/cyberphone/json-canonicalization/testdata (the test data of RFC 8785), those without fractions; the last
# is RFC 8785 §3.2.2's example without its numbers.
VECTORS: list[tuple[dict[str, Any], str]] = [
    (
        {
            "\u20ac": "Euro Sign",
            "1": "One",
            "\u0080": "Control\u007f",
            "\U0001f602": "Smiley",
            "\u00f6": "Latin Small Letter O With Diaeresis",
            "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "</script>": "Browser Challenge",
        },
        (
            '{"1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f",'
            '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign","\U0001f602":"Smiley",'
            '"\ufb33":"Hebrew Letter Dalet With Dagesh"}'
        ),
    ),
    (
        {"1": {"f": {"f": "hi", "F": 5}, "\n": 56}, "10": {}, "": "empty", "a": {}, "111": [{}], "A": {}},
        '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}',
    ),
    (
        {
            "peach": "This sorting order",
            "p\u00e9ch\u00e9": "is wrong according to French",
            "p\u00eache": "but canonicalization MUST",
            "sin": "ingnore locale",
        },
        (
            '{"peach":"This sorting order","p\u00e9ch\u00e9":"is wrong according to French",'
            '"p\u00eache":"but canonicalization MUST","sin":"ingnore locale"}'
        ),
    ),
    (
        {"string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/", "literals": [None, True, False]},
        '{"literals":[null,true,false],"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    ),
]


@pytest.mark.parametrize(("entry", "expected"), VECTORS)
def test_published_vectors(entry: dict[str, Any], expected: str) -> None:
    """RFC 8785's examples encode to the published bytes: keys in order of their UTF-16 code units."""
    assert canonical.encode(entry) == expected.encode()


@given(ENTRIES)
def test_it_comes_back(entry: dict[str, Any]) -> None:
    """What is encoded reads back as it was, types included; in whatever order its keys stood."""
    data = canonical.encode(entry)

    assert json.dumps(json.loads(data), sort_keys=True) == json.dumps(entry, sort_keys=True)
    assert canonical.encode(dict(reversed(entry.items()))) == data


@given(ENTRIES, ENTRIES)
def test_different_entries_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two entries have the same bytes only if JSON makes no difference between them (True is not 1)."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert (canonical.encode(one) == canonical.encode(other)) == same


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (1.0, "a.b[1] is of type float"),
        (float("nan"), "a.b[1] is of type float"),
        (b"raw", "a.b[1] is of type bytes"),
        ((1, 2), "a.b[1] is of type tuple"),
        ({1}, "a.b[1] is of type set"),
        (Word.A, "a.b[1] is of type Word"),
        (Number.ONE, "a.b[1] is of type Number"),
        (canonical.LARGEST_INT + 1, "a.b[1] is a number beyond"),
        (-canonical.LARGEST_INT - 1, "a.b[1] is a number beyond"),
        (10**4000, "a.b[1] is a number beyond"),
        ("\ud83d", "a.b[1] holds a lone surrogate"),
        ({"\udc00": 1}, "a.b[1] holds a lone surrogate"),
        ({1: "x"}, "a.b[1] has a key that is no text"),
        ({Word.A: 1}, "a.b[1] has a key that is no text"),
        ({None: 1}, "a.b[1] has a key that is no text"),
    ],
)
def test_what_has_no_canonical_form(value: Any, place: str) -> None:
    """Anything that would not come back as it went is refused, in a sentence that names the place and no value."""
    with pytest.raises(BrokenEvidence) as refused:
        canonical.encode({"a": {"b": [0, value]}})

    assert str(refused.value).startswith(place)


@pytest.mark.parametrize("entry", [None, [], "text", 1, {"a": 0.5}, {1: 1}, {"\ud800": 1}])
def test_what_is_no_entry(entry: Any) -> None:
    """An entry is a dict, with text for keys, at its top as further down."""
    with pytest.raises(BrokenEvidence):
        canonical.encode(entry)


def test_the_largest_numbers_stand() -> None:
    """2**53 - 1 both ways is within what every reader of JSON keeps."""
    assert canonical.encode({"n": [2**53 - 1, 1 - 2**53]}) == b'{"n":[9007199254740991,-9007199254740991]}'


def test_nesting_is_bounded() -> None:
    """As deep as is allowed, and one deeper; a hundred thousand deep is BrokenEvidence and no RecursionError."""

    def nested(depth: int) -> dict[str, Any]:
        value: Any = []
        for _ in range(depth - 2):
            value = [value]
        return {"a": value}

    assert canonical.encode(nested(canonical.MAX_DEPTH)).count(b"[") == canonical.MAX_DEPTH - 1
    for depth in (canonical.MAX_DEPTH + 1, 100_000):
        with pytest.raises(BrokenEvidence, match="nested deeper"):
            canonical.encode(nested(depth))
