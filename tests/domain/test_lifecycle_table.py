"""Every status with every action, held against the table of the design written down once more.

Source: lifecycle.md, «Actions», «Four eyes compares natural persons».
"""

from itertools import chain, combinations, product

import pytest

from app.core.errors import Forbidden
from app.domain.lifecycle import (
    DECISIONS,
    FIELD_ACTIONS,
    NOT_BY,
    OFFERED,
    ROLES_OF,
    STATUS_ZH,
    TRANSITIONS,
    Action,
    Case,
    DeterminationMissing,
    FourEyes,
    IllegalAction,
    Part,
    VoidPending,
    allowed_actions,
    next_status,
    refusal_of,
)
from app.domain.vocabulary import CHASED, FINAL, Role, Severity, Status

R, W, C = "rectifying", "awaiting_reinspection", "awaiting_confirmation"
T, S, CLOSED, VOIDED = "transferred", "suspended", "closed", "voided"
OPEN = f"{R} {W} {C} {T} {S}"
ALL = f"{OPEN} {CLOSED} {VOIDED}"
SAME = "unchanged"

TABLE = """
claim_rectified        | rectifying | awaiting_reinspection
pass_reinspection      | rectifying awaiting_reinspection | closed
fail_reinspection      | rectifying awaiting_reinspection | rectifying
confirm                | awaiting_confirmation | closed
refuse                 | awaiting_confirmation | rectifying
request_extension      | rectifying | unchanged
grant_extension        | rectifying | unchanged
refuse_extension       | rectifying | unchanged
set_interim_measures   | OPEN | unchanged
determine_major        | OPEN | unchanged
determine_general      | OPEN | unchanged
supervise              | OPEN | unchanged
delist                 | OPEN | unchanged
transfer               | rectifying awaiting_reinspection | transferred
record_transfer_result | transferred | unchanged
close_by_transfer      | transferred | closed
return_transfer        | transferred | rectifying
suspend                | rectifying | suspended
resume                 | suspended | rectifying
ask_premises_gone      | OPEN | unchanged
grant_premises_gone    | OPEN | closed
refuse_premises_gone   | OPEN | unchanged
ask_void               | OPEN | unchanged
grant_void             | OPEN | voided
refuse_void            | OPEN | unchanged
correct                | OPEN | unchanged
reassign               | OPEN | unchanged
comment                | ALL | unchanged
close_on_site          | awaiting_reinspection | closed
complete_evidence      | ALL | unchanged
lose_evidence          | ALL | unchanged
withdraw_void          | OPEN | unchanged
lapse_void             | OPEN | unchanged
move_due_date          | OPEN | unchanged
"""


def _written_down() -> dict[tuple[str, str], str]:
    targets = {}
    for line in TABLE.strip().splitlines():
        action, sources, target = (part.strip() for part in line.split("|"))
        for source in sources.replace("OPEN", OPEN).replace("ALL", ALL).split():
            targets[source, action] = source if target == SAME else target
    return targets


WRITTEN_DOWN = _written_down()
WHO = {
    "claim_rectified": "inspector officer office",
    "pass_reinspection": "inspector officer",
    "fail_reinspection": "inspector officer",
    "confirm": "office leader district",
    "refuse": "office leader district",
    "set_interim_measures": "inspector officer office",
    "determine_major": "office leader district",
    "determine_general": "leader district",
    "ask_void": "office",
    "grant_void": "leader district",
    "refuse_void": "leader district",
    "comment": "inspector officer office leader district",
}
"""Who may take the offered actions on a general hazard."""
ALL_PARTS = [frozenset(some) for some in chain.from_iterable(combinations(Part, size) for size in range(len(Part) + 1))]
NOBODY: frozenset[Part] = frozenset()


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("status", Status)
def test_every_status_with_every_action(status: Status, action: Action) -> None:
    target = WRITTEN_DOWN.get((status.value, action.value))
    if target is None:
        with pytest.raises(IllegalAction):
            next_status(Case(status, Severity.GENERAL), action)
    else:
        assert next_status(Case(status, Severity.GENERAL), action) == target


def test_the_statuses_are_the_designs() -> None:
    assert {status.value for status in Status} == set(ALL.split())
    assert {status.value for status in FINAL} == {CLOSED, VOIDED}
    assert {status.value for status in CHASED} == {R, W, C}
    assert set(STATUS_ZH) == set(Status)


def test_nothing_leads_out_of_a_final_status() -> None:
    assert all(target == source for (source, _), target in TRANSITIONS.items() if source in FINAL)


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("has_claim", [True, False])
@pytest.mark.parametrize("parts", ALL_PARTS, ids=lambda parts: "+".join(sorted(parts)) or "nobody")
def test_a_pass_waits_for_a_second_person(severity: Severity, has_claim: bool, parts: frozenset[Part]) -> None:
    status = Status.AWAITING_REINSPECTION if has_claim else Status.RECTIFYING
    own_work = "claimant" in parts if has_claim else "reporter" in parts
    waits = severity != "general" or own_work
    case = Case(status, severity, has_claim=has_claim)
    assert next_status(case, Action.PASS_REINSPECTION, parts) == (C if waits else CLOSED)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", OFFERED)
def test_who_may_on_a_general_hazard(action: Action, role: Role) -> None:
    may = role.value in WHO[action.value].split()
    assert (role in ROLES_OF[action]) is may
    status = next(Status(source) for source, taken in WRITTEN_DOWN if taken == action.value)
    severity = Severity.SUSPECTED_MAJOR if action is Action.DETERMINE_GENERAL else Severity.GENERAL
    case = Case(status, severity, void_pending="_void" in action and action is not Action.ASK_VOID)
    refusal = refusal_of(action, role, case, NOBODY)
    assert refusal is None if may else isinstance(refusal, Forbidden)


