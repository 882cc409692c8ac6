"""The order of every action on a hazard; ``together`` writes several at once.

Replay → role → load in scope with a lock → replay → version or round → guards → row, event and feed
together. Source: lifecycle.md, «Actions».
"""

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
from app.domain.vocabulary import FeedType, Role
from app.models import Hazard, HazardEvent, VoidRequest
from app.queries.hazards import case_of, find_pending_void, get_hazard, parts_of, read_hazard
from app.services.answers import WriteAnswer
from app.services.changes import publish
from app.services.evidence import check_evidence, name_for_action
from app.services.hazards.history import count_version, event_row, withdraw_void
from app.services.hazards.turn import Asked, Stamp, Turn


class ActionIdReused(Conflict):
    code, title, title_zh = "action-id-reused", "This action id was used for another request", "操作编号已被使用"


class OtherRound(Conflict):
    code, title, title_zh = "other-round", "The hazard has moved on to another round", "隐患已进入新一轮整改"


_IN_THE_FIELD = frozenset({Role.INSPECTOR, Role.OFFICER})


def act(session: Session, asked: Asked) -> WriteAnswer:
    """Do what is asked: its deed changes the locked hazard; row, event and feed are written together.

    Raises ``ActionIdReused``, ``Forbidden``, ``NotFound``, ``VersionMissing``, ``Stale``, ``OtherRound``,
    ``IllegalAction``, ``PhotoMissing``, ``PhotoReused``, ``PhotoUnreadable`` and what the deed raises;
    then nothing has changed.
    """
    answer = act_unpublished(session, asked)
    if not answer.is_replay and asked.action is not Action.COMMENT:
        publish(session, FeedType.PHOTO, asked.stamp.photo_ids, now=asked.stamp.received_at)
        publish(session, FeedType.HAZARD, [asked.hazard_id], now=asked.stamp.received_at)
    return answer


def act_unpublished(session: Session, asked: Asked) -> WriteAnswer:
    """The same for a caller that locks several hazards first and publishes last."""
    if (earlier := find_replay(session, asked.stamp)) is not None:
        return earlier
    require_role(asked.actor, *ROLES_OF[asked.action])
    hazard = get_hazard(session, asked.actor, asked.hazard_id, lock=True)
    if (earlier := find_replay(session, asked.stamp, tells_reuse=True)) is not None:
        return earlier
    turn = open_turn(session, asked, hazard, find_pending_void(session, hazard.id))
    if asked.action in FIELD_ACTIONS:
        withdraw_void(session, hazard, turn.void, now=turn.now)
    asked.deed(turn)
    return _record(turn)


def find_replay(session: Session, stamp: Stamp, *, tells_reuse: bool = False) -> WriteAnswer | None:
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
    return WriteAnswer(row.answer, is_replay=True)


_REPLAY = Prepared(
    select(col(HazardEvent.request_hash), col(HazardEvent.answer)).where(col(HazardEvent.id) == bindparam("action_id"))
)


def open_turn(session: Session, asked: Asked, hazard: Hazard, void: VoidRequest | None) -> Turn:
    """Version or round, then the guards that need no evidence, then whether the evidence counts.

    ``hazard`` is locked, ``void`` its pending request. Raises what ``act`` raises of these.
    """
    actor, stamp, action = asked.actor, asked.stamp, asked.action
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


def _record(turn: Turn) -> WriteAnswer:
    """Row, history and answer change together."""
    hazard, stamp = turn.hazard, turn.stamp
    count_version(turn)
    insert_rows(turn.session, [(EVENTS, [event_row(turn, answer=None)])])
    name_for_action(turn.session, hazard, stamp.photo_ids, checked=turn.photos, event_id=stamp.action_id, now=turn.now)
    record, _ = read_hazard(turn.session, turn.actor, hazard.id, today=business_date(turn.now))
    answer = answer_of(stamp, record)
    _ANSWERED.rows(turn.session, {"action_id": stamp.action_id, "first_answer": answer})
    return WriteAnswer(answer)


def answer_of(stamp: Stamp, record: str) -> str:
    """What the client gets, from the hazard as it reads now."""
    return f'{{"event_id":"{stamp.action_id}","hazard":{record}}}'


EVENTS: Table = HazardEvent.metadata.tables["hazard_event"]
_ANSWERED = Prepared(
    update(EVENTS).where(EVENTS.c.id == bindparam("action_id")).values(answer=bindparam("first_answer"))
)
