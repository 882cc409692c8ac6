"""Every answer in the tests is held against the OpenAPI document of the application that gave it."""

import re
from functools import cache
from typing import Any

import httpx2
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:openapi"


def check_response(app: FastAPI, response: httpx2.Response) -> None:
    """Fail unless the operation documents this status, this media type and this body."""
    path = response.request.url.path
    for template, pattern in _paths(app):
        if not pattern.fullmatch(path):
            continue
        operation = app.openapi()["paths"][template].get(response.request.method.lower())
        if operation is None:
            continue
        documented = operation["responses"]
        status = str(response.status_code)
        kind = f"{status[0]}XX"
        assert status in documented or kind in documented, f"{template}: {status} is not documented"
        content = (documented.get(status) or documented[kind]).get("content")
        response.read()
        if content is None or not response.content:
            return
        media_type = response.headers["content-type"].partition(";")[0]
        if media_type == "application/problem+json":
            schema = {"$ref": f"{DOCUMENT}#/components/schemas/Problem"}
        else:
            assert media_type in content or "*/*" in content, f"{template}: {media_type} is not documented"
            if media_type != "application/json":
                return
            escaped = template.replace("~", "~0").replace("/", "~1")
            where = status if status in documented else kind
            schema = {
                "$ref": f"{DOCUMENT}#/paths/{escaped}/{response.request.method.lower()}/responses/{where}"
                "/content/application~1json/schema"
            }
        errors = [error.message for error in _validator(app, str(schema["$ref"])).iter_errors(response.json())]
        assert not errors, f"{response.request.method} {template} {status}: {errors[:3]}"
        return


@cache
def _paths(app: FastAPI) -> list[tuple[str, re.Pattern[str]]]:
    """Path templates as patterns, literal ones first."""
    templates = sorted(app.openapi()["paths"], key=lambda path: path.count("{"))
    return [(path, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))) for path in templates]


@cache
def _validator(app: FastAPI, reference: str) -> Draft202012Validator:
    resource: Resource[Any] = Resource.from_contents(app.openapi(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(DOCUMENT, resource)
    return Draft202012Validator({"$ref": reference}, registry=registry)
