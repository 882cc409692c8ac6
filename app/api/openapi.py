"""The OpenAPI document as it is promised, and the part of it that each audience needs.

What the framework writes is corrected where it does not say what the service does: errors are problems with their
own media type, and who is not signed in is told so. Source: contract.md, «API in general».
"""

import copy
import json
from collections.abc import Iterator
from typing import Any  # JSON

from app.api.problems import MEDIA_TYPE
from app.domain.permissions import PERMISSIONS, Outside

Document = dict[str, Any]

AUDIENCES = ("field", "office", "district")
OPERATIONS_TAG = "operations"
"""For who runs the service: in every audience's file."""
OPEN_OPERATIONS = frozenset(name for name, permission in PERMISSIONS.items() if permission.outside is Outside.OPEN)
"""Without a sign-in; everything else asks for one."""
GRANT_OPERATIONS = frozenset({"post_photo"})
"""An upload grant serves instead of a sign-in."""

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an access token of POST /api/v1/auth/token"},
    "grant": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Upload-Grant",
        "description": "upload_grant of an accepted submission, for the photos it declares",
    },
}
_HAZARD = ("get_one_hazard", {"hazard_id": "$request.path.hazard_id"})
_LINKS: dict[str, dict[str, tuple[str, dict[str, str]]]] = {
    "put_inspection": {
        "inspection": ("get_one_inspection", {"inspection_id": "$response.body#/id"}),
        "first_hazard": ("get_one_hazard", {"hazard_id": "$response.body#/hazards/0/id"}),
        "first_photo": ("get_one_photo", {"photo_id": "$request.body#/photos/0/id"}),
    },
    "post_photo": {
        "photo": ("get_one_photo", {"photo_id": "$response.body#/id"}),
        "content": ("get_photo_content", {"photo_id": "$response.body#/id"}),
        "thumbnail": ("get_photo_thumbnail", {"photo_id": "$response.body#/id"}),
    },
    "get_one_hazard": {
        "timeline": ("get_timeline", {"hazard_id": "$request.path.hazard_id"}),
        "rectification": ("post_rectification", {"hazard_id": "$request.path.hazard_id"}),
        "reinspection": ("post_reinspection", {"hazard_id": "$request.path.hazard_id"}),
        "confirmation": ("post_confirmation", {"hazard_id": "$request.path.hazard_id"}),
        "interim_measures": ("post_interim_measures", {"hazard_id": "$request.path.hazard_id"}),
        "determination": ("post_determination", {"hazard_id": "$request.path.hazard_id"}),
        "void": ("post_void", {"hazard_id": "$request.path.hazard_id"}),
        "comment": ("post_comment", {"hazard_id": "$request.path.hazard_id"}),
        "record": ("get_hazard_record", {"hazard_id": "$request.path.hazard_id"}),
    },
    "post_rectification": {"hazard": _HAZARD},
    "post_reinspection": {"hazard": _HAZARD},
    "post_confirmation": {"hazard": _HAZARD},
    "post_determination": {"hazard": _HAZARD},
    "post_void": {
        "hazard": _HAZARD,
        "decision": (
            "post_void_decision",
            {"hazard_id": "$request.path.hazard_id", "void_id": "$response.body#/event_id"},
        ),
    },
    "register_premises": {"premises": ("get_premises", {"premises_id": "$response.body#/id"})},
}
"""What can be asked next, by the answer to what: for generators of clients and of tests."""
_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}


def complete_document(document: Document) -> Document:
    """The framework's document with media types of errors and security; changes and returns it."""
    for _, _, operation in _operations(document):
        _correct_errors(operation)
        name = operation["operationId"]
        _add_links(operation, _LINKS.get(name, {}))
        if name not in OPEN_OPERATIONS:
            operation["security"] = [{"bearer": []}, *([{"grant": []}] if name in GRANT_OPERATIONS else [])]
    document["components"]["securitySchemes"] = _SCHEMES
    return document


def audience_documents(document: Document) -> dict[str, Document]:
    """The document of each audience by its name: its operations and only the schemas that these use."""
    return {audience: _document_of(document, audience) for audience in AUDIENCES}


def as_text(document: Document) -> str:
    """The document as it is kept in a file: sorted, so that a change is a small difference."""
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def first_difference(one: object, other: object, pointer: str = "") -> str | None:
    """JSON pointer to the first place where two values differ, in sorted order; None when they are the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            below = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in one or key not in other:
                return below
            if (found := first_difference(one[key], other[key], below)) is not None:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            if (found := first_difference(left, right, f"{pointer}/{place}")) is not None:
                return found
        return None
    return None if one == other and type(one) is type(other) else pointer or "/"


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        yield from ((path, method, operation) for method, operation in item.items() if method in _METHODS)


def _correct_errors(operation: Document) -> None:
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if status[0] in "45" and "application/json" in content:
            response["content"] = {MEDIA_TYPE: content["application/json"]}


def _add_links(operation: Document, links: dict[str, tuple[str, dict[str, str]]]) -> None:
    for status, response in operation["responses"].items():
        if links and status.startswith("2"):
            response["links"] = {
                name: {"operationId": target, "parameters": parameters} for name, (target, parameters) in links.items()
            }


def _document_of(document: Document, audience: str) -> Document:
    paths: dict[str, Document] = {}
    for path, method, operation in _operations(document):
        if {audience, OPERATIONS_TAG} & set(operation.get("tags", ())):
            paths.setdefault(path, {})[method] = operation
    paths = _without_strange_links(paths)
    info = document["info"] | {"title": f"{document['info']['title']}: {audience}"}
    components = {
        "schemas": _used_schemas(paths, document["components"]["schemas"]),
        "securitySchemes": {name: _SCHEMES[name] for name in sorted(_used_schemes(paths))},
    }
    return {"openapi": document["openapi"], "info": info, "paths": paths, "components": components}


def _without_strange_links(paths: Document) -> Document:
    """The same without links to operations that are not among them."""
    known = {operation["operationId"] for item in paths.values() for operation in item.values()}
    copied: Document = copy.deepcopy(paths)
    for _, _, operation in _operations({"paths": copied}):
        for response in operation["responses"].values():
            links = {name: link for name, link in response.pop("links", {}).items() if link["operationId"] in known}
            response.update({"links": links} if links else {})
    return copied


def _used_schemas(paths: Document, schemas: Document) -> Document:
    used: set[str] = set()
    waiting = set(_references(paths))
    while waiting:
        name = waiting.pop()
        used.add(name)
        waiting |= set(_references(schemas[name])) - used
    return {name: schemas[name] for name in sorted(used)}


def _references(value: object) -> Iterator[str]:
    """Names of the schemas that a value refers to."""
    if isinstance(value, dict):
        if isinstance(reference := value.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _used_schemes(paths: Document) -> set[str]:
    requirements = (
        requirement
        for item in paths.values()
        for operation in item.values()
        for requirement in operation.get("security", [])
    )
    return {name for requirement in requirements for name in requirement}
