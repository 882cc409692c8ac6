"""What the phone of release 0.1.0 sends: one request of every kind, in an order in which each is accepted."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests import photos
from tests.replays.recording import JSON, PEOPLE, PREMISES, fixed

FOLDER = "0.1.0"
AT = "2026-11-24T09:58:30.250+08:00"
BOUNDARY = "----phone-of-0.1.0"
HAZARDS = [fixed(0x31), fixed(0x32), fixed(0x33)]
CORRIDOR, EXITS, DOOR = HAZARDS
VOID = fixed(0x58)


class Request(NamedTuple):
    """A request as the phone freezes it."""

    name: str
    by: str
    method: str
    path: str
    content_type: str
    body: bytes


def requests() -> Iterator[Request]:
    """With the spaces, key orders, escapes and forms of numbers that phones really send."""
    before = [photos.jpeg(seed=seed) for seed in (1, 2, 3)]
    yield _json("01-submission", "inspector", "PUT", f"/inspections/{fixed(0x41)}", _visit(before), indent=1)
    yield _photo("02-photo-declared", "inspector", 0x61, before[0], "before")
    yield _photo("03-photo-of-a-claim", "inspector", 0x71, photos.jpeg(seed=4), "after")
    yield _act(
        "04-rectification", "inspector", CORRIDOR, "rectifications", 0x51, base_round=1, photo_ids=[str(fixed(0x71))]
    )
    yield _photo("05-photo-of-a-pass", "colleague", 0x72, photos.png(seed=5), "after")
    passed = {"base_round": 1, "result": "pass", "photo_ids": [str(fixed(0x72))]}
    yield _act("06-pass", "colleague", CORRIDOR, "reinspections", 0x52, **passed)
    yield _act(
        "07-fail", "colleague", DOOR, "reinspections", 0x53, base_round=1, result="fail", reason_code="no_access"
    )
    yield _act(
        "08-interim-measures", "inspector", EXITS, "interim-measures", 0x54, measures="限流，安全出口专人引导 🚪"
    )
    judged = {"verdict": "major", "standard": "GB 35181", "edition": "2025", "clauses": ["5.1"]}
    judged |= {"facts_used": ["安全出口数量 1，应为 2"], "facts_missing": [], "members": ["王建国", "李红"]}
    yield _act("09-determination", "leader", EXITS, "determinations", 0x55, base_version=2, **judged)
    yield _photo("10-photo-webp", "colleague", 0x73, photos.webp(seed=6), "after")
    passed = {"base_round": 1, "result": "pass", "photo_ids": [str(fixed(0x73))]}
    yield _act("11-pass-of-a-major", "colleague", EXITS, "reinspections", 0x56, **passed)
    yield _act("12-confirmation", "leader", EXITS, "confirmations", 0x57, base_version=4, decision="confirm")
    yield _act("13-void", "office", DOOR, "voids", 0x58, base_version=2, reason="重复录入", duplicate_of=str(CORRIDOR))
    decision = {"base_version": 3, "decision": "refuse"}
    yield _act("14-void-decision", "leader", DOOR, f"voids/{VOID}/decision", 0x59, **decision)
    yield _act("15-comment", "office", DOOR, "comments", 0x5A, note='请尽快\u2028联系\\业主\t"老张"')
    yield _json("16-submission-with-recheck", "colleague", "PUT", f"/inspections/{fixed(0x42)}", _second_visit())
    yield _photo("17-document", "office", 0x74, photos.pdf(), "document")


def _visit(before: list[bytes]) -> dict[str, Any]:
    codes = ["EV-001", "EV-003", "FD-002"]
    return {
        "premises_id": str(PREMISES),
        "kind": "patrol",
        "inspector_ids": [str(PEOPLE["inspector"][0])],
        "started_at": "2026-11-24T09:30:00+08:00",
        "ended_at": AT,
        "offset_ms": -1200,
        "device_seq": 4711,
        "location": {"lat": 32.0, "lng": 118.80000000000001, "accuracy_m": 2e1},
        "checklist": {"code": "CL-STREET-SHOP", "version": 1},
        "answers": [
            {"item_no": 1, "result": "pass", "reason": None, "photo_ids": []},
            {"item_no": 2, "result": "fail"},
        ],
        "hazards": [
            {
                "id": str(hazard),
                "finding_code": code,
                "text": "二楼楼梯间堆放纸箱",
                "severity": "general",
                "place": "2F A-113 旁楼梯",
                "found_at": AT,
                "photo_ids": [str(fixed(0x61 + place))],
            }
            for place, (hazard, code) in enumerate(zip(HAZARDS, codes, strict=True))
        ],
        "rechecks": [],
        "photos": [
            {
                "id": str(fixed(0x61 + place)),
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
                "role": "before",
                "taken_at": AT,
                "source": "camera",
            }
            for place, content in enumerate(before)
        ],
        "note": None,
    }


def _second_visit() -> dict[str, Any]:
    recheck = {"action_id": str(fixed(0x5B)), "hazard_id": str(DOOR), "base_round": 2, "result": "fail"}
    return {
        "rechecks": [recheck | {"reason_code": "not_rectified", "note": "仍未修"}],
        "premises_id": str(PREMISES).upper(),
        "kind": "reinspection",
        "started_at": AT,
        "ended_at": AT,
    }


def _act(name: str, by: str, hazard: object, path: str, action_id: int, **fields: Any) -> Request:
    envelope = {"id": str(fixed(action_id)), "at": AT, "offset_ms": 0, "location": None}
    return _json(name, by, "POST", f"/hazards/{hazard}/{path}", fields | envelope)


def _json(name: str, by: str, method: str, path: str, value: Any, *, indent: int | None = None) -> Request:
    escaped = name.startswith(("09", "15"))
    return Request(name, by, method, path, JSON, json.dumps(value, ensure_ascii=escaped, indent=indent).encode())


def _photo(name: str, by: str, photo_id: int, content: bytes, role: str) -> Request:
    fields = {"id": str(fixed(photo_id)), "sha256": hashlib.sha256(content).hexdigest(), "role": role}
    fields |= {"taken_at": AT, "source": "camera" if role != "document" else "file"}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'
        for key, text in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="IMG_1.jpg"\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return Request(name, by, "POST", "/photos", f"multipart/form-data; boundary={BOUNDARY}", body)
