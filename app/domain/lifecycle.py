"""The hazard's lifecycle (隐患闭环): one status, one table, and the guards beside it.

Closed and voided are final. Source: lifecycle.md, «Statuses», «Actions».
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from app.core.errors import Conflict, DomainError, Forbidden
from app.domain.vocabulary import FINAL, Role, Severity, Status


class Action(StrEnum):
    """What can be done to a hazard, and what the system itself does (the last group)."""

    REPORT = "report"
    REPORT_FIXED_ON_SITE = "report_fixed_on_site"
    CLAIM_RECTIFIED = "claim_rectified"
    PASS_REINSPECTION = "pass_reinspection"  # noqa: S105  the word, not a password
    FAIL_REINSPECTION = "fail_reinspection"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    REQUEST_EXTENSION = "request_extension"
    GRANT_EXTENSION = "grant_extension"
    REFUSE_EXTENSION = "refuse_extension"
    SET_INTERIM_MEASURES = "set_interim_measures"
    DETERMINE_MAJOR = "determine_major"
    DETERMINE_GENERAL = "determine_general"
    SUPERVISE = "supervise"
    DELIST = "delist"
    TRANSFER = "transfer"
    RECORD_TRANSFER_RESULT = "record_transfer_result"
    CLOSE_BY_TRANSFER = "close_by_transfer"
    RETURN_TRANSFER = "return_transfer"
    SUSPEND = "suspend"
    RESUME = "resume"
    ASK_PREMISES_GONE = "ask_premises_gone"
    GRANT_PREMISES_GONE = "grant_premises_gone"
    REFUSE_PREMISES_GONE = "refuse_premises_gone"
    ASK_VOID = "ask_void"
    GRANT_VOID = "grant_void"
    REFUSE_VOID = "refuse_void"
    CORRECT = "correct"
    REASSIGN = "reassign"
    COMMENT = "comment"
    CLOSE_ON_SITE = "close_on_site"
    COMPLETE_EVIDENCE = "complete_evidence"
    LOSE_EVIDENCE = "lose_evidence"
    WITHDRAW_VOID = "withdraw_void"
    LAPSE_VOID = "lapse_void"
    MOVE_DUE_DATE = "move_due_date"


class IllegalAction(Conflict):
    code, title, title_zh = "illegal-action", "Not possible in this status", "当前状态下不能执行此操作"


class VoidPending(Conflict):
    code, title, title_zh = "void-pending", "A request to void waits for its decision", "作废申请待审批"


class FourEyes(Conflict):
    code, title, title_zh = "four-eyes", "Someone else must do this", "须由另一人办理"


class DeterminationMissing(Conflict):
    code, title, title_zh = "determination-missing", "A determination must be on record", "尚未作出重大隐患判定"


class Part(StrEnum):
    """What a natural person has already done with a hazard."""

    REPORTER = "reporter"
    CLAIMANT = "claimant"
    REINSPECTOR = "reinspector"
    DETERMINED_GENERAL = "determined_general"
    ASKED_VOID = "asked_void"


@dataclass(frozen=True, slots=True)
class Case:
    """What the guards ask about a hazard."""

    status: Status
    severity: Severity
    has_claim: bool = False
    """A claim stands in this round."""
    is_claimed_by_report: bool = False
    """The claim is the report itself (即查即改): everyone who inspected made it."""
    has_determination: bool = False
    void_pending: bool = False
    is_supervised: bool = False


_S, _A = Status, Action
_OPEN = frozenset(Status) - FINAL
_RECTIFYING = frozenset({_S.RECTIFYING})
_FIELD = frozenset({_S.RECTIFYING, _S.AWAITING_REINSPECTION})


def _to(target: Status, sources: frozenset[Status], action: Action) -> dict[tuple[Status, Action], Status]:
    return {(source, action): target for source in sources}


def _unchanged(sources: frozenset[Status], *actions: Action) -> dict[tuple[Status, Action], Status]:
    return {(source, action): source for source in sources for action in actions}


TRANSITIONS = MappingProxyType(
    _to(_S.AWAITING_REINSPECTION, _RECTIFYING, _A.CLAIM_RECTIFIED)
    | _to(_S.CLOSED, _FIELD, _A.PASS_REINSPECTION)
    | _to(_S.RECTIFYING, _FIELD, _A.FAIL_REINSPECTION)
    | _to(_S.CLOSED, frozenset({_S.AWAITING_CONFIRMATION}), _A.CONFIRM)
    | _to(_S.RECTIFYING, frozenset({_S.AWAITING_CONFIRMATION}), _A.REFUSE)
    | _to(_S.CLOSED, frozenset({_S.AWAITING_REINSPECTION}), _A.CLOSE_ON_SITE)
    | _unchanged(_RECTIFYING, _A.REQUEST_EXTENSION, _A.GRANT_EXTENSION, _A.REFUSE_EXTENSION)
    | _unchanged(_OPEN, _A.SET_INTERIM_MEASURES, _A.DETERMINE_MAJOR, _A.DETERMINE_GENERAL, _A.SUPERVISE, _A.DELIST)
    | _to(_S.TRANSFERRED, _FIELD, _A.TRANSFER)
    | _unchanged(frozenset({_S.TRANSFERRED}), _A.RECORD_TRANSFER_RESULT)
    | _to(_S.CLOSED, frozenset({_S.TRANSFERRED}), _A.CLOSE_BY_TRANSFER)
    | _to(_S.RECTIFYING, frozenset({_S.TRANSFERRED}), _A.RETURN_TRANSFER)
    | _to(_S.SUSPENDED, _RECTIFYING, _A.SUSPEND)
    | _to(_S.RECTIFYING, frozenset({_S.SUSPENDED}), _A.RESUME)
    | _unchanged(_OPEN, _A.ASK_PREMISES_GONE, _A.REFUSE_PREMISES_GONE)
    | _to(_S.CLOSED, _OPEN, _A.GRANT_PREMISES_GONE)
    | _unchanged(_OPEN, _A.ASK_VOID, _A.REFUSE_VOID, _A.WITHDRAW_VOID, _A.LAPSE_VOID)
    | _to(_S.VOIDED, _OPEN, _A.GRANT_VOID)
    | _unchanged(_OPEN, _A.CORRECT, _A.REASSIGN, _A.COMPLETE_EVIDENCE, _A.LOSE_EVIDENCE, _A.MOVE_DUE_DATE)
    | _unchanged(FINAL, _A.COMPLETE_EVIDENCE, _A.LOSE_EVIDENCE)
    | _unchanged(frozenset(Status), _A.COMMENT)
)
"""From status by action to status; a pass may have to wait for a second person (``next_status``)."""

_INSPECTING = frozenset({Role.INSPECTOR, Role.OFFICER})
_LEADING = frozenset({Role.LEADER, Role.DISTRICT})

ROLES_OF = MappingProxyType(
    {
        _A.REPORT: _INSPECTING,
        _A.REPORT_FIXED_ON_SITE: _INSPECTING,
        _A.CLAIM_RECTIFIED: _INSPECTING | {Role.OFFICE},
        _A.PASS_REINSPECTION: _INSPECTING,
        _A.FAIL_REINSPECTION: _INSPECTING,
        _A.CONFIRM: _LEADING | {Role.OFFICE},
        _A.REFUSE: _LEADING | {Role.OFFICE},
        _A.REQUEST_EXTENSION: _INSPECTING,
        _A.GRANT_EXTENSION: _LEADING | {Role.OFFICE},
        _A.REFUSE_EXTENSION: _LEADING | {Role.OFFICE},
        _A.SET_INTERIM_MEASURES: _INSPECTING | {Role.OFFICE},
        _A.DETERMINE_MAJOR: _LEADING | {Role.OFFICE},
        _A.DETERMINE_GENERAL: _LEADING,
        _A.SUPERVISE: _LEADING,
        _A.DELIST: _LEADING,
        _A.TRANSFER: frozenset({Role.OFFICE}),
        _A.RECORD_TRANSFER_RESULT: frozenset({Role.OFFICE}),
        _A.CLOSE_BY_TRANSFER: _LEADING,
        _A.RETURN_TRANSFER: _LEADING,
        _A.SUSPEND: _LEADING,
        _A.RESUME: _LEADING,
        _A.ASK_PREMISES_GONE: frozenset({Role.OFFICE}),
        _A.GRANT_PREMISES_GONE: _LEADING,
        _A.REFUSE_PREMISES_GONE: _LEADING,
        _A.ASK_VOID: frozenset({Role.OFFICE}),
        _A.GRANT_VOID: _LEADING,
        _A.REFUSE_VOID: _LEADING,
        _A.CORRECT: _INSPECTING | {Role.OFFICE},
        _A.REASSIGN: frozenset({Role.OFFICE}),
        _A.COMMENT: frozenset(Role) - {Role.AUDITOR, Role.ADMIN},
    }
)
"""The widest set of roles; a case may narrow it (``refusal_of``). The district holds a leader's powers."""

