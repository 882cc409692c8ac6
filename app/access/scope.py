"""Area scope as SQL: the first condition of every statement, closed by default.

``path`` columns hold area codes each followed by ``/``; an area is the range of paths that begin
with its own, compared byte by byte. Nothing outside can be seen, counted or guessed.
"""

from collections.abc import Sequence
from typing import Any  # a mapped column of any table

from sqlalchemy import ColumnElement, String, and_, bindparam, false, literal, or_

from app.access.actor import Actor


def in_area_of(actor: Actor, path: Any) -> ColumnElement[bool]:
    """Whether ``path`` lies in one of the actor's areas; false for an actor without any."""
    return or_(false(), *(within(path, area.path) for area in actor.areas))


def within(path: Any, prefix: str) -> ColumnElement[bool]:
    """Whether ``path`` begins with ``prefix`` (which ends in ``/``), as a range under byte order."""
    upper = prefix[:-1] + "0"  # the byte after "/"
    return and_(path >= prefix, path < upper)


def written_within(path: Any, prefixes: Sequence[str]) -> ColumnElement[bool]:
    """Whether ``path`` begins with one of ``prefixes``, which are written into the statement.

    For statements that are kept: the planner sees how much the areas hold, and need not plan each time.
    """
    return or_(false(), *(and_(path >= _written(low), path < _written(low[:-1] + "0")) for low in prefixes))


def _written(bound: str) -> ColumnElement[str]:
    return literal(bound, String(), literal_execute=True)


def in_some_of(path: Any, areas: int) -> ColumnElement[bool]:
    """The first question for a statement that is kept: for an actor with so many areas, by ``bounds_of`` him."""
    return or_(false(), *(and_(path >= bindparam(f"low_{n}"), path < bindparam(f"high_{n}")) for n in range(areas)))


def ranges_of(actor: Actor) -> list[tuple[str, str]]:
    """The actor's areas as ranges of paths: from, and up to but without."""
    return [(area.path, area.path[:-1] + "0") for area in actor.areas]


def bounds_of(actor: Actor) -> dict[str, str]:
    """What ``in_some_of`` is run with."""
    bounds: dict[str, str] = {}
    for n, (low, high) in enumerate(ranges_of(actor)):
        bounds |= {f"low_{n}": low, f"high_{n}": high}
    return bounds
