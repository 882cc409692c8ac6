"""The order of every action on a hazard, and the only writer of its status.

Replay → role → load in scope with a lock → replay → version or round → guards → row, event and feed
together. Source: lifecycle.md, «Actions».
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any  # column values of any type
from uuid import UUID

from sqlalchemy import Table, bindparam, select, update
from sqlmodel import Session, col

from app.access.actor import Actor, require_role
from app.core.bulk import insert_rows
from app.core.clock import business_date
from app.core.errors import Conflict, DomainError, Stale, VersionMissing
from app.core.prepared import Prepared
from app.domain.business_time import BusinessTime, believe
from app.domain.lifecycle import (
    DECISIONS,
    FIELD_ACTIONS,
    ROLES_OF,
    Action,
    Case,
    IllegalAction,
    Part,
    allowed_actions,
    refusal_of,
)
from app.domain.vocabulary import FeedType, Role, Status
from app.models import Hazard, HazardEvent, Photo, VoidRequest
from app.queries.hazards import case_of, find_pending_void, get_hazard, parts_of, read_hazard
from app.services.changes import publish
from app.services.evidence import check_evidence, name_for_action


class ActionIdReused(Conflict):
    code, title, title_zh = "action-id-reused", "This action id was used for another request", "操作编号已被使用"


class OtherRound(Conflict):
    code, title, title_zh = "other-round", "The hazard has moved on to another round", "隐患已进入新一轮整改"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was done: WGS-84 degrees, accuracy in metres."""

    latitude: float
    longitude: float
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """The envelope of an action; ``action_id`` is the client's and becomes the event's."""

    action_id: UUID
    request_hash: str
    received_at: datetime
    at: datetime
    """By the device's clock."""
    base_version: int | None = None
    offset_ms: int | None = None
    place: Place | None = None
    note: str | None = None
    photo_ids: tuple[UUID, ...] = ()
    base_round: int | None = None


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """``{event_id, hazard}`` as JSON text; a replay gives the first one, word for word."""

    body: str
    is_replay: bool = False


@dataclass(slots=True)
class Turn:
    """One action under way on a locked hazard."""

    session: Session
    actor: Actor
    hazard: Hazard
    stamp: Stamp
    action: Action
    when: BusinessTime
    case: Case
    parts: frozenset[Part]
    void: VoidRequest | None
    version_before: int
    photos: Sequence[Photo]
    """The evidence that the stamp names, checked; linked to the hazard with the event."""
    detail: dict[str, object] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The receipt."""
        return self.stamp.received_at


Deed = Callable[[Turn], None]

_IN_THE_FIELD = frozenset({Role.INSPECTOR, Role.OFFICER})


def act(session: Session, actor: Actor, hazard_id: UUID, stamp: Stamp, *, action: Action, deed: Deed) -> ActionAnswer:
    """Take ``action``: ``deed`` checks its own guards and changes the locked hazard; all is written together.

    Raises ``ActionIdReused``, ``Forbidden``, ``NotFound``, ``VersionMissing``, ``Stale``, ``OtherRound``,
    ``IllegalAction``, ``PhotoMissing``, ``PhotoReused``, ``PhotoUnreadable`` and what ``deed`` raises;
    then nothing has changed.
    """
    answer = act_unpublished(session, actor, hazard_id, stamp, action=action, deed=deed)
    if not answer.is_replay and action is not Action.COMMENT:
        publish(session, FeedType.PHOTO, stamp.photo_ids, now=stamp.received_at)
        publish(session, FeedType.HAZARD, [hazard_id], now=stamp.received_at)
    return answer


def act_unpublished(
    session: Session, actor: Actor, hazard_id: UUID, stamp: Stamp, *, action: Action, deed: Deed
) -> ActionAnswer:
    """The same for a caller that locks several hazards first and publishes last."""
    if (earlier := find_replay(session, stamp)) is not None:
        return earlier
    require_role(actor, *ROLES_OF[action])
    hazard = get_hazard(session, actor, hazard_id, lock=True)
    if (earlier := find_replay(session, stamp, tells_reuse=True)) is not None:
        return earlier
    turn = _begin(session, actor, hazard, stamp, action)
    if action in FIELD_ACTIONS:
        withdraw_void(session, hazard, turn.void, now=turn.now)
    deed(turn)
    return _record(turn)


def find_replay(session: Session, stamp: Stamp, *, tells_reuse: bool = False) -> ActionAnswer | None:
    """The first answer to the same request.

    With ``tells_reuse`` raises ``ActionIdReused`` when the id belongs to another one: only whose role and
    area let him act may know.
    """
    rows = _REPLAY.rows(session, {"action_id": stamp.action_id})
    if not rows:
        return None
    row = rows[0]
    if row.answer is None or row.request_hash != stamp.request_hash:
        if not tells_reuse:
            return None
        raise ActionIdReused("Make a new id for a new action.", "该操作编号已用于另一请求，请使用新的编号。")
    return ActionAnswer(row.answer, is_replay=True)


_REPLAY = Prepared(
    select(col(HazardEvent.request_hash), col(HazardEvent.answer)).where(col(HazardEvent.id) == bindparam("action_id"))
)


def move(turn: Turn, status: Status) -> None:
    """Set the status; called by deeds only, inside ``act``."""
    turn.hazard.status = status


def add_system_event(
    session: Session,
    hazard: Hazard,
    action: Action,
    *,
    now: datetime,
    detail: dict[str, object] | None = None,
    from_status: Status | None = None,
) -> None:
    """What the system itself did to a locked hazard whose fields are set already; the caller publishes.

    ``from_status`` is the status before, where it changed. ``last_event_at`` stays: people's times are held
    against what people did.
    """
    hazard.version += 1
    session.add(
        HazardEvent(
            hazard_id=hazard.id,
            version=hazard.version,
            action=action,
            occurred_at=now,
            recorded_at=now,
            from_status=from_status or hazard.status,
            to_status=hazard.status,
            round=hazard.round,
            detail=detail or {},
        )
    )
    session.flush()


def _begin(session: Session, actor: Actor, hazard: Hazard, stamp: Stamp, action: Action) -> Turn:
    """Version or round, then the guards that need no evidence, then whether the evidence counts."""
    void = find_pending_void(session, hazard.id)
    case, parts = case_of(hazard, void), parts_of(actor, hazard, void)
    when = _business_time(actor, hazard, stamp, action)
    if action in DECISIONS:
        _check_version(hazard, stamp)
    if stamp.base_round is not None:
        _check_round(actor, hazard, stamp)
    if (refusal := refusal_of(action, actor.role, case, parts)) is not None:
        raise _with_state(refusal, actor, case, parts)
    photos = check_evidence(session, actor, stamp.photo_ids)
    return Turn(session, actor, hazard, stamp, action, when, case, parts, void, hazard.version, photos)


def _with_state(refusal: DomainError, actor: Actor, case: Case, parts: frozenset[Part]) -> DomainError:
    if isinstance(refusal, IllegalAction):
        refusal.members |= {
            "current_status": case.status,
            "allowed_actions": list(allowed_actions(actor.role, case, parts)),
        }
    return refusal


def _check_version(hazard: Hazard, stamp: Stamp) -> None:
    if stamp.base_version is None:
        raise VersionMissing(
            "Send base_version: the version you decided on.", "请提交 base_version（所依据的版本号）。"
        )
    if stamp.base_version != hazard.version:
        raise Stale(
            "Someone changed it first; reload and decide again.",
            "数据已被他人更新，请刷新后重新审批。",
            current_version=hazard.version,
        )


def _check_round(actor: Actor, hazard: Hazard, stamp: Stamp) -> None:
    """Done in another round, or before the last re-inspection or refusal: to be handed in instead.

    A clock that cannot be believed at all says nothing about before and after.
    """
    stated = believe(stamp.at, stamp.offset_ms or 0, received=stamp.received_at)
    is_told = actor.role in _IN_THE_FIELD and not stated.clock_suspect
    last = max(filter(None, (hazard.round_began_at, hazard.reinspected_at)), default=None)
    before = is_told and last is not None and stated.at < last
    if stamp.base_round != hazard.round or before:
        raise OtherRound(
            "This was done in another round; hand it in to the office.",
            "该操作属于另一轮整改，请转交安全办处理。",
            current_round=hazard.round,
            current_status=hazard.status,
        )


def _business_time(actor: Actor, hazard: Hazard, stamp: Stamp, action: Action) -> BusinessTime:
    """The device's time counts only for field actions of inspectors and officers."""
    if action not in FIELD_ACTIONS or actor.role not in _IN_THE_FIELD:
        return BusinessTime(stamp.received_at, clock_suspect=False)
    return believe(stamp.at, stamp.offset_ms, received=stamp.received_at, not_before=hazard.last_event_at)


