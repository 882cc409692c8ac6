"""The running hash: one text for a value, one hash for a text."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.feed_chain import EMPTY, Change, canonical_json, leaf_hash, next_hash

# Every number a 64-bit float can hold; integers as far as a float holds them exactly.
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("number", "text"),
    [  # RFC 8785, 3.2.2 and appendix B
        (333333333.33333329, "333333333.3333333"),
        (1e30, "1e+30"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (0.000000000000000000000000001, "1e-27"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (999999999999999900000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (9.999999999999997e-7, "9.999999999999997e-7"),
        (0.000001, "0.000001"),
        (333333333.3333332, "333333333.3333332"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1424953923781206.2, "1424953923781206.2"),
        (-0.0, "0"),
        (32.0, "32"),
        (32, "32"),
        (100.0, "100"),
        (118.8, "118.8"),
    ],
)
def test_numbers_as_the_standard_writes_them(number: float, text: str) -> None:
    assert canonical_json(number) == text


def test_the_standards_own_example() -> None:
    text = r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"""
    assert canonical_json(json.loads(text)) == (
        r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        r'"string":"€$\u000f\nA' + "'" + r'B\"\\\\\"/"}'
    )


def test_keys_are_ordered_by_their_utf16() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    ordered = json.loads(canonical_json(dict.fromkeys(keys)))
    assert list(ordered) == ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@given(VALUES)
def test_the_value_is_kept_and_its_text_is_one(value: object) -> None:
    text = canonical_json(value)
    assert json.loads(text, parse_int=float) == value
    assert canonical_json(json.loads(text)) == text
    assert canonical_json(json.loads(json.dumps(value, indent=3))) == text


def test_a_leaf_covers_every_member_of_the_item() -> None:
    first = {
        "position": 1,
        "type": "hazard",
        "id": "0190b8a6-0000-7000-8000-000000000001",
        "version": 1,
        "op": "upsert",
        "changed_at": "2026-11-24T02:00:00.000000Z",
        "data": '{"b": 1, "a": "隐患"}',
    }
    item = first | {"data": {"a": "隐患", "b": 1}}
    text = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert leaf_hash(Change(**first)) == hashlib.sha256(text.encode()).digest()
    others = {"position": 2, "type": "photo", "id": "x", "version": 2, "op": "void", "changed_at": "", "data": "null"}
    leaves = {leaf_hash(Change(**(first | {name: value}))) for name, value in others.items()}
    assert len(leaves | {leaf_hash(Change(**first))}) == len(others) + 1


@given(VALUES | st.integers())
def test_a_leaf_is_hashed_from_the_one_text(value: object) -> None:
    change = Change(1, "hazard", "x", 1, "upsert", "", json.dumps(value, ensure_ascii=False))
    item = (
        f'{{"changed_at":"","data":{canonical_json(value)},"id":"x","op":"upsert",'
        '"position":1,"type":"hazard","version":1}'
    )
    assert leaf_hash(change) == hashlib.sha256(item.encode()).digest()


def test_the_order_counts() -> None:
    one, two = bytes([1]) * 32, bytes([2]) * 32
    assert next_hash(next_hash(EMPTY, one), two) != next_hash(next_hash(EMPTY, two), one)
