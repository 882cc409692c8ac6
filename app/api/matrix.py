"""The permissions as a table for people: ``xiaohao matrix``."""

from collections.abc import Iterator
from typing import Any  # JSON

from app.domain.permissions import PERMISSIONS, Permission
from app.domain.vocabulary import Role

COLUMNS = (*(role.value for role in Role), "machine")


def matrix_lines(document: dict[str, Any]) -> Iterator[str]:
    """A line for each operation of the OpenAPI document: who may call it, and what he is told of other areas."""
    calls = [
        (operation["operationId"], f"{method.upper()} {path.removeprefix('/api/v1')}")
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    width = max(len(name) for name, _ in calls)
    yield f"{'operation':<{width}}  {' '.join(COLUMNS)}  {'outside':<9}  request"
    for name, call in calls:
        permission = PERMISSIONS[name]
        marks = " ".join(f"{mark:<{len(column)}}" for column, mark in zip(COLUMNS, _marks(permission), strict=True))
        yield f"{name:<{width}}  {marks}  {permission.outside:<9}  {call}"


def _marks(permission: Permission) -> Iterator[str]:
    yield from ("x" if role in permission.roles else "·" for role in Role)
    yield "x" if permission.machines else "·"
