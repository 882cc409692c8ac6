"""How many hazards, by what, computed at the question; every number opens its rows by the same filter."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.core.prepared import Prepared
from app.domain.vocabulary import Severity, Status
from app.models import Hazard, Premises
from app.queries.hazard_filters import AS_OF, FilterShape, HazardFilter, hazard_conditions, is_overdue, shape_of

BUCKETS = ("d1_7", "d8_15", "d16_30", "d31_plus")
_SINCE = dict(zip(BUCKETS, (7, 15, 30), strict=False))


@dataclass(frozen=True)
class HazardSummary:
    """Counts over one filter; ``by_area`` is keyed by the id of the area the hazard lies in."""

    as_of: date
    total: int = 0
    by_status: dict[Status, int] = field(default_factory=dict)
    by_severity: dict[Severity, int] = field(default_factory=dict)
    by_area: dict[str, int] = field(default_factory=dict)
    overdue: dict[str, int] = field(default_factory=dict)


def summarize_hazards(on: Session | Connection, actor: Actor, wanted: HazardFilter) -> HazardSummary:
    """Counts of the hazards that ``wanted`` keeps; one statement. Raises ``NotFound`` for an area outside."""
    by_status: Counter[Status] = Counter(dict.fromkeys(Status, 0))
    by_severity: Counter[Severity] = Counter(dict.fromkeys(Severity, 0))
    by_area: Counter[str] = Counter()
    overdue: Counter[str] = Counter(dict.fromkeys(BUCKETS, 0))
    total = 0
    values = wanted.values() | {name: wanted.as_of - timedelta(days=days) for name, days in _SINCE.items()}
    for status, severity, area_id, late, count in _counts(shape_of(on, actor, wanted)).rows(on, values):
        total += count
        by_status[Status(status)] += count
        by_severity[Severity(severity)] += count
        by_area[str(area_id)] += count
        if late is not None:
            overdue[late] += count
    return HazardSummary(wanted.as_of, total, dict(by_status), dict(by_severity), dict(by_area), dict(overdue))


@lru_cache(maxsize=1024)
def _counts(shape: FilterShape) -> Prepared:
    """The statement, made once."""
    columns = (col(Hazard.status), col(Hazard.severity), col(Hazard.area_id), _bucket().label("bucket"))
    query = select(*columns, func.count().label("count")).where(*hazard_conditions(shape)).group_by(*columns)
    if "q" in shape.given:
        query = query.join(Premises, col(Premises.id) == col(Hazard.premises_id))
    return Prepared(query)


def _bucket() -> ColumnElement[str | None]:
    """How long overdue: 1 to 7 days, 8 to 15, 16 to 30, more; null when not overdue."""
    due_on, date_type = col(Hazard.due_on), AS_OF.type
    return case(
        (~func.coalesce(is_overdue(), False), None),
        *((due_on >= bindparam(name, type_=date_type), name) for name in _SINCE),
        else_=BUCKETS[3],
    )
