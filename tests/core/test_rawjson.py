"""JSON as received: strict, and hashed so that the same request again has the same hash."""

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.rawjson import MAX_DEPTH, BadText, BrokenJson, DuplicateKey, canonical, parse, request_hash

_SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
_VALUES = st.recursive(
    _SCALARS | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":1} {"b":2}',
        b"nul",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":-1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        '{"a":1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"line\nfeed"}',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * 300 + b'"\\u0041"' + b"]" * 300,
    ],
    ids=lambda body: repr(body[:14]) + str(len(body)),
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenJson):
        parse(body)


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'[{"b":{"a":1,"a":2}}]', b'{"a":1,"\\u0061":2}'])
def test_a_key_that_stands_twice_is_refused(body: bytes) -> None:
    with pytest.raises(DuplicateKey):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [b'{"a":"\\u0000"}', b'{"a":["x\\ud800"]}', b'"\\udfff\\ud800"', b'{"\\u0000":1}', b'[[{"k\\udc00":[]}]]'],
)
def test_text_that_no_database_can_keep_is_refused(body: bytes) -> None:
    with pytest.raises(BadText):
        parse(body)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'"\\ud83d\\udd25"') == "🔥"


@pytest.mark.parametrize(("depth", "fits"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False), (MAX_DEPTH + 2, False)])
def test_depth_is_bounded(depth: int, fits: bool) -> None:
    body = b"[" * depth + b"]" * depth
    if fits:
        assert parse(body) is not None
    else:
        with pytest.raises(BrokenJson):
            parse(body)


@given(_VALUES)
def test_any_value_is_read_as_it_was_written(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert parse(text.encode()) == value


@given(st.dictionaries(_TEXTS, _VALUES, min_size=2, max_size=6))
def test_order_and_spaces_do_not_matter_to_the_hash(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    spaced = json.dumps(turned, indent=3).encode()
    assert canonical(parse(spaced)) == canonical(value)
    assert request_hash("POST /x", 1, parse(spaced)) == request_hash("POST /x", 1, value)


def test_route_actor_and_every_value_matter_to_the_hash() -> None:
    actor, other = uuid4(), uuid4()
    asked = [
        ("POST /x", actor, {"a": 1}),
        ("POST /y", actor, {"a": 1}),
        ("POST /x", other, {"a": 1}),
        ("POST /x", actor, {"a": 2}),
        ("POST /x", actor, {"a": "1"}),
        ("POST /x", actor, {"a": 1.0}),
        ("POST /x", actor, {"a": None}),
        ("POST /x", actor, {}),
    ]
    assert len({request_hash(*request) for request in asked}) == len(asked)


def test_canonical_is_what_is_signed() -> None:
    assert canonical({"b": ["é", 1], "a": "火"}) == '{"a":"火","b":["é",1]}'.encode()
