"""Re-inspections done on the same visit: each executed by the service of re-inspections and answered on its own."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of
from app.core.errors import DomainError
from app.core.rawjson import request_hash
from app.domain.calendar import WorkCalendar
from app.models import Hazard
from app.services.hazards.act import act_unpublished
from app.services.hazards.reinspect import Verdict, reinspect
from app.services.hazards.turn import Stamp
from app.services.inspections.submission import Recheck, Submission

Outcome = dict[str, object]


def lock_rechecked(session: Session, actor: Actor, rechecks: Sequence[Recheck]) -> None:
    """Lock their hazards in id order, before anything is published."""
    if rechecks:
        wanted = [recheck.hazard_id for recheck in rechecks]
        session.execute(
            select(col(Hazard.id))
            .where(in_area_of(actor, Hazard.area_path), col(Hazard.id).in_(wanted))
            .order_by(col(Hazard.id))
            .with_for_update()
        ).all()


def execute_rechecks(
    session: Session, actor: Actor, submission: Submission, *, calendar: WorkCalendar, now: datetime
) -> tuple[list[Outcome], list[UUID], list[UUID]]:
    """The outcomes in order, and the hazards and photos that changed, for the caller to publish.

    A refused recheck leaves nothing behind; the phone sends it again as a re-inspection with the same id.
    """
    outcomes: list[Outcome] = []
    hazards: list[UUID] = []
    photos: list[UUID] = []
    for recheck in submission.rechecks:
        try:
            with session.begin_nested():
                _execute(session, actor, submission, recheck, calendar, now)
        except DomainError as refusal:
            outcomes.append({"action_id": recheck.action_id, "outcome": "refused", "problem": _problem(refusal)})
            continue
        outcomes.append({"action_id": recheck.action_id, "outcome": "accepted", "problem": None})
        hazards.append(recheck.hazard_id)
        photos.extend(recheck.photo_ids)
    return outcomes, list(dict.fromkeys(hazards)), photos


def _execute(
    session: Session, actor: Actor, submission: Submission, recheck: Recheck, calendar: WorkCalendar, now: datetime
) -> None:
    content = {"inspection": str(submission.id), "hazard": str(recheck.hazard_id), "passed": recheck.passed}
    stamp = Stamp(
        action_id=recheck.action_id,
        request_hash=request_hash("recheck", actor.id, content).hex(),
        received_at=now,
        at=submission.ended_at,
        offset_ms=submission.offset_ms,
        place=submission.location,
        note=recheck.note,
        photo_ids=recheck.photo_ids,
        base_round=recheck.base_round,
    )
    verdict = Verdict(recheck.passed, recheck.reason_code)
    asked = reinspect(actor, recheck.hazard_id, stamp, verdict=verdict, calendar_of=lambda _: calendar)
    act_unpublished(session, asked)


def _problem(refusal: DomainError) -> dict[str, object]:
    return {
        "code": refusal.code,
        "title": refusal.title_zh,
        "detail": refusal.detail_zh,
        "retryable": refusal.retryable,
    }
