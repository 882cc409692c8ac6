"""What an action is made of: who asks for it, the envelope it came in, and its turn on a locked hazard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from app.access.actor import Actor
from app.domain.business_time import BusinessTime
from app.domain.calendar import WorkCalendar
from app.domain.lifecycle import Action, Case, Part
from app.domain.vocabulary import Status
from app.models import Hazard, Photo, VoidRequest


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
"""Checks an action's own guards and changes the locked hazard of the turn."""

CalendarOf = Callable[[Session], WorkCalendar]
"""The calendar in force, asked for in the transaction that needs it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An action that somebody asks for, not yet allowed."""

    actor: Actor
    hazard_id: UUID
    stamp: Stamp
    action: Action
    deed: Deed

    @property
    def key(self) -> UUID:
        """The client's id of it."""
        return self.stamp.action_id


def move(turn: Turn, status: Status) -> None:
    """Set the status; called by deeds only."""
    turn.hazard.status = status
