"""Hazards that several people act on at once, locked together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast  # columns of any type
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, literal_column, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import bounds_of, in_some_of, ranges_of
from app.core.prepared import Prepared, rows_together
from app.domain.vocabulary import Severity, Status
from app.models import Hazard, HazardEvent, VoidRequest

_TABLE: Any = Hazard.metadata.tables["hazard"]


@dataclass(frozen=True, slots=True)
class Locked:
    """What is locked, and what forbids to go on plainly."""

    hazards: Mapping[UUID, Hazard]
    """By id. The session does not know them: who changes one writes it."""
    with_void: Collection[UUID]
    """Hazards with a request to void that waits for its decision."""
    served: Collection[UUID]
    """Actions that have been taken before."""


def lock_each(session: Session, asking: Sequence[tuple[Actor, UUID]], action_ids: Sequence[UUID]) -> Locked:
    """The hazards within each one's area, locked in id order; what else is asked is looked up after that."""
    hazard_ids = [hazard_id for _, hazard_id in asking]
    *locked, voids, served = rows_together(
        session,
        [
            *_locks(session, asking),
            (_PENDING, {"hazard_ids": hazard_ids}),
            (_SERVED, {"action_ids": list(action_ids)}),
        ],
    )
    hazards = [_hazard(row) for rows in locked for row in rows]
    return Locked(
        {hazard.id: hazard for hazard in hazards}, {row.hazard_id for row in voids}, {row.id for row in served}
    )


def _locks(session: Session, asking: Sequence[tuple[Actor, UUID]]) -> list[tuple[Prepared, Mapping[str, Any]]]:
    """On PostgreSQL one statement; on SQLite, where the transaction itself is the lock, one a hazard."""
    if session.connection().dialect.name == "sqlite":
        return [(_getting(len(actor.areas)), bounds_of(actor) | {"hazard_id": wanted}) for actor, wanted in asking]
    bounds = [(wanted, low, high) for actor, wanted in asking for low, high in ranges_of(actor)]
    ids, lows, highs = map(list, zip(*bounds, strict=True)) if bounds else ([], [], [])
    return [(_LOCKING, {"ids": ids, "lows": lows, "highs": highs})]


def _hazard(row: Any) -> Hazard:
    hazard = SimpleNamespace(**row._asdict())
    hazard.status, hazard.severity = Status(hazard.status), Severity(hazard.severity)
    return cast(Hazard, hazard)


@lru_cache
def _getting(areas: int) -> Prepared:
    return Prepared(select(_TABLE).where(in_some_of(_TABLE.c.area_path, areas), _TABLE.c.id == bindparam("hazard_id")))


_given: Any = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Uuid())),
        bindparam("lows", type_=ARRAY(Text)),
        bindparam("highs", type_=ARRAY(Text)),
    )
    .table_valued("id", "low", "high", name="given")
    .render_derived()
)
_LOCKING = Prepared(
    select(_TABLE)
    .join(_given, _given.c.id == _TABLE.c.id)
    .where(_TABLE.c.area_path >= _given.c.low, _TABLE.c.area_path < _given.c.high)
    .order_by(_TABLE.c.id)
    .with_for_update(of=_TABLE, key_share=True)
)
_PENDING = Prepared(
    select(col(VoidRequest.hazard_id)).where(
        col(VoidRequest.hazard_id).in_(bindparam("hazard_ids", expanding=True)),
        col(VoidRequest.state) == literal_column("'pending'"),
    )
)
_SERVED = Prepared(select(col(HazardEvent.id)).where(col(HazardEvent.id).in_(bindparam("action_ids", expanding=True))))