DECISIONS = frozenset(
    {
        _A.CONFIRM,
        _A.REFUSE,
        _A.GRANT_EXTENSION,
        _A.REFUSE_EXTENSION,
        _A.DETERMINE_MAJOR,
        _A.DETERMINE_GENERAL,
        _A.SUPERVISE,
        _A.DELIST,
        _A.TRANSFER,
        _A.RECORD_TRANSFER_RESULT,
        _A.CLOSE_BY_TRANSFER,
        _A.RETURN_TRANSFER,
        _A.SUSPEND,
        _A.RESUME,
        _A.ASK_PREMISES_GONE,
        _A.GRANT_PREMISES_GONE,
        _A.REFUSE_PREMISES_GONE,
        _A.ASK_VOID,
        _A.GRANT_VOID,
        _A.REFUSE_VOID,
        _A.CORRECT,
        _A.REASSIGN,
    }
)
"""Made on a version; the rest is judged on the state at arrival."""

FIELD_ACTIONS = frozenset(
    {
        _A.CLAIM_RECTIFIED,
        _A.PASS_REINSPECTION,
        _A.FAIL_REINSPECTION,
        _A.REQUEST_EXTENSION,
        _A.SET_INTERIM_MEASURES,
    }
)
"""Done on site, perhaps offline; one of these withdraws a pending request to void."""

