"""Acting on a hazard: each act is a sub-resource, its id made by the client. Source: contract.md, «Hazards»."""

from collections.abc import Callable
from typing import Any  # what FastAPI calls responses
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.exc import IntegrityError

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
from app.api.lane import Work, lane_route
from app.domain.vocabulary import Severity
from app.services.answers import WriteAnswer
from app.services.hazards.act import act
from app.services.hazards.claim import claim_rectified
from app.services.hazards.comment import comment
from app.services.hazards.confirm import decide_close_out
from app.services.hazards.determine import Determination, determine
from app.services.hazards.interim import set_interim_measures
from app.services.hazards.reinspect import Verdict, reinspect
from app.services.hazards.together import act_together
from app.services.hazards.turn import Asked
from app.services.hazards.voids import ask_void, decide_void
from app.services.runtime import Runtime


def _act(runtime: Runtime, asked: Asked) -> WriteAnswer:
    with runtime.db.write() as session:
        return act(session, asked)


ACTIONS = Work("actions", _act, (IntegrityError,), act_together)

router = APIRouter(prefix="/api/v1/hazards/{hazard_id}", tags=["field", "office"], route_class=lane_route(ACTIONS))

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": ActionAnswerRead, "description": "the same request again: the first answer"}
}


def action_route(path: str) -> Callable[[Callable[..., Asked]], Callable[..., Asked]]:
    """A POST that answers 201 first and 200 with the first answer after."""
    return router.post(path, status_code=201, response_model=ActionAnswerRead, responses=ANSWERS)


@action_route("/rectifications")
def post_rectification(hazard_id: UUID, body: Rectification, received: AsReceived, actor: CurrentActor) -> Asked:
    """整改反馈: say that it is fixed, with an after-photo; a re-inspection follows."""
    return claim_rectified(actor, hazard_id, body.stamp(received))


@action_route("/reinspections")
def post_reinspection(
    hazard_id: UUID, body: Reinspection, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Asked:
    """复查: passed with an after-photo, or failed with a photo or a reason."""
    verdict = Verdict(body.result == "pass", body.reason_code)
    calendar_of = runtime.calendars.current
    return reinspect(actor, hazard_id, body.stamp(received), verdict=verdict, calendar_of=calendar_of)


@action_route("/confirmations")
def post_confirmation(
    hazard_id: UUID, body: Confirmation, received: AsReceived, actor: CurrentActor, runtime: AtRuntime
) -> Asked:
    """销号审批: a second person confirms the close-out or refuses it."""
    confirms, calendar_of = body.decision == "confirm", runtime.calendars.current
    return decide_close_out(actor, hazard_id, body.stamp(received), confirms=confirms, calendar_of=calendar_of)


@action_route("/interim-measures")
def post_interim_measures(hazard_id: UUID, body: InterimMeasures, received: AsReceived, actor: CurrentActor) -> Asked:
    """防范措施: what keeps people safe until it is rectified."""
    return set_interim_measures(actor, hazard_id, body.stamp(received), measures=body.measures)


@action_route("/determinations")
def post_determination(hazard_id: UUID, body: DeterminationIn, received: AsReceived, actor: CurrentActor) -> Asked:
    """重大判定: record a person's judgement; the severity becomes its verdict."""
    judged = Determination(
        verdict=Severity(body.verdict),
        standard=body.standard,
        edition=body.edition,
        clauses=tuple(body.clauses),
        facts_used=tuple(body.facts_used),
        facts_missing=tuple(body.facts_missing),
        members=tuple(body.members),
    )
    return determine(actor, hazard_id, body.stamp(received), determination=judged)


@action_route("/voids")
def post_void(hazard_id: UUID, body: VoidIn, received: AsReceived, actor: CurrentActor) -> Asked:
    """作废申请: ask that an entry made by mistake be voided."""
    return ask_void(actor, hazard_id, body.stamp(received), reason=body.reason, duplicate_of=body.duplicate_of)


@action_route("/voids/{void_id}/decision")
def post_void_decision(
    hazard_id: UUID, void_id: UUID, body: VoidDecision, received: AsReceived, actor: CurrentActor
) -> Asked:
    """作废审批: a leader grants or refuses it."""
    return decide_void(actor, hazard_id, body.stamp(received), void_id=void_id, grants=body.decision == "grant")


@action_route("/comments")
def post_comment(hazard_id: UUID, body: Comment, received: AsReceived, actor: CurrentActor) -> Asked:
    """A remark in the history; it does not raise the version."""
    return comment(actor, hazard_id, body.stamp(received))
