"""What a submission is held against: premises, people, checklist, hazards that were closed here before."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.access.scope import in_area_of, within
from app.core import builtin
from app.core.clock import business_date
from app.core.errors import IdTaken, NotFound, at
from app.domain.business_time import BELIEVED_FOR
from app.domain.vocabulary import InspectionKind, PremisesStatus, Role
from app.models import Area, Premises, User, UserArea
from app.queries.submissions import Met, Question, Site
from app.services.inspections.photos import served_photos
from app.services.inspections.submission import (
    DuplicateId,
    KindNotAllowed,
    NewPremises,
    Submission,
    UnknownChecklist,
    UnknownInspector,
)

RELAPSE_WITHIN = timedelta(days=180)
"""反复发生: the same finding on the same premises, closed this recently. Source: indicators, 反复发生率."""


def check_content(actor: Actor, submission: Submission) -> None:
    """What needs no row. Raises ``DuplicateId``, ``UnknownChecklist`` or ``KindNotAllowed``."""
    for pointer, ids in (
        ("/hazards", [report.id for report in submission.hazards]),
        ("/rechecks", [recheck.action_id for recheck in submission.rechecks]),
        ("/answers", [answer.item_no for answer in submission.answers]),
    ):
        if len(set(ids)) != len(ids):
            fault = at(pointer, "duplicate-id", pointer)
            raise DuplicateId("An id stands twice.", "编号或检查项重复。", errors=[fault])
    if submission.kind is InspectionKind.ADMIN_INSPECTION and actor.role is not Role.OFFICER:
        fault = at("/kind", "kind-not-allowed", submission.kind)
        raise KindNotAllowed("Only officers inspect in the legal sense.", "行政检查须由执法人员实施。", errors=[fault])
    _check_checklist(submission)


def _check_checklist(submission: Submission) -> None:
    known: range | None = None
    if submission.checklist is not None:
        code, version = submission.checklist
        checklist = builtin.checklists().get(code)
        if checklist is None or checklist.version != version:
            fault = at("/checklist", "unknown-checklist", code)
            raise UnknownChecklist("No such checklist or version.", "检查表或其版本不存在。", errors=[fault])
        known = range(1, checklist.item_count + 1)
    for place, answer in enumerate(submission.answers):
        if known is None or answer.item_no not in known:
            fault = at(f"/answers/{place}/item_no", "unknown-checklist", str(answer.item_no))
            raise UnknownChecklist("The checklist has no such item.", "检查表中没有该检查项。", errors=[fault])


def question_of(submission: Submission, now: datetime) -> Question:
    """What has to be looked up before the visit is accepted."""
    served = served_photos(submission)
    return Question(
        inspection_id=submission.id,
        premises_id=submission.premises_id,
        photo_ids=[photo.id for photo in submission.photos],
        hashes=[photo.sha256 for photo in submission.photos if photo.id in served],
        hazard_ids=[report.id for report in submission.hazards],
        finding_codes={report.finding_code for report in submission.hazards if report.finding_code is not None},
        closed_since=now - RELAPSE_WITHIN,
    )


def site_of(session: Session, actor: Actor, submission: Submission, met: Met, *, now: datetime) -> tuple[Site, bool]:
    """The premises, and whether this submission just entered them as unregistered.

    Raises ``NotFound`` outside the area, ``IdTaken`` for a new place under an id in use.
    """
    if submission.premises is not None:
        return _enter(session, actor, submission.premises, now), True
    if met.site is None:
        raise no_such_premises()
    return met.site, False


def no_such_premises() -> NotFound:
    """The same for premises that are not there and those outside the area."""
    return NotFound("No such premises in your area.", "在您的辖区内未找到该场所。")


def check_hazard_ids(submission: Submission, met: Met) -> None:
    """Raise ``IdTaken`` when a hazard id of the submission is in use anywhere."""
    faults = [
        at(f"/hazards/{place}/id", "id-taken", "id")
        for place, report in enumerate(submission.hazards)
        if report.id in met.taken_hazard_ids
    ]
    if faults:
        raise IdTaken("A hazard id is in use.", "隐患编号已被占用。", errors=faults)


def _enter(session: Session, actor: Actor, new: NewPremises, now: datetime) -> Site:
    area = session.execute(
        select(Area).where(in_area_of(actor, Area.path), col(Area.id) == new.area_id)
    ).scalar_one_or_none()
    if area is None:
        raise NotFound("No such area within yours.", "在您的辖区内未找到该区域。")
    if session.execute(select(col(Premises.id)).where(col(Premises.id) == new.id)).first() is not None:
        raise IdTaken("The premises id is in use.", "场所编号已被占用。", errors=[at("/premises/id", "id-taken", "id")])
    premises = Premises(
        id=new.id,
        kind=new.kind,
        name=new.name,
        area_id=area.id,
        area_path=area.path,
        address=new.address,
        status=PremisesStatus.UNREGISTERED,
        registered_by_id=actor.id,
        registered_at=now,
    )
    session.add(premises)
    session.flush()
    return Site(premises.id, premises.area_id, premises.area_path)


def inspectors_of(session: Session, actor: Actor, submission: Submission, now: datetime) -> list[str]:
    """The reporters: the sender and everyone who inspected. Raises ``UnknownInspector``.

    Colleagues are active inspectors or officers with an area in the sender's street, now or as lately as a
    visit is believed.
    """
    today = business_date(now)
    others = set(submission.inspector_ids) - {actor.id}
    if others:
        known = session.execute(
            select(col(User.id))
            .join(UserArea, col(UserArea.user_id) == col(User.id))
            .join(Area, col(Area.id) == col(UserArea.area_id))
            .where(
                within(Area.path, actor.street_path or "/"),
                col(UserArea.valid_from) <= today,
                or_(col(UserArea.valid_to).is_(None), col(UserArea.valid_to) >= today - BELIEVED_FOR),
                col(User.id).in_(others),
                col(User.role).in_([Role.INSPECTOR, Role.OFFICER]),
                col(User.is_active),
            )
        ).scalars()
        if others - set(known):
            fault = at("/inspector_ids", "unknown-inspector", "inspector_ids")
            raise UnknownInspector(
                "Name inspectors or officers of your street.", "检查人员须为本街道在岗人员。", errors=[fault]
            )
    return [str(actor.id), *sorted(str(other) for other in others)]
