"""JSON as received: read once, strictly, and hashed before anything is validated or defaulted.

Source: lifecycle.md, «Actions» (the hash is over the JSON value as received; duplicate keys 422).
"""

import hashlib
import json
from collections.abc import Iterable
from math import isfinite
from typing import NoReturn

from app.core.errors import BadRequest, Rejected

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAX_DEPTH = 32


class BrokenJson(BadRequest):
    code, title, title_zh = (
        "broken-json",
        "The body is not JSON",
        "请求体不是有效的 JSON",
    )


class DuplicateKey(Rejected):
    code, title, title_zh = "duplicate-key", "A key stands twice", "JSON 中有重复的键"


class BadText(Rejected):
    code, title, title_zh = (
        "bad-text",
        "A text holds characters that cannot be stored",
        "文本含有无法保存的字符",
    )


def parse(body: bytes) -> Json:
    """The value of ``body``; raises ``BrokenJson``, ``DuplicateKey`` or ``BadText``.

    NaN, Infinity and what a double cannot hold are not taken; NUL and lone surrogates can be stored by
    no database of ours.
    """
    try:
        value: Json = json.loads(
            body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise BrokenJson("The body cannot be parsed as JSON.", "请求体无法解析为 JSON。") from error
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_depth(value)
    if b"\\u" in body or b"\x00" in body:
        _check_text(value)
    return value


def canonical(value: object) -> bytes:
    """The bytes that are hashed and signed: keys sorted, no spaces, UTF-8."""
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    ).encode()


def request_hash(route: str, actor_id: object, value: object) -> bytes:
    """SHA-256 of who asked what where: the same request again has the same hash."""
    return hash_of_request(route, actor_id, canonical(value))


def hash_of_request(route: str, actor_id: object, content: bytes) -> bytes:
    """The same of a value whose canonical bytes are known."""
    return hashlib.sha256(b"%s,%s]" % (canonical([route, str(actor_id)])[:-1], content)).digest()


def _object(pairs: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    items = list(pairs)
    value = dict(items)
    if len(value) != len(items):
        raise DuplicateKey("An object of the body names a key twice.", "请求体中的对象出现了重复的键。")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise ValueError(digits)
    return number


def _check_depth(value: Json, depth: int = 1) -> None:
    if depth > MAX_DEPTH:
        raise BrokenJson("The body is nested too deeply.", "JSON 嵌套过深。")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                _check_depth(item, depth + 1)


def _check_text(value: Json) -> None:
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise BadText(
                "A text holds NUL or half a character.",
                "文本含有空字符或不完整的字符。",
            )
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
