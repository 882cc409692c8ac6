"""复查: somebody looks whether it is fixed."""

from dataclasses import dataclass
from uuid import UUID

from app.access.actor import Actor
from app.core.clock import business_date
from app.core.errors import Rejected, at
from app.domain.lifecycle import Action, next_status
from app.domain.vocabulary import CloseReason, FailReason, Status
from app.services.evidence import require_proof_of_fix
from app.services.hazards.due import renew_due
from app.services.hazards.flags import flag_sources
from app.services.hazards.turn import Asked, CalendarOf, Stamp, Turn, move


class FailWithoutProof(Rejected):
    code, title, title_zh = "reason-missing", "A fail needs a photo or a reason", "复查不通过须附照片或选择原因"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the re-inspection found; a fail without a photo needs a reason."""

    passed: bool
    reason: FailReason | None = None

    @property
    def action(self) -> Action:
        return Action.PASS_REINSPECTION if self.passed else Action.FAIL_REINSPECTION


def reinspect(actor: Actor, hazard_id: UUID, stamp: Stamp, *, verdict: Verdict, calendar_of: CalendarOf) -> Asked:
    """Record a re-inspection: passed with an after-photo of it, or failed with a photo or a reason.

    A pass closes, or waits for confirmation where a second person must look (``next_status``). A fail
    begins another round; before the due date and without a claim it sets no new date. The deed raises
    ``EvidenceMissing`` or ``FailWithoutProof``.
    """

    def fail(turn: Turn) -> None:
        _fail(turn, verdict.reason, calendar_of)

    return Asked(actor, hazard_id, stamp, verdict.action, _pass if verdict.passed else fail)


def _pass(turn: Turn) -> None:
    hazard = turn.hazard
    require_proof_of_fix(hazard, turn.photos)
    flag_sources(hazard, turn.photos)
    hazard.reinspector_id = turn.actor.id
    hazard.reinspected_at = turn.when.at
    status = next_status(turn.case, turn.action, turn.parts)
    if status is Status.CLOSED:
        hazard.close_reason = CloseReason.RECTIFIED
        hazard.closed_at = turn.when.at
    move(turn, status)


def _fail(turn: Turn, reason: FailReason | None, calendar_of: CalendarOf) -> None:
    hazard = turn.hazard
    if not turn.photos and reason is None:
        faults = [at("/reason_code", "field-missing", "reason_code")]
        raise FailWithoutProof("Send a photo or a reason_code.", "请附照片或选择不通过原因。", errors=faults)
    failed_on = business_date(turn.when.at)
    turn.detail = {"reason_code": reason, "due_on": str(hazard.due_on)}
    begin_round(turn)
    in_time = hazard.due_on is None or failed_on <= hazard.due_on
    if turn.case.has_claim or not in_time:
        renew_due(hazard, failed_on, calendar_of(turn.session))


def begin_round(turn: Turn) -> None:
    """Back to rectifying: the claim and the re-inspection of this round are over."""
    hazard = turn.hazard
    hazard.round += 1
    hazard.round_began_at = turn.when.at
    hazard.claimant_id = hazard.claimed_at = None
    hazard.reinspector_id = hazard.reinspected_at = None
    move(turn, next_status(turn.case, turn.action, turn.parts))
