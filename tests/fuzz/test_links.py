"""Chains of requests along the links of the document: what one answer names, the next request asks for."""

import random
from collections import Counter
from dataclasses import replace
from functools import reduce
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from schemathesis import Case, Response

from tests.fuzz.asking import ROLES, ask, person_with, read_document
from tests.fuzz.test_operations import sample
from tests.phone import Phone
from tests.samples import make_things

STEPS, LONG_STEPS = 25, 400
BEGINNING = ("PUT", "/api/v1/inspections/{inspection_id}")


def value_of(expression: str, case: Case, response: Response) -> str:
    """What a link's runtime expression stands for."""
    if expression.startswith("$request.path."):
        return str(case.path_parameters[expression.removeprefix("$request.path.")])
    source, _, pointer = expression.partition("#/")
    body: Any = response.json() if source == "$response.body" else case.body
    return str(reduce(lambda inner, key: inner[int(key) if key.isdecimal() else key], pointer.split("/"), body))


@pytest.mark.parametrize("seed", range(6))
def test_what_an_answer_names_can_be_asked_for(app: FastAPI, phone: Phone, is_long: bool, seed: int) -> None:
    """By who may, or one time of five by anybody; an end begins anew with another visit."""
    document, chances, things = read_document(app), random.Random(seed), make_things(phone)
    places = {
        operation["operationId"]: (method.upper(), path)
        for path, item in app.openapi()["paths"].items()
        for method, operation in item.items()
    }
    linked: Counter[int] = Counter()
    (method, path), parameters = BEGINNING, {"inspection_id": str(uuid4())}
    for _ in range(LONG_STEPS if is_long else STEPS):
        named = replace(things, **{name: value for name, value in parameters.items() if hasattr(things, name)})
        role, body = sample(phone, named, method, path)
        role = chances.choice(ROLES) if chances.random() < 0.2 else role
        case = document[path][method].Case(path_parameters=parameters, **({"body": body} if body else {}))
        response = ask(case, role, person_with(phone.street, role))
        promised = app.openapi()["paths"][path][method.lower()]["responses"].get(str(response.status_code), {})
        if links := list(promised.get("links", {}).values()):
            link = chances.choice(links)
            (method, path) = places[link["operationId"]]
            parameters = {name: value_of(said, case, response) for name, said in link["parameters"].items()}
            linked[response.status_code] += 1
        else:
            (method, path), parameters = BEGINNING, {"inspection_id": str(uuid4())}
    assert linked[201] >= 3
    assert linked[200] >= 1