OFFERED = (
    _A.CLAIM_RECTIFIED,
    _A.PASS_REINSPECTION,
    _A.FAIL_REINSPECTION,
    _A.CONFIRM,
    _A.REFUSE,
    _A.SET_INTERIM_MEASURES,
    _A.DETERMINE_MAJOR,
    _A.DETERMINE_GENERAL,
    _A.ASK_VOID,
    _A.GRANT_VOID,
    _A.REFUSE_VOID,
    _A.COMMENT,
)
"""The actions that this release serves."""

_VOID_DECISIONS = frozenset({_A.GRANT_VOID, _A.REFUSE_VOID})

NOT_BY: MappingProxyType[Action, frozenset[Part]] = MappingProxyType(
    {
        _A.CONFIRM: frozenset({Part.REPORTER, Part.CLAIMANT, Part.REINSPECTOR, Part.DETERMINED_GENERAL}),
        _A.REFUSE: frozenset({Part.REPORTER, Part.CLAIMANT, Part.REINSPECTOR, Part.DETERMINED_GENERAL}),
        _A.DETERMINE_GENERAL: frozenset({Part.REPORTER, Part.CLAIMANT}),
        _A.GRANT_VOID: frozenset({Part.ASKED_VOID, Part.REPORTER}),
        _A.REFUSE_VOID: frozenset({Part.ASKED_VOID, Part.REPORTER}),
    }
)
"""Four eyes: who may not take an action because of what he did before."""


