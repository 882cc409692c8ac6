"""What every request passes: an id, a limit on its body, the client's protocol, headers, one log line, counters."""

import secrets
from time import perf_counter

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import answer_bug, problem
from app.core.errors import TooLarge, Unavailable

PROTOCOL = 1
"""The phone protocol this release speaks; the two before it are accepted too."""
JSON_LIMIT_BYTES = 2 * 1024 * 1024
PHOTO_LIMIT_BYTES = 21 * 1024 * 1024
"""20 MiB of photo, and the form around it."""

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


class BodyTooLarge(TooLarge):
    code, title, title_zh = "body-too-large", "The body is too large", "请求内容过大"


class UpgradeInProgress(Unavailable):
    code, title, title_zh = "upgrade-in-progress", "This node is not upgraded yet", "系统正在升级，请稍后重试"


class Envelope:
    """Wraps every HTTP request; pure ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = scope["trace_id"] = secrets.token_hex(8)
        began = perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.setdefault("headers", [])
                names = {name for name, _ in given}
                given.append((b"x-request-id", trace_id.encode()))
                given.extend(header for header in SECURITY_HEADERS if header[0] not in names)
            await send(message)

        try:
            await self._guarded(scope, receive, send_with_headers)
        except Exception as error:  # inside, so that this answer too has its number and headers
            if status:
                raise
            await (await answer_bug(Request(scope), error))(scope, receive, send_with_headers)
        finally:
            took_s = perf_counter() - began
            route = getattr(scope.get("route"), "path", None)
            scope["app"].state.runtime.metrics.count_request(scope["method"], route, status, took_s)
            structlog.get_logger().info(
                "request",
                trace_id=trace_id,
                method=scope["method"],
                route=route or "-",
                actor=str(scope.get("actor_id", "-")),
                status=int(status),
                ms=round(took_s * 1000, 1),
            )

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        protocol = headers.get("x-protocol")
        if protocol is not None and protocol not in {str(PROTOCOL - back) for back in range(3)}:
            text = ("This node does not speak that protocol yet.", "本节点尚未升级到该版本，请稍后重试。")
            await problem(Request(scope), UpgradeInProgress(*text))(scope, receive, send)
            return
        limit = PHOTO_LIMIT_BYTES if scope["path"].endswith("/photos") else JSON_LIMIT_BYTES
        declared = headers.get("content-length", "0")
        too_large = BodyTooLarge(f"At most {limit} bytes.", f"请求内容不得超过 {limit} 字节。", limit_bytes=limit)
        if declared.isdecimal() and int(declared) > limit:
            await problem(Request(scope), too_large)(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    raise too_large
            return message

        await self._app(scope, receive_limited, send)
