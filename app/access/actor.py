"""Who is asking: a natural person or a machine client, with a role and an area."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.core.errors import Forbidden
from app.domain.permissions import PERMISSIONS
from app.domain.vocabulary import AreaLevel, Role

SAME_PERSON_FOR = timedelta(days=30)
"""Source: lifecycle.md, «Four eyes compares natural persons»."""


@dataclass(frozen=True, slots=True)
class ActorArea:
    """An area the actor works in today."""

    id: UUID
    code: str
    level: AreaLevel
    path: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The signed-in person (``client_id`` None) or machine client (``client_id`` set)."""

    id: UUID
    role: Role
    areas: tuple[ActorArea, ...]
    client_id: UUID | None = None
    scope_epoch: int = 1
    credential_links: tuple[tuple[UUID, datetime], ...] = ()
    """Others who made this account or reset its credentials, or whose account this person made; and when."""
    sign_in_id: UUID | None = None
    """What the token in use came from; None for who acts without one."""

    @property
    def is_client(self) -> bool:
        return self.client_id is not None

    @property
    def street_code(self) -> str | None:
        """The nine digits of the actor's street; None for people and clients of a district."""
        if not self.areas or self.areas[0].level is AreaLevel.DISTRICT:
            return None
        return self.areas[0].code[:9]

    @property
    def street_path(self) -> str | None:
        """The path of that street."""
        code = self.street_code
        return None if code is None else f"{code[:6]}/{code}/"

    def is_same_person(self, other_id: UUID | None, acted_at: datetime | None) -> bool:
        """Whether whoever acted as ``other_id`` at ``acted_at`` may have been this very person.

        Whoever made an account or reset its credentials counts as that person from 30 days
        before to any time after the act. Source: lifecycle.md, «Four eyes».
        """
        if other_id is None:
            return False
        if other_id == self.id:
            return True
        return any(
            linked == other_id and (acted_at is None or at >= acted_at - SAME_PERSON_FOR)
            for linked, at in self.credential_links
        )


def require_role(actor: Actor, *roles: Role) -> None:
    """Raise ``Forbidden`` unless the actor is a person with one of ``roles``; for rules finer than an operation."""
    if actor.is_client or actor.role not in roles:
        raise Forbidden("Your role may not do this.", "您的角色无权执行此操作。")


def require(actor: Actor, operation: str) -> None:
    """Raise ``Forbidden`` unless ``PERMISSIONS`` lets the actor do it; no row has been read yet."""
    permission = PERMISSIONS[operation]
    if not (permission.machines if actor.is_client else actor.role in permission.roles):
        raise Forbidden("Your role may not do this.", "您的角色无权执行此操作。")
