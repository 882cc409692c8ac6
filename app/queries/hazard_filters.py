"""Which hazards: the filter of lists and counts, as SQL over hazard JOIN premises.

A filter has a shape, for which the statement is made once and kept, and values, which come each time.
"""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any  # values and columns of any type
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, bindparam, false, func, literal_column, or_, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of, written_within
from app.core.errors import NotFound
from app.domain.vocabulary import CHASED, Severity, Status
from app.models import Area, Hazard, Premises


def _literal(code: str) -> ColumnElement[str]:
    """A code of ours, written into the statement."""
    return literal_column(f"'{code}'")


_STATUS: ColumnElement[str] = literal_column("hazard.status")
_CHASED = _STATUS.in_([_literal(status) for status in sorted(CHASED)])
"""Written with literals, so that the planner sees the predicate of the partial indexes."""

AS_OF = bindparam("as_of", type_=Hazard.__table__.c.due_on.type)  # type: ignore[attr-defined]  # SQLModel sets it


@dataclass(frozen=True, slots=True)
class HazardFilter:
    """Which hazards; ``as_of`` is the business date that stands for today."""

    as_of: date
    status: tuple[Status, ...] = ()
    overdue: bool | None = None
    due_before: date | None = None
    area_id: UUID | None = None
    premises_id: UUID | None = None
    severity: Severity | None = None
    category: str | None = None
    campaign_id: UUID | None = None
    handler_id: UUID | None = None
    q: str | None = None
    is_today: bool = False
    """Nobody asked for another day: today is meant."""

    def values(self) -> dict[str, Any]:
        """What the statement for its shape is run with."""
        return {
            "as_of": self.as_of,
            "due_before": self.due_before,
            "premises_id": self.premises_id,
            "category": self.category,
            "handler_id": self.handler_id,
            "q": f"%{_escaped(self.q or '')}%",
        }


@dataclass(frozen=True, slots=True)
class FilterShape:
    """What makes one statement differ from another."""

    scope: tuple[str, ...]
    """Paths of the reader's areas."""
    area: str | None
    given: frozenset[str]
    """The members of the filter that are set."""
    overdue: bool | None
    status: tuple[str, ...] = ()
    severity: str | None = None
    """Both are written into the statement: rare ones have indexes of their own, and the planner must see which."""


def shape_of(on: Session | Connection, actor: Actor, wanted: HazardFilter) -> FilterShape:
    """The filter's shape for this reader. Raises ``NotFound`` for an area outside his."""
    given = frozenset(field.name for field in fields(wanted) if getattr(wanted, field.name))
    area = None if wanted.area_id is None else _area_path(on, actor, wanted.area_id)
    scope = tuple(area.path for area in actor.areas)
    return FilterShape(scope, area, given, wanted.overdue, tuple(sorted(set(wanted.status))), wanted.severity)


def hazard_conditions(shape: FilterShape) -> list[ColumnElement[bool]]:
    """The filter as SQL, scope first; values by the names of ``HazardFilter.values``."""
    found: list[ColumnElement[bool]] = [written_within(Hazard.area_path, shape.scope)]
    if shape.area is not None:
        found.append(written_within(Hazard.area_path, [shape.area]))
    if shape.status:
        found.append(_STATUS.in_([_literal(status) for status in shape.status]))
    if shape.severity is not None:
        found.append(literal_column("hazard.severity") == _literal(shape.severity))
    if shape.overdue is not None:
        found.append(is_overdue() if shape.overdue else is_not_overdue())
    if "due_before" in shape.given:
        found.append(col(Hazard.due_on) < bindparam("due_before"))
    for name, column in (
        ("premises_id", Hazard.premises_id),
        ("category", Hazard.category_zh),
        ("handler_id", Hazard.handler_id),
    ):
        if name in shape.given:
            found.append(col(column) == bindparam(name))
    if _is_none(shape):
        found.append(false())
    if "q" in shape.given:
        texts = (Hazard.number, Hazard.text, Hazard.place, Premises.name)
        found.append(or_(*(func.lower(column).like(func.lower(bindparam("q")), escape="/") for column in texts)))
    return found


def _is_none(shape: FilterShape) -> bool:
    """Whether no hazard can match: none belongs to a campaign yet, and only what is chased can be overdue."""
    is_contradiction = bool(shape.overdue and shape.status) and CHASED.isdisjoint(shape.status)
    return is_contradiction or "campaign_id" in shape.given


def is_overdue() -> ColumnElement[bool]:
    """Chased, and the due date ended before ``as_of`` began (Asia/Shanghai)."""
    return and_(_CHASED, col(Hazard.due_on) < AS_OF)


def is_not_overdue() -> ColumnElement[bool]:
    """The others, those without a date too."""
    return or_(~_CHASED, col(Hazard.due_on).is_(None), col(Hazard.due_on) >= AS_OF)


def _escaped(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


def _area_path(on: Session | Connection, actor: Actor, area_id: UUID) -> str:
    path: str | None = on.execute(
        select(col(Area.path)).where(in_area_of(actor, Area.path), col(Area.id) == area_id)
    ).scalar_one_or_none()
    if path is None:
        raise NotFound("No such area within yours.", "在您的辖区内未找到该区域。")
    return path
