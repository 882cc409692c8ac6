"""What both kinds of fuzzing share: the document as schemathesis reads it, who asks, and what every answer must be."""

from typing import Any
from uuid import UUID, uuid4

import schemathesis
from fastapi import FastAPI
from hypothesis import strategies as st
from schemathesis import Case, Response
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api.openapi import OPEN_OPERATIONS
from tests.factories import Person, Street
from tests.samples import Things

ROLES = ("inspector", "officer", "office", "leader", "district", "auditor", "admin", "machine", "nobody")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
CONFIG: dict[str, Any] = {
    "generation": {
        "mode": "positive",
        "with-security-parameters": False,
    },  # people sign in; what is refused is asked as nobody
    "checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}},
}

_ids: list[str] = []
"""Of what is there now."""
_INSTANTS = ("2026-11-24T01:59:00Z", "2026-11-24T10:00:00+08:00", "2026-11-23T00:00:00.123456Z")
_ODD_INSTANTS = ("0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z")


def known_ids(*things: Things) -> None:
    """From now on ids are those of ``things``."""
    _ids[:] = [value for one in things for value in vars(one).values() if isinstance(value, str)]


def _known(number: int) -> str:
    """Three ids of four are of what is there."""
    return _ids[number % len(_ids)] if _ids and number % 4 else str(UUID(int=number))


schemathesis.openapi.format("uuid", st.integers(1, 10_000).map(_known))
schemathesis.openapi.format("date-time", st.sampled_from([*_INSTANTS * 4, *_ODD_INSTANTS]))


def read_document(app: FastAPI) -> BaseSchema:
    """The promise of ``app``, asked in this process."""
    schema = schemathesis.openapi.from_dict(app.openapi(), config=schemathesis.Config.from_dict(CONFIG))
    schema.app = app
    return schema


def person_with(street: Street, role: str) -> Person:
    """Somebody of the first street, the district's machine, or nobody who is signed in."""
    if role == "nobody":
        return Person(uuid4(), {})
    if role == "machine":
        return street.machine()
    return street.person(role, area=street.district if role == "admin" else None)


def _unfit(case: Case) -> list[CheckFunction]:
    """In forms bytes are taken for a breach of ``type: string``, and an empty text is none at all (RFC 6749, 3.1)."""
    return [] if case.media_type in {None, "application/json"} else [negative_data_rejection]


def ask(case: Case, role: str, person: Person) -> Response:
    """Send ``case`` as ``person``; the answer must be one that the document promises.

    A made-up ``X-Protocol`` is left out: it is answered before any operation is asked (contract.md, «API in general»).
    """
    case.headers.pop("X-Protocol", None)
    response = case.call(headers=person.headers)
    case.validate_response(response, checks=CHECKS, excluded_checks=_unfit(case), headers=person.headers)
    if role == "nobody" and case.operation.definition.raw["operationId"] not in OPEN_OPERATIONS:
        assert 400 <= response.status_code < 500, case.as_curl_command()
    return response
