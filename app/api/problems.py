"""Errors on the wire: RFC 9457 problems with stable codes; the only place with status numbers.

Texts are Chinese by default, English by ``Accept-Language: en``. Source: contract.md, «API in general».
"""

from collections.abc import Sequence
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.core import errors
from app.core.errors import DomainError
from app.core.rawjson import BrokenJson

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "2"

STATUS_OF: dict[type[DomainError], HTTPStatus] = {
    errors.BadRequest: HTTPStatus.BAD_REQUEST,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Gone: HTTPStatus.GONE,
    errors.Stale: HTTPStatus.PRECONDITION_FAILED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.RangeNotSatisfiable: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.Rejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.VersionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

CODE_OF_FAULT = {
    "extra_forbidden": ("unknown-field", "未知字段"),
    "string_too_long": ("too-long", "文本过长"),
    "too_long": ("too-many", "条目过多"),
    "bytes_too_long": ("too-long", "文本过长"),
    "enum": ("unknown-value", "不在允许的取值之内"),
    "literal_error": ("unknown-value", "不在允许的取值之内"),
    "missing": ("field-missing", "缺少必填字段"),
}
"""Pydantic's fault types that have a code of their own; all others are ``invalid-value``."""


class Fault(BaseModel):
    """Where in the request something is wrong."""

    pointer: str = Field(description="JSON pointer into the body, or the parameter's name")
    code: str
    message: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="stable, kebab-case; the part of the answer that programs rely on")
    trace_id: str = Field(description="the request id, also in the X-Request-Id header and in our log")
    retryable: bool = Field(description="whether the same request may succeed later")
    errors: list[Fault]


class DatabaseUnavailable(errors.Unavailable):
    code, title, title_zh = "database-unavailable", "The database does not answer", "数据库暂不可用，请稍后重试"


class SchemaBroken(errors.Rejected):
    """What Pydantic found; its faults are sentences already."""


class UnknownParameter(errors.Rejected):
    code, title, title_zh = "unknown-parameter", "Unknown query parameter", "未知的查询参数"


def wants_english(request: Request) -> bool:
    """Whether the client asked for English first."""
    return request.headers.get("accept-language", "").strip().lower().startswith("en")


def problem(request: Request, error: DomainError) -> JSONResponse:
    """The answer for a named refusal."""
    family = next(base for base in type(error).__mro__ if base in STATUS_OF)
    status = STATUS_OF[family]
    english = wants_english(request)
    body: dict[str, object] = {
        "type": f"urn:problem:{error.code}",
        "title": error.title if english else error.title_zh,
        "status": status.value,
        "detail": error.detail if english else error.detail_zh,
        "code": error.code,
        "trace_id": request.scope.get("trace_id", ""),
        "retryable": error.retryable,
        "errors": [],
    }
    headers = {}
    if family in (errors.Unavailable, errors.TooMany):
        headers["Retry-After"] = str(error.members.get("retry_after_s", RETRY_AFTER_S))
    if family is errors.Unauthorized:
        headers["WWW-Authenticate"] = "Bearer"
    if family is errors.RangeNotSatisfiable:
        headers["Content-Range"] = f"bytes */{error.members['size']}"
    members = jsonable_encoder(error.members)
    if not isinstance(error, SchemaBroken):
        members |= {"errors": [_in_words(error, fault, english=english) for fault in members.get("errors", [])]}
    return JSONResponse(body | members, status, headers=headers, media_type=MEDIA_TYPE)


def _in_words(error: DomainError, fault: dict[str, str], *, english: bool) -> dict[str, str]:
    """What is wrong, before the value that a rule has noted as the fault's message."""
    title, colon = (error.title, ": ") if english else (error.title_zh, "：")
    value = fault["message"]
    return fault | {"message": f"{title}{colon}{value}" if value else title}


