"""作废: the office asks, a leader decides; undecided after five working days the request lapses."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session, col

from app.access.actor import Actor
from app.core.clock import business_date
from app.core.errors import Conflict, NotFound, Rejected, at
from app.domain.calendar import CalendarTooShort, WorkCalendar
from app.domain.lifecycle import Action, next_status
from app.domain.vocabulary import FeedType, Status
from app.models import Hazard, VoidRequest
from app.queries.hazards import get_hazard
from app.services.changes import publish
from app.services.hazards.history import add_system_event
from app.services.hazards.turn import Asked, Stamp, Turn, move

LAPSES_AFTER_WORKING_DAYS = 5


class NoSuchDuplicate(Rejected):
    code, title, title_zh = "unknown-duplicate", "duplicate_of names no other open hazard", "重复隐患编号无效"


class VoidDecided(Conflict):
    code, title, title_zh = "void-decided", "This request is decided already", "该作废申请已处理"


def ask_void(actor: Actor, hazard_id: UUID, stamp: Stamp, *, reason: str, duplicate_of: UUID | None) -> Asked:
    """Ask that the hazard be voided, perhaps as a duplicate of another one. The deed raises ``NoSuchDuplicate``."""

    def ask(turn: Turn) -> None:
        _check_duplicate(turn.session, actor, hazard_id, duplicate_of)
        turn.detail = {"reason": reason, "duplicate_of": str(duplicate_of) if duplicate_of else None}
        turn.session.add(
            VoidRequest(
                id=stamp.action_id,
                hazard_id=hazard_id,
                asked_by_id=actor.id,
                asked_at=stamp.received_at,
                reason=reason,
                duplicate_of=duplicate_of,
            )
        )

    return Asked(actor, hazard_id, stamp, Action.ASK_VOID, ask)


def decide_void(actor: Actor, hazard_id: UUID, stamp: Stamp, *, void_id: UUID, grants: bool) -> Asked:
    """Grant or refuse the pending request ``void_id``; never who asked, nor the reporter.

    The deed raises ``NotFound`` for another hazard's request, ``VoidDecided`` for an old one.
    """

    def decide(turn: Turn) -> None:
        request = _pending(turn, void_id)
        request.state = "granted" if grants else "refused"
        request.decided_at = stamp.received_at
        turn.detail = {"void_id": str(void_id), "reason": request.reason}
        if grants:
            turn.hazard.duplicate_of = request.duplicate_of
            move(turn, next_status(turn.case, turn.action, turn.parts))

    return Asked(actor, hazard_id, stamp, Action.GRANT_VOID if grants else Action.REFUSE_VOID, decide)


def lapse_voids(session: Session, calendar: WorkCalendar, *, now: datetime) -> int:
    """Let requests lapse that nobody decided within five working days; the number of them.

    The day of the request does not count. A term beyond the known calendar is not guessed: it waits.
    """
    today = business_date(now)
    pending = session.execute(
        select(VoidRequest).where(col(VoidRequest.state) == "pending").order_by(col(VoidRequest.hazard_id))
    ).scalars()
    due = [request for request in pending if _has_lapsed(request, calendar, today=today)]
    lapsed = []
    for request in due:
        hazard = session.execute(
            select(Hazard)
            .where(col(Hazard.id) == request.hazard_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).scalar_one()
        session.refresh(request)
        if request.state != "pending":
            continue
        request.state = "lapsed"
        request.decided_at = now
        add_system_event(session, hazard, Action.LAPSE_VOID, now=now, detail={"void_id": str(request.id)})
        lapsed.append(hazard.id)
    publish(session, FeedType.HAZARD, lapsed, now=now)
    return len(lapsed)


def _has_lapsed(request: VoidRequest, calendar: WorkCalendar, *, today: date) -> bool:
    try:
        last = calendar.add_working_days(business_date(request.asked_at), LAPSES_AFTER_WORKING_DAYS)
    except CalendarTooShort:
        return False
    return today > last


def _pending(turn: Turn, void_id: UUID) -> VoidRequest:
    if turn.void is not None and turn.void.id == void_id:
        return turn.void
    known = turn.session.get(VoidRequest, void_id)
    if known is None or known.hazard_id != turn.hazard.id:
        raise NotFound("No such request on this hazard.", "该隐患没有此作废申请。")
    raise VoidDecided("This request is decided already.", "该作废申请已处理。", state=known.state)


def _check_duplicate(session: Session, actor: Actor, hazard_id: UUID, duplicate_of: UUID | None) -> None:
    if duplicate_of is None:
        return
    faults = [at("/duplicate_of", "unknown-duplicate", str(duplicate_of))]
    text = ("duplicate_of must name another hazard that is not voided.", "duplicate_of 须为另一条未作废的隐患。")
    try:
        other = get_hazard(session, actor, duplicate_of)
    except NotFound as error:
        raise NoSuchDuplicate(*text, errors=faults) from error
    if other.id == hazard_id or other.status is Status.VOIDED:
        raise NoSuchDuplicate(*text, errors=faults)
