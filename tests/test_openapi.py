"""The promise to other people's programs: complete, true, and the same in the files as in the service."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from app.api.openapi import AUDIENCES, OPEN_OPERATIONS, audience_documents, first_difference
from app.main import build_routes

ROOT = Path(__file__).parent.parent
DOCUMENT = build_routes().openapi()
DOCUMENTS = audience_documents(DOCUMENT)
OPERATIONS = [
    (method.upper(), path, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
]


def each(test):
    return pytest.mark.parametrize(
        ("method", "path", "operation"), OPERATIONS, ids=[operation["operationId"] for _, _, operation in OPERATIONS]
    )(test)


@pytest.mark.parametrize(
    ("one", "other", "pointer"),
    [
        ({"a": [1, {"b/c": 2}]}, {"a": [1, {"b/c": 2}]}, None),
        ({"a": [1, {"b/c": 2}]}, {"a": [1, {"b/c": 3}]}, "/a/1/b~1c"),
        ({"a": 1}, {"a": 1, "b": 2}, "/b"),
        ({"a": [1]}, {"a": [1, 2]}, "/a"),
        ({"a": 1}, {"a": True}, "/a"),
        (1, 2, "/"),
    ],
)
def test_the_first_difference_is_found(one, other, pointer):
    assert first_difference(one, other) == pointer


@pytest.mark.parametrize("audience", AUDIENCES)
class TestFile:
    def test_is_what_is_served(self, audience):
        kept = json.loads((ROOT / "openapi" / f"{audience}.json").read_text(encoding="utf-8"))
        assert first_difference(kept, DOCUMENTS[audience]) is None, "run xiaohao openapi"

    def test_refers_only_to_what_it_has_and_has_only_what_it_refers_to(self, audience):
        document = DOCUMENTS[audience]
        text = json.dumps(document)
        schemas = document["components"]["schemas"]
        assert {name for name in schemas if f'"#/components/schemas/{name}"' not in text} == set()
        assert text.count("#/components/schemas/") > len(schemas)
        for schema in schemas.values():
            Draft202012Validator.check_schema(schema)

    def test_names_no_host(self, audience):
        assert "servers" not in DOCUMENTS[audience]
        assert "://" not in json.dumps(DOCUMENTS[audience])

    def test_has_the_operations_that_everybody_needs(self, audience):
        names = {op["operationId"] for item in DOCUMENTS[audience]["paths"].values() for op in item.values()}
        assert {"check_health", "check_readiness", "issue_token", "get_me", "get_receipt_keys"} <= names


def test_every_operation_is_in_a_file():
    assert {path for document in DOCUMENTS.values() for path in document["paths"]} == set(DOCUMENT["paths"])


def test_a_district_client_is_shown_nothing_of_the_office():
    assert not any("/users" in path or "/clients" in path for path in DOCUMENTS["district"]["paths"])
    assert "/api/v1/district/changes" not in DOCUMENTS["field"]["paths"]


def test_ids_are_unique():
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


@each
class TestOperation:
    def test_says_what_it_is(self, method, path, operation):
        assert operation["summary"]
        assert operation["description"]
        assert operation["tags"]

    def test_documents_its_errors_as_problems(self, method, path, operation):
        errors = {status: answer for status, answer in operation["responses"].items() if status[0] in "45"}
        assert {"4XX", "5XX"} <= set(errors)
        for status, answer in errors.items():
            assert list(answer["content"]) == ["application/problem+json"], status
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}

    def test_asks_for_a_sign_in_where_it_says_so(self, client, method, path, operation):
        address = "http://testserver" + re.sub(r"\{\w+\}", lambda _: str(uuid4()), path)
        answer = client.request(method, address, **({"json": {}} if method in {"POST", "PUT"} else {}))
        if operation["operationId"] in OPEN_OPERATIONS:
            assert "security" not in operation
            assert answer.status_code != 401
        else:
            assert {"bearer": []} in operation["security"]
            assert answer.status_code == 401, answer.text
            assert answer.headers["www-authenticate"] == "Bearer"
