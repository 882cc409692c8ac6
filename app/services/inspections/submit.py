"""``PUT /inspections/{id}``: a visit with its findings, all or nothing. Source: contract.md, «Submission»."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any  # column values of any type
from uuid import UUID

import orjson
from sqlalchemy import select, update
from sqlmodel import Session, col

from app.access.actor import Actor, require
from app.core.bulk import insert_rows
from app.core.clock import rfc3339
from app.core.errors import IdTaken
from app.domain.vocabulary import FeedType
from app.models import Hazard, Inspection
from app.queries.submissions import Met, meet
from app.services.answers import WriteAnswer
from app.services.changes import Writing, insert_and_publish
from app.services.grants import upload_grant
from app.services.hazards.on_site import settle_evidence
from app.services.inspections.context import (
    check_content,
    check_hazard_ids,
    inspectors_of,
    no_such_premises,
    question_of,
    site_of,
)
from app.services.inspections.findings import Visit, hazard_row
from app.services.inspections.office import Office
from app.services.inspections.photos import declared_photos, find_earlier, name_earlier, served_photos
from app.services.inspections.rechecks import Outcome, execute_rechecks, lock_rechecked
from app.services.inspections.rows import inspection_row, submission_rows
from app.services.inspections.submission import InspectionDiffers, Submission


def submit(
    session: Session,
    actor: Actor,
    submission: Submission,
    *,
    office: Office | None,
    now: datetime,
    met: Met | None = None,
) -> WriteAnswer:
    """Accept a visit, or give the first answer again. ``office`` is None for who may not submit.

    ``met`` is what a look at the database found just before; None: look now. Raises ``Forbidden``,
    ``InspectionDiffers``, ``NotFound`` for premises outside the area, the refusals of ``submission``, and
    ``IntegrityError`` when something clashes that came after the look.
    """
    met = met or meet(session, actor, question_of(submission, now))
    if met.earlier is not None and met.earlier.request_hash == submission.request_hash:
        return WriteAnswer(met.earlier.answer, is_replay=True)
    require(actor, "put_inspection")
    if met.earlier is not None:
        raise _not_the_same(actor, met.earlier.reporter_id)
    if office is None:  # both roles have a street to number in, but for who has no area today
        raise no_such_premises()
    check_content(actor, submission)
    photos = declared_photos(submission)
    lock_rechecked(session, actor, submission.rechecks)
    premises, is_new = site_of(session, actor, submission, met, now=now)
    reporters = inspectors_of(session, actor, submission, now)
    stored = find_earlier(session, actor, photos, met)
    visit = Visit(submission, actor, premises, photos, reporters, office.calendar, now)
    draft = _draft(visit, office, met, frozenset(stored), is_new=is_new)
    if not submission.rechecks and not stored:
        insert_and_publish(session, [draft.writing], now=now)
        return WriteAnswer(draft.answer)
    insert_rows(session, draft.writing.tables)
    name_earlier(submission, stored, premises.area_path, now)
    outcomes, rechecked, recheck_photos = execute_rechecks(
        session, actor, submission, calendar=office.calendar, now=now
    )
    body = _answer(visit, office, _settled(session, visit, draft.hazards, stored, rechecked), outcomes)
    session.execute(update(Inspection).where(col(Inspection.id) == submission.id).values(answer=body))
    told = dict(draft.writing.told)
    for type, ids in ((FeedType.PHOTO, recheck_photos), (FeedType.HAZARD, rechecked)):
        told[type] = [*dict.fromkeys([*told[type], *ids])]
    insert_and_publish(session, [Writing([], told)], now=now)
    return WriteAnswer(body)


@dataclass(frozen=True, slots=True)
class Draft:
    """A submission that may be written: its rows, and the answer it gets when nothing happens to its hazards."""

    writing: Writing
    hazards: list[dict[str, Any]]
    answer: str


def is_plain(submission: Submission) -> bool:
    """Whether it may need no further look at the database and no lock: most are from one inspector, at registered
    premises and without rechecks."""
    return not (submission.rechecks or submission.inspector_ids or submission.premises)


def is_met_plainly(met: Met) -> bool:
    """Whether a plain one does not: it is new, in the actor's area, and came before its photos."""
    return met.earlier is None and met.site is not None and not (met.photos_came or met.bytes_served)


