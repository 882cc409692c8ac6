"""Routes that answer in one thread hop, for what is asked most.

FastAPI sends each dependency and the endpoint to a thread of their own turn and asks a query model field by field; on
these routes that took longer than their work. Here the same questions are asked in the same order in one thread. The
document is made from the same signature, and endpoints that do not return a finished ``Response`` go FastAPI's way.
"""

from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from typing import Any, get_origin, get_type_hints  # endpoints of any signature, fields as FastAPI keeps them
from uuid import UUID

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from app.access.actor import Actor, require
from app.api.deps import (
    check_parameters,
    get_actor,
    get_db,
    get_now,
    get_received,
    get_runtime,
    raw_json,
    received,
    runtime_of,
)


class OneHop(APIRoute):
    """A route whose endpoint takes ids of the path, one query or body model, and what ``deps`` offers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        if get_type_hints(self.endpoint).get("return") is not Response:
            return super().get_route_handler()
        plan = Plan(self)

        async def handle(request: Request) -> Response:
            body = await request.body() if plan.has_body else b""
            response: Response = await run_in_threadpool(plan.call, request, body)
            return response

        return handle


class Plan:
    """Where each argument of an endpoint comes from, found out once."""

    def __init__(self, route: APIRoute) -> None:
        dependant = route.dependant
        self._route, self._endpoint = route, route.endpoint
        self._sources = {dependency.name: dependency.call for dependency in dependant.dependencies if dependency.name}
        self._path = [field.name for field in dependant.path_params]
        self._query = _models(dependant.query_params)
        self._body = _models(dependant.body_params)
        self.has_body = bool(self._body)
        known = {get_actor, get_db, get_now, get_received, get_runtime}
        assert known.issuperset(self._sources.values()), route.path  # noqa: S101  a route is declared, not asked for
        assert not dependant.header_params + dependant.cookie_params, route.path  # noqa: S101  the same

    def call(self, request: Request, body: bytes, *, by: Actor | None = None, now: datetime | None = None) -> Any:
        """Everything FastAPI would ask, then the endpoint; who asks (``by``) and when where they are known already.

        Raises what FastAPI would raise.
        """
        check_parameters(request, self._route)
        raw = raw_json(request, body) if self.has_body else None
        arguments: dict[str, Any] = {}
        known: dict[Any, Any] = {
            source: value for source, value in ((get_actor, by), (get_now, now)) if value is not None
        }
        for name, source in self._sources.items():
            if get_actor not in known and source in {get_actor, get_received}:
                known[get_actor] = get_actor(request)
            if source not in known:
                known[source] = _ask(source, request, raw, known)
            arguments[name] = known[source]
        faults: list[Any] = []
        for name in self._path:
            arguments[name] = _checked(_UUID, request.path_params[name], ("path", name), faults)
        for name, model in self._query:
            arguments[name] = _checked(_adapter(model), dict(_given(request, model)), ("query",), faults)
        for name, model in self._body:
            arguments[name] = _checked(_adapter(model), raw, ("body",), faults)
        if faults:
            if (asker := known.get(get_actor)) is not None:
                require(asker, self._route.name)
            raise RequestValidationError(faults)
        return self._endpoint(**arguments)


def _models(fields: list[Any]) -> list[tuple[str, type[BaseModel]]]:
    found = []
    for field in fields:
        model: Any = field.field_info.annotation
        assert issubclass(model, BaseModel), field.name  # noqa: S101  the same
        found.append((field.name, model))
    return found


def _ask(source: Any, request: Request, raw: Any, known: dict[Any, Any]) -> Any:
    if source is get_received:
        return received(request, raw, known[get_actor], now=known.get(get_now) or runtime_of(request).clock())
    runtime = runtime_of(request)
    if source is get_runtime:
        return runtime
    return runtime.db if source is get_db else runtime.clock()


def _given(request: Request, model: type[BaseModel]) -> Iterator[tuple[str, object]]:
    """The query's values: all of a parameter that is a list, the last one of any other."""
    for name in request.query_params:
        is_list = get_origin(model.model_fields[name].annotation) is list if name in model.model_fields else False
        yield name, request.query_params.getlist(name) if is_list else request.query_params[name]


def _checked(adapter: TypeAdapter[Any], value: object, where: tuple[str, ...], faults: list[Any]) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        faults += [fault | {"loc": where + fault["loc"]} for fault in error.errors(include_url=False)]
        return None


def _adapter(model: type[BaseModel]) -> TypeAdapter[Any]:
    adapter = _ADAPTERS.get(model)
    if adapter is None:
        adapter = _ADAPTERS[model] = TypeAdapter(model)
    return adapter


_UUID = TypeAdapter(UUID)
_ADAPTERS: dict[type[BaseModel], TypeAdapter[Any]] = {}