@pytest.mark.parametrize(
    ("action", "severity", "supervised", "roles"),
    [
        ("confirm", "general", False, "office leader district"),
        ("confirm", "suspected_major", False, "leader district"),
        ("confirm", "major", False, "leader district"),
        ("refuse", "major", False, "leader district"),
        ("determine_general", "suspected_major", False, "leader district"),
        ("determine_general", "suspected_major", True, "district"),
        ("determine_general", "major", False, "district"),
        ("determine_major", "suspected_major", True, "office leader district"),
        ("grant_void", "suspected_major", False, "leader district"),
        ("grant_void", "major", False, "district"),
        ("grant_void", "general", True, "district"),
        ("refuse_void", "major", False, "district"),
        ("ask_void", "major", True, "office"),
    ],
)
def test_the_graver_the_higher(action: str, severity: str, supervised: bool, roles: str) -> None:
    decides_void = action in {"grant_void", "refuse_void"}
    status = Status(C) if action in {"confirm", "refuse"} else Status(R)
    case = Case(
        status,
        Severity(severity),
        has_determination=True,
        void_pending=decides_void,
        is_supervised=supervised,
    )
    may = {role.value for role in Role if refusal_of(Action(action), role, case, NOBODY) is None}
    assert may == set(roles.split())


FOUR_EYES = {
    "confirm": "reporter claimant reinspector determined_general",
    "refuse": "reporter claimant reinspector determined_general",
    "determine_general": "reporter claimant",
    "grant_void": "asked_void reporter",
    "refuse_void": "asked_void reporter",
}


@pytest.mark.parametrize("part", Part)
@pytest.mark.parametrize("action", OFFERED)
def test_four_eyes(action: Action, part: Part) -> None:
    barred = part.value in FOUR_EYES.get(action.value, "").split()
    status = next(Status(source) for source, taken in WRITTEN_DOWN if taken == action.value)
    case = Case(
        status, Severity.SUSPECTED_MAJOR, has_determination=True, void_pending=action in {"grant_void", "refuse_void"}
    )
    role = next(role for role in (Role.DISTRICT, Role.OFFICE, Role.INSPECTOR) if role in ROLES_OF[action])
    refusal = refusal_of(action, role, case, frozenset({part}))
    assert isinstance(refusal, FourEyes) if barred else refusal is None


def test_a_close_out_of_a_grave_hazard_needs_a_determination() -> None:
    for severity, has_determination in product(Severity, [True, False]):
        case = Case(Status(C), severity, has_determination=has_determination)
        missing = severity != "general" and not has_determination
        confirming = refusal_of(Action.CONFIRM, Role.LEADER, case, NOBODY)
        assert isinstance(confirming, DeterminationMissing) if missing else confirming is None
        assert refusal_of(Action.REFUSE, Role.LEADER, case, NOBODY) is None


@pytest.mark.parametrize("action", OFFERED)
def test_a_pending_void_blocks_decisions_only(action: Action) -> None:
    status = next(Status(source) for source, taken in WRITTEN_DOWN if taken == action.value)
    case = Case(status, Severity.SUSPECTED_MAJOR, has_determination=True, void_pending=True)
    role = next(role for role in (Role.DISTRICT, Role.OFFICE, Role.INSPECTOR) if role in ROLES_OF[action])
    blocked = action in {"confirm", "refuse", "determine_major", "determine_general", "ask_void"}
    refusal = refusal_of(action, role, case, NOBODY)
    assert isinstance(refusal, VoidPending) if blocked else refusal is None


def test_nothing_to_decide_without_a_request() -> None:
    for status in Status:
        for action in (Action.GRANT_VOID, Action.REFUSE_VOID):
            refusal = refusal_of(action, Role.LEADER, Case(status, Severity.GENERAL), NOBODY)
            assert isinstance(refusal, IllegalAction)


def _cases() -> list[Case]:
    flags = [True, False]
    return [Case(*facts) for facts in product(Status, Severity, flags, flags, flags, flags)]


@pytest.mark.parametrize("role", Role)
def test_what_is_offered_is_what_is_not_refused(role: Role) -> None:
    for case in _cases():
        for parts in (NOBODY, frozenset({Part.REPORTER}), frozenset({Part.CLAIMANT, Part.ASKED_VOID})):
            offered = set(allowed_actions(role, case, parts))
            may = {action for action in OFFERED if refusal_of(action, role, case, parts) is None}
            assert offered == may
            assert all((case.status, action) in TRANSITIONS and role in ROLES_OF[action] for action in offered)


def test_only_a_comment_is_left_at_the_end() -> None:
    for case in _cases():
        if case.status in FINAL:
            assert set(allowed_actions(Role.OFFICE, case, NOBODY)) == {Action.COMMENT}


def test_auditors_and_administrators_do_nothing() -> None:
    for role in (Role.AUDITOR, Role.ADMIN):
        assert all(role not in roles for roles in ROLES_OF.values())


def test_which_actions_are_decisions() -> None:
    people = set(ROLES_OF) - {Action.REPORT, Action.REPORT_FIXED_ON_SITE, Action.COMMENT}
    assert {action.value for action in FIELD_ACTIONS} == {
        "claim_rectified",
        "pass_reinspection",
        "fail_reinspection",
        "request_extension",
        "set_interim_measures",
    }
    assert people == DECISIONS | FIELD_ACTIONS
    assert set(NOT_BY) <= DECISIONS