def install_problem_handlers(app: FastAPI) -> None:
    """Every refusal of ``app`` leaves as a problem; an unknown exception is a 500 without details."""
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(PoolTimeout, _database_error)
    app.add_exception_handler(ClientDisconnect, _cut_off)
    app.add_exception_handler(Exception, answer_bug)


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DomainError)  # noqa: S101  narrows the type for the checker
    return problem(request, error)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  narrows the type for the checker
    raw = error.errors()
    if any(fault["type"] == "json_invalid" for fault in raw):
        return problem(request, BrokenJson("The body cannot be parsed as JSON.", "请求体无法解析为 JSON。"))
    english = wants_english(request)
    faults = [fault_at(fault["type"], fault["loc"][1:], str(fault["msg"]), english=english) for fault in raw[:20]]
    codes = {fault["code"] for fault in faults}
    rejected = SchemaBroken("The request does not match its schema; see errors.", "请求内容不符合要求，详见 errors。")
    return _with_code(request, rejected, codes.pop() if len(codes) == 1 else "content-rejected", faults)


def _with_code(request: Request, error: DomainError, code: str, faults: list[dict[str, str]]) -> JSONResponse:
    error.members = {"code": code, "type": f"urn:problem:{code}", "errors": faults}
    return problem(request, error)


def fault_at(kind: str, loc: Sequence[object], message: str, *, english: bool) -> dict[str, str]:
    """What Pydantic found at ``loc``, with our code, in the client's language."""
    code, zh = CODE_OF_FAULT.get(kind, ("invalid-value", "取值无效"))
    pointer = "/" + "/".join(str(part) for part in loc)
    return {"pointer": pointer, "code": code, "message": message if english else f"{zh}：{pointer}"}


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  narrows the type for the checker
    if isinstance(error.__cause__, DomainError):  # raised while the body was read
        return problem(request, error.__cause__)
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:  # what the framework could not read, for reasons it does not tell
        return problem(request, BrokenJson("The body cannot be parsed as JSON.", "请求体无法解析为 JSON。"))
    code = {404: "not-found", 405: "method-not-allowed"}.get(status.value, f"http-{status.value}")
    title = (
        status.phrase if wants_english(request) else {404: "未找到", 405: "不支持的请求方法"}.get(status, "请求失败")
    )
    body = Problem(
        type=f"urn:problem:{code}",
        title=title,
        status=status.value,
        detail=title,
        code=code,
        trace_id=request.scope.get("trace_id", ""),
        retryable=False,
        errors=[],
    )
    return JSONResponse(body.model_dump(), status.value, headers=error.headers, media_type=MEDIA_TYPE)


async def _cut_off(request: Request, _error: Exception) -> JSONResponse:
    """Nobody hears it; it counts as what it is: no fault of ours."""
    return problem(request, BrokenJson("The body ended before its end.", "请求体不完整。"))


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    """Gone, busy or deadlocked databases are worth a retry; anything else is a bug."""
    original = getattr(error, "orig", None)
    if not (isinstance(error, PoolTimeout) or _is_transient(original)):
        return await answer_bug(request, error)
    structlog.get_logger().warning("database_unavailable", kind=type(original or error).__name__)
    return problem(request, DatabaseUnavailable("The database does not answer now.", "数据库暂不可用，请稍后重试。"))


_TRANSIENT = {
    "AdminShutdown",
    "CannotConnectNow",
    "CrashShutdown",
    "DeadlockDetected",
    "DiskFull",
    "IdleInTransactionSessionTimeout",
    "InterfaceError",
    "LockNotAvailable",
    "OperationalError",
    "QueryCanceled",
    "SerializationFailure",
    "TooManyConnections",
}
_TRANSIENT_ON_SQLITE = ("locked", "busy", "disk", "full", "unable to open", "readonly")


def _is_transient(original: BaseException | None) -> bool:
    """SQLite calls its bugs operational too; there the words decide."""
    if type(original).__module__ == "sqlite3":
        return any(word in str(original) for word in _TRANSIENT_ON_SQLITE)
    return type(original).__name__ in _TRANSIENT


async def answer_bug(request: Request, error: Exception) -> JSONResponse:
    """The answer to an exception that nobody expected."""
    # the message may quote values; the log keeps the kind and the place only
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
    structlog.get_logger().error("bug", kind=type(error).__name__, where=where, trace_id=request.scope.get("trace_id"))
    english = wants_english(request)
    title = "Something went wrong on our side" if english else "系统内部错误"
    body = Problem(
        type="urn:problem:internal-error",
        title=title,
        status=500,
        detail=title,
        code="internal-error",
        trace_id=request.scope.get("trace_id", ""),
        retryable=True,
        errors=[],
    )
    return JSONResponse(body.model_dump(), 500, media_type=MEDIA_TYPE)
