"""Every refusal leaves as a problem (RFC 9457) with a stable code. Source: contract.md, «API in general»."""

import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import psycopg.errors
import pytest
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.testclient import TestClient

import app as package
from app.api.problems import STATUS_OF, Problem
from app.core.errors import FAMILIES, DomainError
from app.main import create_app
from app.services.runtime import Runtime
from tests.factories import Street
from tests.phone import Phone

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def every_error() -> list[type[DomainError]]:
    """All refusals of the application, families first."""
    for module in pkgutil.walk_packages(package.__path__, "app."):
        if module.name != "app.core.thumbnail_worker":  # a program of its own, not a module
            importlib.import_module(module.name)

    def below(error: type[DomainError]) -> Iterator[type[DomainError]]:
        for kind in error.__subclasses__():
            yield kind
            yield from below(kind)

    return sorted(set(below(DomainError)), key=lambda error: f"{error.__module__}.{error.__qualname__}")


NAMED = [error for error in every_error() if not error.__name__.startswith("_")]


class TestNames:
    @pytest.mark.parametrize("error", NAMED, ids=lambda error: error.__name__)
    def test_an_error_is_named_in_two_languages_and_has_a_status(self, error: type[DomainError]) -> None:
        assert KEBAB.fullmatch(error.code)
        assert error.title
        assert not re.search(r"[\u4e00-\u9fff]", error.title)
        assert re.search(r"[\u4e00-\u9fff]", error.title_zh)
        assert any(family in error.__mro__ for family in FAMILIES)

    def test_a_code_states_one_fact(self) -> None:
        """Two classes may share a code only where they mean the same and are answered alike."""
        by_code: dict[str, set[tuple[type, ...]]] = {}
        for error in NAMED:
            family = next(base for base in error.__mro__ if base in STATUS_OF)
            by_code.setdefault(error.code, set()).add((family,))
        assert {code: families for code, families in by_code.items() if len(families) > 1} == {}

    def test_every_family_has_a_status(self) -> None:
        assert set(STATUS_OF) == set(FAMILIES)
        assert len({status.value for status in STATUS_OF.values()}) == len(FAMILIES)


class TestShape:
    def test_chinese_first_english_if_asked(self, phone: Phone, street: Street) -> None:
        url, headers = f"/hazards/{uuid4()}", street.inspector.headers
        chinese = phone.client.get(url, headers=headers)
        for language in ("en", "en-GB,en;q=0.9", "EN"):
            english = phone.client.get(url, headers=headers | {"accept-language": language}).json()
            assert (english["title"], english["detail"]) == ("Not found", "No such hazard in your area.")
        for language in ("zh-CN", "fr", ""):
            told = phone.client.get(url, headers=headers | {"accept-language": language}).json()
            assert (told["title"], told["detail"]) == ("未找到", "在您的辖区内未找到该隐患。")
        assert chinese.headers["content-type"] == "application/problem+json"
        assert (chinese.json()["status"], chinese.json()["type"]) == (404, "urn:problem:not-found")

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/hazards", 401),
            ("GET", "/nowhere", 404),
            ("DELETE", "/hazards", 405),
            ("GET", "/hazards/1", 401),
            ("POST", "/photos", 401),
            ("PUT", "/inspections/1", 400),
        ],
    )
    def test_the_number_of_the_request_stands_in_body_and_header(
        self, phone: Phone, method: str, path: str, status: int
    ) -> None:
        answer = phone.client.request(method, path, headers={"content-type": "application/json"})
        assert answer.status_code == status
        body = Problem.model_validate(answer.json())
        assert (body.status, body.trace_id) == (status, answer.headers["x-request-id"])
        assert KEBAB.fullmatch(body.code)

    def test_a_pointer_says_where(self, phone: Phone, street: Street) -> None:
        answer = phone.client.get("/hazards", params={"status": "gone"}, headers=street.inspector.headers)
        fault = answer.json()["errors"][0]
        assert fault == {"pointer": "/status/0", "code": "unknown-value", "message": fault["message"]}
        assert re.search(r"[\u4e00-\u9fff]", fault["message"])

    @pytest.mark.parametrize(
        ("language", "sentence"), [("zh", "{}：{}"), ("en", "{}: {}")], ids=["in Chinese", "in English"]
    )
    def test_a_fault_is_told_in_a_sentence(self, phone: Phone, street: Street, language: str, sentence: str) -> None:
        """Not the bare value that is wrong."""
        hazard, photo = phone.report(), str(uuid4())
        phone.client.headers["Accept-Language"] = language
        answer = phone.claim(street.inspector, hazard, photo_ids=[photo])
        assert answer.status_code == 409, answer.text
        told = answer.json()
        assert [fault["message"] for fault in told["errors"]] == [sentence.format(told["title"], photo)]

    def test_headers_of_every_answer(self, phone: Phone, street: Street) -> None:
        for path in ("/hazards", f"/hazards/{uuid4()}", "/nowhere"):
            headers = phone.client.get(path, headers=street.inspector.headers).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