def _record(turn: Turn) -> ActionAnswer:
    """Row, history and answer change together."""
    hazard, stamp = turn.hazard, turn.stamp
    if turn.action is not Action.COMMENT:
        hazard.version += 1
        hazard.last_event_at = max(hazard.last_event_at, turn.when.at)
    insert_rows(turn.session, [(_EVENTS, [_event_row(turn)])])
    name_for_action(turn.session, hazard, stamp.photo_ids, checked=turn.photos, event_id=stamp.action_id, now=turn.now)
    record, _ = read_hazard(turn.session, turn.actor, hazard.id, today=business_date(turn.now))
    answer = f'{{"event_id":"{stamp.action_id}","hazard":{record}}}'
    _ANSWERED.rows(turn.session, {"action_id": stamp.action_id, "first_answer": answer})
    return ActionAnswer(answer)


_EVENTS: Table = HazardEvent.metadata.tables["hazard_event"]
_ANSWERED = Prepared(
    update(_EVENTS).where(_EVENTS.c.id == bindparam("action_id")).values(answer=bindparam("first_answer"))
)


def _event_row(turn: Turn) -> dict[str, Any]:
    hazard, stamp, place = turn.hazard, turn.stamp, turn.stamp.place
    return {
        "id": stamp.action_id,
        "hazard_id": hazard.id,
        "version": hazard.version,
        "action": turn.action,
        "actor_id": turn.actor.id,
        "actor_role": turn.actor.role,
        "occurred_at": turn.when.at,
        "recorded_at": turn.now,
        "stated_at": stamp.at,
        "offset_ms": stamp.offset_ms,
        "latitude": place.latitude if place else None,
        "longitude": place.longitude if place else None,
        "accuracy_m": place.accuracy_m if place else None,
        "from_status": turn.case.status,
        "to_status": hazard.status,
        "round": hazard.round,
        "was_stale": stamp.base_version is not None and stamp.base_version != turn.version_before,
        "clock_suspect": turn.when.clock_suspect,
        "note": stamp.note,
        "detail": turn.detail,
        "request_hash": stamp.request_hash,
        "answer": None,
    }


def withdraw_void(session: Session, hazard: Hazard, void: VoidRequest | None, *, now: datetime) -> None:
    """What was done in the field withdraws a pending request to void the locked hazard."""
    if void is None:
        return
    void.state = "withdrawn"
    void.decided_at = now
    add_system_event(session, hazard, Action.WITHDRAW_VOID, now=now, detail={"void_id": str(void.id)})