def draft_plain(actor: Actor, submission: Submission, *, met: Met, office: Office, now: datetime) -> Draft:
    """The draft of a submission that is plain and was met plainly. Raises the refusals of ``submission``."""
    assert met.site is not None  # noqa: S101  the caller asked
    require(actor, "put_inspection")
    check_content(actor, submission)
    photos = declared_photos(submission)
    visit = Visit(submission, actor, met.site, photos, [str(actor.id)], office.calendar, now)
    return _draft(visit, office, met, frozenset(), is_new=False)


def _draft(visit: Visit, office: Office, met: Met, stored: frozenset[UUID], *, is_new: bool) -> Draft:
    submission = visit.submission
    hazards = _hazard_rows(visit, office, met)
    check_hazard_ids(submission, met)
    inspection = inspection_row(visit, office.inspection_number)
    inspection["answer"] = _answer(visit, office, hazards, [])
    named = served_photos(submission)
    told = {
        FeedType.PREMISES: [visit.premises.id] if is_new else [],
        FeedType.INSPECTION: [submission.id],
        FeedType.PHOTO: [photo_id for photo_id in visit.photos if photo_id in named],
        FeedType.HAZARD: [report.id for report in submission.hazards],
    }
    rows = submission_rows(visit, inspection, hazards, stored)
    return Draft(Writing(rows, told), hazards, inspection["answer"])


def _not_the_same(actor: Actor, reporter_id: UUID) -> InspectionDiffers | IdTaken:
    if reporter_id == actor.id:
        return InspectionDiffers(
            "This inspection was accepted with other content; correct it by a revision.",
            "该检查已提交且内容不同，如需更正请提交修订。",
        )
    return IdTaken("This inspection id is in use.", "检查编号已被占用。")


def _hazard_rows(visit: Visit, office: Office, met: Met) -> list[dict[str, Any]]:
    reports = visit.submission.hazards
    return [
        hazard_row(visit, report, place, number, relapse_of=met.closed.get(report.finding_code or ""))
        for place, (report, number) in enumerate(zip(reports, office.hazard_numbers, strict=True))
    ]


def _settled(
    session: Session,
    visit: Visit,
    hazards: Sequence[dict[str, Any]],
    stored: Collection[UUID],
    rechecked: Collection[UUID],
) -> list[dict[str, Any]]:
    """The hazards as they stand once evidence that came before the submission is counted, and its own rechecks."""
    touched = [
        report.id
        for report in visit.submission.hazards
        if report.id in rechecked or any(photo_id in stored for photo_id in report.photo_ids)
    ]
    if not touched:
        return list(hazards)
    rows = session.execute(select(Hazard).where(col(Hazard.id).in_(touched)).order_by(col(Hazard.id))).scalars().all()
    settle_evidence(session, rows, now=visit.now)
    now_is = {row.id: {"version": row.version, "status": row.status} for row in rows}
    return [hazard | now_is.get(hazard["id"], {}) for hazard in hazards]


def _answer(visit: Visit, office: Office, hazards: Sequence[dict[str, Any]], outcomes: Sequence[Outcome]) -> str:
    submission = visit.submission
    photo_hashes = [photo.sha256 for photo in submission.photos]
    answer = {
        "id": submission.id,
        "number": office.inspection_number,
        "received_at": rfc3339(visit.now),
        "hazards": [
            {name: hazard[name] for name in ("id", "number", "version", "status", "due_on", "due_on_provisional")}
            for hazard in hazards
        ],
        "rechecks": outcomes,
        "receipt": office.receipts.sign(submission.id, submission.content_hash, photo_hashes, visit.now),
        "upload_grant": upload_grant(office.secret, submission.id, visit.actor.id),
    }
    return orjson.dumps(answer).decode()