def _raises(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _of_database(original: BaseException) -> DBAPIError:
    return DBAPIError.instance("SELECT secret", {"name": "王建国"}, original, Exception)  # type: ignore[return-value]


SECRET = "王建国 13800000000"
WORTH_A_RETRY: dict[str, Exception] = {
    "deadlock": _of_database(psycopg.errors.DeadlockDetected(SECRET)),
    "serialization": _of_database(psycopg.errors.SerializationFailure(SECRET)),
    "lock timeout": _of_database(psycopg.errors.LockNotAvailable(SECRET)),
    "shutdown": _of_database(psycopg.errors.AdminShutdown(SECRET)),
    "gone": _of_database(psycopg.OperationalError(SECRET)),
    "locked": _of_database(sqlite3.OperationalError("database is locked")),
    "disk": _of_database(sqlite3.OperationalError("database or disk is full")),
    "pool": PoolTimeout("QueuePool limit"),
}
A_BUG: dict[str, Exception] = {
    "any": ValueError(SECRET),
    "key": KeyError(SECRET),
    "syntax": _of_database(psycopg.errors.SyntaxError(SECRET)),
    "constraint": IntegrityError("INSERT", {"name": SECRET}, psycopg.errors.CheckViolation(SECRET)),
    "no such table": _of_database(sqlite3.OperationalError("no such table: " + SECRET)),
}


@pytest.fixture
def failing(runtime: Runtime) -> tuple[FastAPI, TestClient]:
    """An application of its own, to which a test adds a route that fails."""
    made = create_app(runtime)
    return made, TestClient(made, raise_server_exceptions=False)


class TestOurOwnFault:
    @pytest.mark.parametrize("error", WORTH_A_RETRY.values(), ids=WORTH_A_RETRY)
    def test_a_database_that_does_not_answer(self, failing: tuple[FastAPI, TestClient], error: Exception) -> None:
        made, client = failing
        made.add_api_route("/boom", _raises(error))
        answer = client.get("/boom")
        assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
        assert answer.json()["retryable"] is True
        assert int(answer.headers["retry-after"]) > 0
        assert SECRET not in answer.text

    @pytest.mark.parametrize("error", A_BUG.values(), ids=A_BUG)
    def test_a_bug_tells_nothing_but_its_number(
        self, failing: tuple[FastAPI, TestClient], capsys: pytest.CaptureFixture[str], error: Exception
    ) -> None:
        made, client = failing
        made.add_api_route("/boom", _raises(error))
        answer = client.get("/boom")
        body: dict[str, Any] = answer.json()
        assert (answer.status_code, body["code"], body["errors"]) == (500, "internal-error", [])
        assert answer.headers["x-request-id"] == body["trace_id"]
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        logged = capsys.readouterr().out
        assert body["trace_id"] in logged
        assert "王建国" not in logged + answer.text
        assert "status=500" in logged
