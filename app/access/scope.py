"""Area scope as SQL: the first condition of every statement, closed by default.

``path`` columns hold area codes each followed by ``/``; an area is the range of paths that begin
with its own, compared byte by byte. Nothing outside can be seen, counted or guessed.
"""

from typing import Any  # a mapped column of any table

from sqlalchemy import ColumnElement, and_, false, or_

from app.access.actor import Actor


def in_area_of(actor: Actor, path: Any) -> ColumnElement[bool]:
    """Whether ``path`` lies in one of the actor's areas; false for an actor without any."""
    return or_(false(), *(within(path, area.path) for area in actor.areas))


def within(path: Any, prefix: str) -> ColumnElement[bool]:
    """Whether ``path`` begins with ``prefix`` (which ends in ``/``), as a range under byte order."""
    upper = prefix[:-1] + "0"  # the byte after "/"
    return and_(path >= prefix, path < upper)


def covers(actor: Actor, path: str) -> bool:
    """The same question about a path already at hand."""
    return any(path.startswith(area.path) for area in actor.areas)
