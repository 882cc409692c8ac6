"""Who may do what: one line for each operation of the API. Source: lifecycle.md, «Roles».

``xiaohao matrix`` prints it, and ``tests/test_matrix.py`` tries every line with every role inside and outside its area.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from app.domain.lifecycle import ROLES_OF, Action
from app.domain.vocabulary import Role


class Outside(StrEnum):
    """What somebody in the right role is told of what lies outside his area."""

    NOT_FOUND = "not found"
    LEFT_OUT = "left out"
    """Lists, counts and pages are made without it."""
    OWN = "own"
    """The operation concerns the caller alone."""
    OPEN = "open"
    """Without a sign-in, for whoever asks."""


@dataclass(frozen=True, slots=True)
class Permission:
    """The roles that an operation is for, and whether machine clients of a district may call it."""

    roles: frozenset[Role]
    outside: Outside
    machines: bool = False


def _people(roles: AbstractSet[Role], outside: Outside) -> Permission:
    return Permission(frozenset(roles), outside)


def _machines(outside: Outside) -> Permission:
    return Permission(frozenset(), outside, machines=True)


def _action(*actions: Action) -> Permission:
    """Whoever may take one of them; a case may narrow it. The lifecycle has the rule."""
    return _people(frozenset().union(*(ROLES_OF[action] for action in actions)), Outside.NOT_FOUND)


_EVERY_ROLE = frozenset(Role)
_FIELD = frozenset({Role.INSPECTOR, Role.OFFICER})
_CASE = _FIELD | {Role.OFFICE, Role.LEADER, Role.DISTRICT}
"""Who reads hazards, premises, inspections and photos, and delivers photos."""
_OFFICE = frozenset({Role.OFFICE})
_ADMIN = frozenset({Role.ADMIN})

_OPEN = Permission(_EVERY_ROLE, Outside.OPEN, machines=True)
_ONESELF = Permission(_EVERY_ROLE, Outside.OWN, machines=True)
_N, _L = Outside.NOT_FOUND, Outside.LEFT_OUT

PERMISSIONS = MappingProxyType(
    {
        # hazards
        "get_hazards": _people(_CASE, _L),
        "get_hazard_summary": _people(_CASE, _L),
        "get_one_hazard": _people(_CASE, _N),
        "get_timeline": _people(_CASE, _N),
        "post_rectification": _action(Action.CLAIM_RECTIFIED),
        "post_reinspection": _action(Action.PASS_REINSPECTION, Action.FAIL_REINSPECTION),
        "post_confirmation": _action(Action.CONFIRM, Action.REFUSE),
        "post_interim_measures": _action(Action.SET_INTERIM_MEASURES),
        "post_determination": _action(Action.DETERMINE_MAJOR, Action.DETERMINE_GENERAL),
        "post_void": _action(Action.ASK_VOID),
        "post_void_decision": _action(Action.GRANT_VOID, Action.REFUSE_VOID),
        "post_comment": _action(Action.COMMENT),
        # inspections
        "put_inspection": _people(_FIELD, _N),
        "get_inspections": _people(_CASE, _L),
        "get_one_inspection": _people(_CASE, _N),
        # photos
        "post_photo": _people(_CASE, Outside.OWN),
        "get_one_photo": _people(_CASE, _N),
        "get_photo_content": Permission(_CASE, _N, machines=True),
        "get_photo_thumbnail": _people(_CASE, _N),
        # the register
        "list_premises": _people(_CASE, _L),
        "get_premises": _people(_CASE, _N),
        "register_premises": _people(_OFFICE, _N),
        # areas, people, clients
        "list_areas": _people(_EVERY_ROLE, _L),
        "get_area": _people(_EVERY_ROLE, _N),
        "create_area": _people(_ADMIN, _N),
        "list_users": _people(_ADMIN, _L),
        "get_user": _people(_ADMIN, _N),
        "create_user": _people(_ADMIN, _N),
        "deactivate_user": _people(_ADMIN, _N),
        "reset_password": _people(_ADMIN, _N),
        "list_sessions_of_user": _people(_ADMIN, _N),
        "end_session_of_user": _people(_ADMIN, _N),
        "end_sessions_of_user": _people(_ADMIN, _N),
        "list_clients": _people(_ADMIN, _L),
        "get_client": _people(_ADMIN, _N),
        "create_client": _people(_ADMIN, _N),
        "deactivate_client": _people(_ADMIN, _N),
        # the district's machines
        "list_changes": _machines(_L),
        "get_feed_status": _machines(_L),
        "get_hazard_record": _machines(_N),
        # whoever it is
        "get_me": _ONESELF,
        "revoke_token": _ONESELF,
        "list_my_sessions": _ONESELF,
        "end_my_session": _ONESELF,
        "end_my_sessions": _ONESELF,
        "issue_token": _OPEN,
        "change_password": _OPEN,
        "get_receipt_keys": _OPEN,
        "check_health": _OPEN,
        "check_readiness": _OPEN,
        "read_metrics": _OPEN,
    }
)
"""By ``operationId``."""
