"""What endpoints are given: the process, this instant, the raw body, the signed-in actor."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any  # endpoints of any signature

from fastapi import Depends, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Cookie, Header, Path
from fastapi.routing import APIRoute

from app.access.actor import Actor
from app.access.credentials import authenticate
from app.api.problems import UnknownParameter
from app.core.database import Database
from app.core.errors import Unauthorized, UnsupportedMedia, at
from app.core.rawjson import Json, canonical, hash_of_request, parse
from app.services.runtime import Runtime
from app.services.tokens import Origin


def runtime_of(request: Request) -> Runtime:
    """The process that answers."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def get_runtime(request: Request) -> Runtime:
    """The same for endpoints. Dependencies of others ask nobody: each one asked costs every request."""
    return runtime_of(request)


AtRuntime = Annotated[Runtime, Depends(get_runtime)]


async def get_db(request: Request) -> Database:
    """Its database."""
    return runtime_of(request).db


async def get_now(request: Request) -> datetime:
    """The instant of the request, by the process's clock."""
    return runtime_of(request).clock()


Db = Annotated[Database, Depends(get_db)]
Now = Annotated[datetime, Depends(get_now)]


def get_actor(request: Request) -> Actor:
    """Who is signed in by the bearer token; raises ``Unauthorized``."""
    if (token := bearer_token(request)) is None:
        raise Unauthorized("Send a bearer token.", "请先登录。")
    runtime = runtime_of(request)
    with runtime.db.autocommit() as connection:
        actor = authenticate(connection, token, now=runtime.clock())
    note_actor(request, actor)
    return actor


def note_actor(request: Request, actor: Actor) -> None:
    """Whose request it is, for the log; and that the sign-in is used."""
    request.scope["actor_id"] = actor.id
    if actor.sign_in_id is not None:
        runtime = runtime_of(request)
        runtime.last_used.note(actor.sign_in_id, runtime.clock())


def bearer_token(request: Request) -> str | None:
    """The token that was sent; None without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token else None


def address_of(request: Request) -> str:
    """Where the request came from: the network peer, or whom a trusted proxy names."""
    return request.client.host if request.client is not None else ""


def origin_of(request: Request) -> Origin:
    """What a sign-in is remembered by."""
    headers = request.headers
    return Origin(address_of(request), headers.get("x-app", ""), headers.get("user-agent", ""))


CurrentActor = Annotated[Actor, Depends(get_actor)]


async def get_raw_json(request: Request) -> Json:
    """The body as received, strictly parsed; raises ``UnsupportedMedia``, ``BrokenJson`` and its kin."""
    return raw_json(request, await request.body())


def raw_json(request: Request, body: bytes) -> Json:
    """The same of a body at hand."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMedia("Send application/json.", "请使用 application/json 提交。")
    return parse(body)


RawJson = Annotated[Json, Depends(get_raw_json)]


@dataclass(frozen=True, slots=True)
class Received:
    """A write as it came: when, and the hashes (SHA-256 in hex) of its JSON value."""

    at: datetime
    request_hash: str
    """With who asked what where: the same request again has the same one."""
    content_hash: str


async def get_received(request: Request, raw: RawJson, actor: CurrentActor) -> Received:
    """The write under way."""
    return received(request, raw, actor, now=runtime_of(request).clock())


def received(request: Request, raw: Json, actor: Actor, *, now: datetime) -> Received:
    """The same of a value at hand."""
    content = canonical(raw)
    digest = hash_of_request(f"{request.method} {request.scope['path'].lower()}", actor.id, content)
    return Received(now, digest.hex(), hashlib.sha256(content).hexdigest())


AsReceived = Annotated[Received, Depends(get_received)]


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise ``UnknownParameter`` for a query parameter that the route does not declare."""
    route = request.scope.get("route")
    if isinstance(route, APIRoute):
        check_parameters(request, route)


def check_parameters(request: Request, route: APIRoute) -> None:
    """The same at once."""
    if not request.query_params:
        return
    unknown = sorted(set(request.query_params) - _declared_parameters(route))
    if unknown:
        faults = [at(name, "unknown-parameter", name) for name in unknown[:20]]
        raise UnknownParameter("The route has no such parameter.", "请求含有未知的查询参数。", errors=faults)


def _declared_parameters(route: APIRoute) -> frozenset[str]:
    """Walked once an endpoint; routes themselves cannot be keys."""
    known = _DECLARED.get(route.endpoint)
    if known is None:
        known = _DECLARED[route.endpoint] = frozenset(
            field.alias
            for field in get_flat_params(route.dependant)
            if not isinstance(field.field_info, Path | Header | Cookie)
        )
    return known


_DECLARED: dict[Callable[..., Any], frozenset[str]] = {}
