"""Submitting and reading visits. Source: contract.md, «Submission»."""

from typing import Any  # rows and FastAPI's responses
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.exc import IntegrityError

from app.access.actor import require
from app.api.deps import AsReceived, CurrentActor, Db
from app.api.hazard_schemas import PremisesRef
from app.api.hazards import Cursor, Limit
from app.api.inspection_schemas import (
    AnswerRead,
    ChecklistRef,
    HazardRef,
    InspectionIn,
    InspectionListed,
    InspectionPage,
    InspectionPhotoRead,
    InspectionRead,
    SubmissionAnswerRead,
)
from app.api.lane import Work, lane_route
from app.core.errors import IdTaken
from app.models import Inspection, Premises
from app.queries.inspections import InspectionDetail, get_inspection, list_inspections
from app.queries.paging import DEFAULT_LIMIT
from app.queries.submissions import meet
from app.services.answers import WriteAnswer
from app.services.evidence import PhotoReused
from app.services.inspections.context import question_of
from app.services.inspections.office import open_office
from app.services.inspections.submit import submit
from app.services.inspections.together import Sent, submit_together
from app.services.runtime import Runtime

router = APIRouter(prefix="/api/v1/inspections", tags=["field", "office"])


def _submit(runtime: Runtime, sent: Sent) -> WriteAnswer:
    """Look first, then write: what comes in between clashes with the rows."""
    actor, submission, now = sent.actor, sent.submission, sent.received_at
    with runtime.db.autocommit() as connection:
        met = meet(connection, actor, question_of(submission, now))
    office = open_office(runtime, actor, submission, met, now=now)
    with runtime.db.write() as session:
        return submit(session, actor, submission, office=office, now=now, met=met)


SUBMISSIONS = Work("submissions", _submit, (IntegrityError, IdTaken, PhotoReused), submit_together)

submissions = APIRouter(prefix="/api/v1/inspections", tags=["field", "office"], route_class=lane_route(SUBMISSIONS))

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": SubmissionAnswerRead, "description": "the same submission again: the first answer"}
}


@submissions.put("/{inspection_id}", status_code=201, response_model=SubmissionAnswerRead, responses=ANSWERS)
def put_inspection(inspection_id: UUID, body: InspectionIn, received: AsReceived, actor: CurrentActor) -> Sent:
    """Submit a visit with its findings, all or nothing; sent again it gives the first answer."""
    submission = body.as_submission(inspection_id, received.request_hash, received.content_hash)
    return Sent(actor, submission, received.at)


@router.get("")
def get_inspections(
    actor: CurrentActor,
    db: Db,
    premises_id: UUID | None = None,
    reporter_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> InspectionPage:
    """A page of visits, the latest received first."""
    require(actor, "get_inspections")
    with db.read() as session:
        page = list_inspections(
            session, actor, premises_id=premises_id, reporter_id=reporter_id, cursor=cursor, limit=limit
        )
        items = [InspectionListed.model_validate(_listed(*row)) for row in page.items]
    return InspectionPage(items=items, next_cursor=page.next_cursor)


@router.get("/{inspection_id}")
def get_one_inspection(inspection_id: UUID, actor: CurrentActor, db: Db, response: Response) -> InspectionRead:
    """One visit, with the declared photos that have not arrived; the ETag is its version."""
    require(actor, "get_one_inspection")
    with db.read() as session:
        detail = get_inspection(session, actor, inspection_id)
        read = _read(detail)
    response.headers["ETag"] = f'"{detail.inspection.version}"'
    return read


def _listed(inspection: Inspection, premises: Premises, hazard_count: int) -> dict[str, Any]:
    return {
        "id": inspection.id,
        "number": inspection.number,
        "version": inspection.version,
        "kind": inspection.kind,
        "premises": PremisesRef(id=premises.id, name=premises.name, kind=premises.kind),
        "area_id": inspection.area_id,
        "reporter_id": inspection.reporter_id,
        "started_at": inspection.started_at,
        "ended_at": inspection.ended_at,
        "received_at": inspection.received_at,
        "clock_suspect": inspection.clock_suspect,
        "hazard_count": hazard_count,
    }


def _read(detail: InspectionDetail) -> InspectionRead:
    inspection = detail.inspection
    checklist = None
    if inspection.checklist_code is not None and inspection.checklist_version is not None:
        checklist = ChecklistRef(code=inspection.checklist_code, version=inspection.checklist_version)
    more = {
        "inspector_ids": inspection.inspector_ids,
        "stated_started_at": inspection.stated_started_at,
        "stated_ended_at": inspection.stated_ended_at,
        "offset_ms": inspection.offset_ms,
        "device_seq": inspection.device_seq,
        "checklist": checklist,
        "note": inspection.note,
        "answers": [AnswerRead.model_validate(answer, from_attributes=True) for answer in detail.answers],
        "hazards": [HazardRef.model_validate(hazard, from_attributes=True) for hazard in detail.hazards],
        "photos": [
            InspectionPhotoRead(
                id=photo.id,
                sha256=photo.sha256,
                bytes=photo.bytes,
                role=photo.role,
                source=photo.source,
                taken_at=photo.taken_at,
                is_stored=photo.stored_at is not None,
            )
            for photo in detail.photos
        ],
        "missing_photos": [photo.id for photo in detail.photos if photo.stored_at is None],
    }
    return InspectionRead.model_validate(_listed(inspection, detail.premises, len(detail.hazards)) | more)
