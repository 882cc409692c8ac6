"""What can go wrong, named once: a family says how it is answered, a subclass says which fact it states.

A family has no number in it; ``app.api.problems`` alone knows HTTP. Texts are given in English and
Chinese; ``members`` become extension members of the problem. Source: contract.md, «API in general».
"""

from typing import ClassVar


class DomainError(Exception):
    """A refusal that a client can understand by its stable ``code``."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Refused"
    title_zh: ClassVar[str] = "操作被拒绝"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, detail_zh: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.detail_zh = detail_zh
        self.members = members


class BadRequest(DomainError):
    """The request cannot be read at all."""

    code, title, title_zh = "bad-request", "The request cannot be read", "请求无法解析"


class Unauthorized(DomainError):
    """Nobody is signed in, or no longer."""

    code, title, title_zh = "unauthorized", "Sign in first", "请先登录"


class Forbidden(DomainError):
    """The role may not do this, whatever the row."""

    code, title, title_zh = (
        "forbidden",
        "Your role may not do this",
        "您的角色无权执行此操作",
    )


class NotFound(DomainError):
    """There is no such thing within the caller's area; what lies outside reads the same."""

    code, title, title_zh = "not-found", "Not found", "未找到"


class Conflict(DomainError):
    """The state of things does not allow it."""

    code, title, title_zh = (
        "conflict",
        "The current state does not allow this",
        "当前状态不允许此操作",
    )


class IdTaken(Conflict):
    """An id made by a client is in use; the same answer inside and outside the caller's area."""

    code, title, title_zh = "id-taken", "This id is in use", "编号已被占用"


class Gone(DomainError):
    """It was here, and the client must start again."""

    code, title, title_zh = "gone", "No longer available", "已失效"


class Stale(DomainError):
    """A decision was made on an older version."""

    code, title, title_zh = (
        "stale-version",
        "Someone changed it first",
        "数据已被他人更新",
    )


class VersionMissing(DomainError):
    """A decision must say which version it was made on."""

    code, title, title_zh = (
        "version-missing",
        "Say which version you decide on",
        "缺少版本号",
    )


class Rejected(DomainError):
    """The content is wrong; ``errors`` (pointer, code, message) may say where."""

    code, title, title_zh = (
        "content-rejected",
        "The content is not acceptable",
        "提交内容不符合要求",
    )


class TooLarge(DomainError):
    """More bytes than the limit."""

    code, title, title_zh = "too-large", "Too large", "内容过大"


class UnsupportedMedia(DomainError):
    """A kind of file or body that is not taken here."""

    code, title, title_zh = (
        "unsupported-media-type",
        "This type is not accepted",
        "不支持的文件类型",
    )


class RangeNotSatisfiable(DomainError):
    """The asked bytes lie outside the file."""

    code, title, title_zh = (
        "range-not-satisfiable",
        "No such bytes",
        "请求的字节范围无效",
    )


class TooMany(DomainError):
    """Too many requests; ``retry_after_s`` says when to come back."""

    code, title, title_zh = "too-many-requests", "Too many requests", "请求过于频繁"
    retryable = True


class Unavailable(DomainError):
    """Something behind the service does not answer now."""

    code, title, title_zh = (
        "unavailable",
        "Try again shortly",
        "服务暂不可用，请稍后重试",
    )
    retryable = True


FAMILIES: tuple[type[DomainError], ...] = (
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    Conflict,
    Gone,
    Stale,
    VersionMissing,
    Rejected,
    TooLarge,
    UnsupportedMedia,
    RangeNotSatisfiable,
    TooMany,
    Unavailable,
)


def at(pointer: str, code: str, value: str = "") -> dict[str, str]:
    """One entry of a problem's ``errors``: a JSON pointer into the body, a code, and the value that is wrong.

    In the answer the refusal's title stands before the value, in the reader's language.
    """
    return {"pointer": pointer, "code": code, "message": value}
