"""How many hazards, by what, computed at the question; every number opens its rows by the same filter."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.domain.vocabulary import Severity, Status
from app.models import Hazard, Premises
from app.queries.hazards import HazardFilter, hazard_conditions, is_overdue

BUCKETS = ("d1_7", "d8_15", "d16_30", "d31_plus")


@dataclass(frozen=True)
class HazardSummary:
    """Counts over one filter; ``by_area`` is keyed by the id of the area the hazard lies in."""

    as_of: date
    total: int = 0
    by_status: dict[Status, int] = field(default_factory=dict)
    by_severity: dict[Severity, int] = field(default_factory=dict)
    by_area: dict[str, int] = field(default_factory=dict)
    overdue: dict[str, int] = field(default_factory=dict)


def summarize_hazards(session: Session, actor: Actor, wanted: HazardFilter) -> HazardSummary:
    """Counts of the hazards that ``wanted`` keeps; one statement. Raises ``NotFound`` for an area outside."""
    bucket = _bucket(wanted.as_of)
    columns = (col(Hazard.status), col(Hazard.severity), col(Hazard.area_id), bucket)
    query = (
        select(*columns, func.count())
        .join(Premises, col(Premises.id) == col(Hazard.premises_id))
        .where(*hazard_conditions(session, actor, wanted))
        .group_by(*columns)
    )
    by_status: Counter[Status] = Counter(dict.fromkeys(Status, 0))
    by_severity: Counter[Severity] = Counter(dict.fromkeys(Severity, 0))
    by_area: Counter[str] = Counter()
    overdue: Counter[str] = Counter(dict.fromkeys(BUCKETS, 0))
    total = 0
    for status, severity, area_id, late, count in session.execute(query):
        total += count
        by_status[status] += count
        by_severity[severity] += count
        by_area[str(area_id)] += count
        if late is not None:
            overdue[late] += count
    return HazardSummary(wanted.as_of, total, dict(by_status), dict(by_severity), dict(by_area), dict(overdue))


def _bucket(as_of: date) -> ColumnElement[str | None]:
    """How long overdue: 1 to 7 days, 8 to 15, 16 to 30, more; null when not overdue."""
    due_on = col(Hazard.due_on)
    return case(
        (~func.coalesce(is_overdue(as_of), False), None),
        (due_on >= as_of - timedelta(days=7), BUCKETS[0]),
        (due_on >= as_of - timedelta(days=15), BUCKETS[1]),
        (due_on >= as_of - timedelta(days=30), BUCKETS[2]),
        else_=BUCKETS[3],
    )
