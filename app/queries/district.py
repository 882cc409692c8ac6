"""What the district asks of one object, besides the feed."""

from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.sqljson import as_text
from app.domain.deadlines import days_overdue
from app.domain.vocabulary import CHASED
from app.models import Hazard, Premises
from app.queries.hazard_json import hazard_record
from app.queries.hazards import no_such_hazard


def read_hazard_record(session: Session, actor: Actor, hazard_id: UUID, *, today: date) -> tuple[str, int]:
    """The record that the feed carries for the current version, with ``days_overdue``; and the version.

    JSON text; one statement. Raises ``NotFound``.
    """
    row = session.execute(_RECORD.where(in_area_of(actor, Hazard.area_path), col(Hazard.id) == hazard_id)).one_or_none()
    if row is None:
        raise no_such_hazard()
    late = days_overdue(row.due_on, today) if row.status in CHASED else 0
    return f'{row.record[:-1]},"days_overdue":{late}}}', row.version


_RECORD = select(
    as_text(hazard_record()).label("record"), col(Hazard.version), col(Hazard.status), col(Hazard.due_on)
).join(Premises, col(Premises.id) == col(Hazard.premises_id))
