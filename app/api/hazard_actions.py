"""Acting on a hazard: each act is a sub-resource, its id made by the client. Source: contract.md, «Hazards»."""

from collections.abc import Callable
from typing import Any  # what FastAPI calls responses
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.api.deps import AsReceived, AtRuntime, CurrentActor
from app.api.hazard_schemas import (
    ActionAnswerRead,
    Comment,
    Confirmation,
    DeterminationIn,
    InterimMeasures,
    Rectification,
    Reinspection,
    VoidDecision,
    VoidIn,
)
from app.api.hazards import json_response
from app.api.one_hop import OneHop
from app.core.database import Database
from app.domain.vocabulary import Severity
from app.services.hazards.act import ActionAnswer
from app.services.hazards.claim import claim_rectified
from app.services.hazards.comment import comment
from app.services.hazards.confirm import decide_close_out
from app.services.hazards.determine import Determination, determine
from app.services.hazards.interim import set_interim_measures
from app.services.hazards.reinspect import Verdict, reinspect
from app.services.hazards.voids import ask_void, decide_void

router = APIRouter(prefix="/api/v1/hazards/{hazard_id}", tags=["field", "office"], route_class=OneHop)

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": ActionAnswerRead, "description": "the same request again: the first answer"}
}


def run_action(db: Database, use_case: Callable[[Session], ActionAnswer]) -> Response:
    """One transaction, tried again once when another request took the same id or photo first."""
    try:
        with db.write() as session:
            answer = use_case(session)
    except IntegrityError:
        with db.write() as session:
            answer = use_case(session)
    return json_response(answer.body, 200 if answer.is_replay else 201)


def action_route(path: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """A POST that answers 201 first and 200 with the first answer after."""
    return router.post(path, status_code=201, response_model=ActionAnswerRead, responses=ANSWERS)


@action_route("/rectifications")
def post_rectification(
    hazard_id: UUID, body: Rectification, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Response:
    """整改反馈: say that it is fixed, with an after-photo; a re-inspection follows."""
    stamp = body.stamp(received)
    return run_action(runtime.db, lambda session: claim_rectified(session, actor, hazard_id, stamp))


@action_route("/reinspections")
def post_reinspection(
    hazard_id: UUID, body: Reinspection, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Response:
    """复查: passed with an after-photo, or failed with a photo or a reason."""
    stamp = body.stamp(received)
    return run_action(
        runtime.db,
        lambda session: reinspect(
            session,
            actor,
            hazard_id,
            stamp,
            verdict=Verdict(body.result == "pass", body.reason_code),
            calendar=runtime.calendars.current(session),
        ),
    )


@action_route("/confirmations")
def post_confirmation(
    hazard_id: UUID, body: Confirmation, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Response:
    """销号审批: a second person confirms the close-out or refuses it."""
    stamp = body.stamp(received)
    return run_action(
        runtime.db,
        lambda session: decide_close_out(
            session,
            actor,
            hazard_id,
            stamp,
            confirms=body.decision == "confirm",
            calendar=runtime.calendars.current(session),
        ),
    )


@action_route("/interim-measures")
def post_interim_measures(
    hazard_id: UUID, body: InterimMeasures, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Response:
    """防范措施: what keeps people safe until it is rectified."""
    stamp = body.stamp(received)
    return run_action(
        runtime.db,
        lambda session: set_interim_measures(session, actor, hazard_id, stamp, measures=body.measures),
    )


@action_route("/determinations")
def post_determination(
    hazard_id: UUID, body: DeterminationIn, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Response:
    """重大判定: record a person's judgement; the severity becomes its verdict."""
    stamp = body.stamp(received)
    judged = Determination(
        verdict=Severity(body.verdict),
        standard=body.standard,
        edition=body.edition,
        clauses=tuple(body.clauses),
        facts_used=tuple(body.facts_used),
        facts_missing=tuple(body.facts_missing),
        members=tuple(body.members),
    )
    return run_action(runtime.db, lambda session: determine(session, actor, hazard_id, stamp, determination=judged))


@action_route("/voids")
def post_void(hazard_id: UUID, body: VoidIn, received: AsReceived, actor: CurrentActor, runtime: AtRuntime) -> Response:
    """作废申请: ask that an entry made by mistake be voided."""
    stamp = body.stamp(received)
    return run_action(
        runtime.db,
        lambda session: ask_void(session, actor, hazard_id, stamp, reason=body.reason, duplicate_of=body.duplicate_of),
    )


@action_route("/voids/{void_id}/decision")
def post_void_decision(
    hazard_id: UUID,
    void_id: UUID,
    body: VoidDecision,
    received: AsReceived,
    actor: CurrentActor,
    runtime: AtRuntime,
) -> Response:
    """作废审批: a leader grants or refuses it."""
    stamp = body.stamp(received)
    return run_action(
        runtime.db,
        lambda session: decide_void(session, actor, hazard_id, stamp, void_id=void_id, grants=body.decision == "grant"),
    )


@action_route("/comments")
def post_comment(
    hazard_id: UUID, body: Comment, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Response:
    """A remark in the history; it does not raise the version."""
    stamp = body.stamp(received)
    return run_action(runtime.db, lambda session: comment(session, actor, hazard_id, stamp))
