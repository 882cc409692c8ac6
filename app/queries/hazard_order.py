"""In which order hazards are listed: stretch after stretch, each in an order that an index has."""

from collections.abc import Sequence
from enum import StrEnum, auto
from typing import Any, Literal  # statements and columns of any type

from sqlalchemy import ColumnElement, bindparam, null, tuple_
from sqlmodel import col

from app.models import Hazard
from app.models.types import Id
from app.queries.hazard_filters import FilterShape, is_not_overdue, is_overdue

Sort = Literal["due_on", "found_at", "-overdue_days"]


class Stretch(StrEnum):
    """Hazards that are listed together."""

    FOUND = auto()
    DATED = auto()
    UNDATED = auto()
    OVERDUE = auto()
    NOT_OVERDUE = auto()

    @property
    def has_key(self) -> bool:
        """Whether a date or an instant orders it; the others are ordered by their ids alone, and come last."""
        return self not in (Stretch.UNDATED, Stretch.NOT_OVERDUE)


def stretches(shape: FilterShape, sort: Sort) -> Sequence[Stretch]:
    """Those that the filter leaves; what is overdue has a date."""
    if sort == "found_at":
        return (Stretch.FOUND,)
    if shape.overdue:
        return (Stretch.OVERDUE,)
    if sort == "-overdue_days":
        return (Stretch.OVERDUE, Stretch.NOT_OVERDUE) if shape.overdue is None else (Stretch.NOT_OVERDUE,)
    return (Stretch.DATED,) if "due_before" in shape.given else (Stretch.DATED, Stretch.UNDATED)


def sort_key(stretch: Stretch) -> Any:
    """What ``after`` of the next page is; null where the id alone orders."""
    if not stretch.has_key:
        return null()
    return col(Hazard.found_at) if stretch is Stretch.FOUND else col(Hazard.due_on)


def ordered(query: Any, shape: FilterShape, stretch: Stretch, *, is_after: bool) -> Any:
    """The stretch of what ``query`` asks for, in its order; if asked, what comes after ``after`` and ``after_id``."""
    id, key = col(Hazard.id), sort_key(stretch)
    query = query.where(*_conditions(shape, stretch))
    after_id = bindparam("after_id", type_=Id())
    if not stretch.has_key:
        return (query.where(id > after_id) if is_after else query).order_by(id)
    position, after = tuple_(key, id), tuple_(bindparam("after", type_=key.type), after_id)
    if stretch is Stretch.FOUND:
        return (query.where(position < after) if is_after else query).order_by(key.desc(), id.desc())
    return (query.where(position > after) if is_after else query).order_by(key, id)


def _conditions(shape: FilterShape, stretch: Stretch) -> list[ColumnElement[bool]]:
    """What the filter does not say already: said twice, it would seem to the planner to leave fewer."""
    is_said = shape.overdue is not None and stretch in (Stretch.OVERDUE, Stretch.NOT_OVERDUE)
    return [] if is_said or stretch is Stretch.FOUND else [_CONDITIONS[stretch]]


_CONDITIONS: dict[Stretch, ColumnElement[bool]] = {
    Stretch.DATED: col(Hazard.due_on).is_not(None),
    Stretch.UNDATED: col(Hazard.due_on).is_(None),
    Stretch.OVERDUE: is_overdue(),
    Stretch.NOT_OVERDUE: is_not_overdue(),
}
