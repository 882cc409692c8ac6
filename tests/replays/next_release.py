"""The service as its next release may be: every body has one more optional field, with a default."""

from types import FunctionType
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel, create_model

from app import main
from app.api import ROUTERS, photos
from app.api.inspection_schemas import InspectionIn

NEW_FIELD = "weather"
DEFAULT = "unknown"


def grown(model: type[BaseModel]) -> type[BaseModel]:
    """The same model with ``NEW_FIELD``, in it and in every object in it; the release maps it to nothing yet."""

    def known(self: BaseModel) -> Any:
        return ((name, value) for name, value in self.__dict__.items() if name != NEW_FIELD)

    fields: dict[str, Any] = {NEW_FIELD: (str, DEFAULT)}
    if model is InspectionIn:
        for name, field in model.model_fields.items():
            part = next((kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)), None)
            if part is not None:
                fields[name] = (_replace(field.annotation, part, grown(part)), field.default)
    made: type[BaseModel] = create_model(model.__name__, __base__=model, **fields)
    made.__iter__ = known  # type: ignore[method-assign]
    return made


def _kinds(annotation: Any) -> list[type]:
    parts = getattr(annotation, "__args__", ())
    return [kind for part in parts for kind in _kinds(part)] if parts else [annotation]


def _replace(annotation: Any, part: type, by: type) -> Any:
    if annotation is part:
        return by
    if getattr(annotation, "__origin__", None) is list:
        return list[by]  # type: ignore[valid-type]
    return by | None


def build(monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """Its routes; the form of photos has grown too."""
    router = APIRouter()
    for route in (route for each in ROUTERS for route in each.routes):
        if isinstance(route, APIRoute) and "body" in route.endpoint.__annotations__:
            _add(router, route)
    monkeypatch.setattr(main, "ROUTERS", (router, *ROUTERS))
    monkeypatch.setattr(photos, "PhotoForm", grown(photos.PhotoForm))
    return main.build_routes()


def _add(router: APIRouter, route: APIRoute) -> None:
    old: Any = route.endpoint
    endpoint = FunctionType(old.__code__, old.__globals__, old.__name__, old.__defaults__, old.__closure__)
    endpoint.__annotations__ = old.__annotations__ | {"body": grown(old.__annotations__["body"])}
    router.add_api_route(
        route.path,
        endpoint,
        methods=sorted(route.methods),
        status_code=route.status_code,
        response_model=route.response_model,
        route_class_override=type(route),
        include_in_schema=False,  # its answers are those of the route that it stands before
    )
