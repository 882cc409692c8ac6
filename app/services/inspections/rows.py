"""The rows of a submission, as one document a table."""

from collections.abc import Sequence
from typing import Any  # column values of any type
from uuid import UUID

from sqlalchemy import Table
from sqlmodel import SQLModel

from app.core.bulk import Rows
from app.core.ids import uuid7
from app.domain.business_time import believe
from app.domain.lifecycle import Action
from app.models import Answer, Hazard, HazardEvent, HazardPhoto, Inspection, Photo
from app.services.inspections.findings import Visit
from app.services.inspections.photos import photo_row, served_photos


def inspection_row(visit: Visit, number: str) -> dict[str, Any]:
    """The visit's columns; the answer is written when it is known."""
    submission, place = visit.submission, visit.submission.location
    began = believe(submission.started_at, submission.offset_ms, received=visit.now)
    ended = believe(submission.ended_at, submission.offset_ms, received=visit.now)
    return {
        "id": submission.id,
        "number": number,
        "version": 1,
        "premises_id": visit.premises.id,
        "area_id": visit.premises.area_id,
        "area_path": visit.premises.area_path,
        "kind": submission.kind,
        "reporter_id": visit.actor.id,
        "inspector_ids": visit.reporter_ids,
        "started_at": began.at,
        "ended_at": max(began.at, ended.at),
        "stated_started_at": submission.started_at,
        "stated_ended_at": submission.ended_at,
        "offset_ms": submission.offset_ms,
        "device_seq": submission.device_seq,
        "clock_suspect": began.clock_suspect or ended.clock_suspect or ended.at < began.at,
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "accuracy_m": place.accuracy_m if place else None,
        "checklist_code": submission.checklist[0] if submission.checklist else None,
        "checklist_version": submission.checklist[1] if submission.checklist else None,
        "note": submission.note,
        "received_at": visit.now,
        "request_hash": submission.request_hash,
        "content_hash": submission.content_hash,
        "answer": "",
    }


def submission_rows(
    visit: Visit, inspection: dict[str, Any], hazards: Sequence[dict[str, Any]], stored: frozenset[UUID]
) -> list[tuple[Table, Rows]]:
    """All rows but those of photos that came before, in an order that foreign keys allow."""
    submission, path = visit.submission, visit.premises.area_path
    named = served_photos(submission)
    events = {hazard["id"]: _event_row(visit, hazard) for hazard in hazards}
    photos = [
        photo_row(photo, submission, visit.actor, area_path=path if photo.id in named else None, now=visit.now)
        for photo in submission.photos
        if photo.id not in stored
    ]
    links = [
        {
            "hazard_id": report.id,
            "photo_id": photo_id,
            "event_id": events[report.id]["id"],
            "role": visit.photos[photo_id].role,
            "position": position,
        }
        for report in submission.hazards
        for position, photo_id in enumerate(dict.fromkeys(report.photo_ids))
    ]
    answers = [
        {
            "inspection_id": submission.id,
            "item_no": answer.item_no,
            "result": answer.result,
            "reason": answer.reason,
            "photo_ids": [str(photo_id) for photo_id in answer.photo_ids],
        }
        for answer in submission.answers
    ]
    return [
        (_table(Inspection), [inspection]),
        (_table(Answer), answers),
        (_table(Photo), photos),
        (_table(Hazard), hazards),
        (_table(HazardEvent), list(events.values())),
        (_table(HazardPhoto), links),
    ]


def _event_row(visit: Visit, hazard: dict[str, Any]) -> dict[str, Any]:
    report = next(report for report in visit.submission.hazards if report.id == hazard["id"])
    place = visit.submission.location
    reasons = {"due_reason": report.due_reason, "on_site_reason": report.on_site_reason}
    return {
        "id": uuid7(),
        "hazard_id": report.id,
        "version": 1,
        "action": Action.REPORT_FIXED_ON_SITE if report.fixed_on_site else Action.REPORT,
        "actor_id": visit.actor.id,
        "actor_role": visit.actor.role,
        "occurred_at": hazard["found_at"],
        "recorded_at": visit.now,
        "stated_at": report.found_at,
        "offset_ms": visit.submission.offset_ms,
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "accuracy_m": place.accuracy_m if place else None,
        "from_status": None,
        "to_status": hazard["status"],
        "round": 1,
        "was_stale": False,
        "clock_suspect": "clock_suspect" in hazard["flags"],
        "note": None,
        "detail": {name: reason for name, reason in reasons.items() if reason},
        "request_hash": None,
        "answer": None,
    }


def _table(entity: type[SQLModel]) -> Table:
    table: Table = entity.__table__  # type: ignore[attr-defined]  # SQLModel sets it on every table class
    return table