def next_status(case: Case, action: Action, parts: frozenset[Part] = frozenset()) -> Status:
    """Where ``action`` leads, taken by somebody with these ``parts``; raises ``IllegalAction``.

    A pass waits for confirmation when the hazard is not general, or when the one who passes is the
    claimant or, without a claim, the reporter. Source: lifecycle.md, «Actions».
    """
    target = TRANSITIONS.get((case.status, action))
    if target is None:
        raise IllegalAction(
            f"A {case.status} hazard cannot take {action}.",
            f"隐患当前状态为“{STATUS_ZH[case.status]}”，不能执行此操作。",
        )
    if action is Action.PASS_REINSPECTION:
        own_work = {Part.CLAIMANT} if case.has_claim else {Part.REPORTER}
        if case.is_claimed_by_report:
            own_work.add(Part.REPORTER)
        if case.severity is not Severity.GENERAL or own_work & parts:
            return Status.AWAITING_CONFIRMATION
    return target


def refusal_of(action: Action, role: Role, case: Case, parts: frozenset[Part]) -> DomainError | None:
    """Why somebody in ``role`` with these ``parts`` may not take ``action`` now; None when he may.

    Status first, then a pending void, then the role that this case asks for, then four eyes, then
    what must be on record. Evidence is not asked here. Source: lifecycle.md, «Actions».
    """
    if (case.status, action) not in TRANSITIONS or (action in _VOID_DECISIONS and not case.void_pending):
        return IllegalAction(
            f"A {case.status} hazard cannot take {action}.",
            f"隐患当前状态为“{STATUS_ZH[case.status]}”，不能执行此操作。",
        )
    if action is Action.DETERMINE_GENERAL and case.severity is Severity.GENERAL:
        return IllegalAction("The hazard is general already.", "该隐患已是一般隐患，无需判定。")
    if case.void_pending and action in DECISIONS - _VOID_DECISIONS:
        return VoidPending("Decide the request to void first.", "请先处理作废申请。")
    if role not in _roles_in(action, case):
        return Forbidden("Your role may not do this to such a hazard.", "您的角色无权对此类隐患执行此操作。")
    if parts & NOT_BY.get(action, frozenset()):
        return FourEyes(
            "You took part in this hazard; another person must decide.",
            "您是该隐患的经手人，须由另一人审批（四眼原则）。",
        )
    if action is Action.CONFIRM and case.severity is not Severity.GENERAL and not case.has_determination:
        return DeterminationMissing(
            "Record the determination (major or general) before the close-out.", "销号前须先记录重大隐患判定结论。"
        )
    return None


INTERIM_FROM_DAYS = 15
"""Longer terms need interim measures even for general hazards."""


def needs_interim_measures(severity: Severity, days: int) -> bool:
    """Whether people must be kept safe until it is fixed. Source: lifecycle.md, «set interim measures»."""
    return severity is not Severity.GENERAL or days > INTERIM_FROM_DAYS


@lru_cache(maxsize=4096)
def allowed_actions(role: Role, case: Case, parts: frozenset[Part]) -> tuple[Action, ...]:
    """The offered actions that somebody in ``role`` with these ``parts`` may take now."""
    return tuple(
        action for action in OFFERED if role in ROLES_OF[action] and refusal_of(action, role, case, parts) is None
    )


def _roles_in(action: Action, case: Case) -> frozenset[Role]:
    """The roles that may take ``action`` in this very case."""
    roles = ROLES_OF[action]
    grave = case.severity is Severity.MAJOR or case.is_supervised
    if action in {_A.CONFIRM, _A.REFUSE} and case.severity is not Severity.GENERAL:
        return _LEADING
    if grave and action in {_A.DETERMINE_GENERAL, _A.GRANT_VOID, _A.REFUSE_VOID}:
        return frozenset({Role.DISTRICT})
    return roles


STATUS_ZH = MappingProxyType(
    {
        _S.RECTIFYING: "整改中",
        _S.AWAITING_REINSPECTION: "待复查",
        _S.AWAITING_CONFIRMATION: "待确认销号",
        _S.TRANSFERRED: "已移送",
        _S.SUSPENDED: "挂账",
        _S.CLOSED: "已销号",
        _S.VOIDED: "作废",
    }
)
