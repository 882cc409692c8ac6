"""Where one is signed in, and ending it: one's own sessions, and those of a person for administrators."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import Actor, require
from app.api.deps import AtRuntime, CurrentActor, Db, Now
from app.api.fields import Instant, Storable
from app.core.clock import business_date
from app.queries.accounts import get_user
from app.queries.paging import DEFAULT_LIMIT, MAX_LIMIT, Page
from app.queries.sign_ins import SignInRecord, list_sign_ins
from app.services import sign_ins

router = APIRouter(prefix="/api/v1", tags=["office"])
own = APIRouter(prefix="/api/v1/me", tags=["field", "office", "district"])


class SessionRead(BaseModel):
    """All that one sign-in opened, on one device."""

    id: UUID
    app: str = Field(description="X-App at sign-in or the last refresh; empty where it is not known")
    device: str = Field(description="User-Agent, likewise")
    address: str = Field(description="network address, likewise")
    signed_in_at: Instant
    last_used_at: Instant = Field(description="to the minute, written within half a minute")
    is_current: bool = Field(description="whether you ask from it")


class SessionPage(BaseModel):
    """Sessions that are still good, the newest sign-in first."""

    items: list[SessionRead]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[SignInRecord], actor: Actor) -> Self:
        """The schema of a page."""
        items = [
            SessionRead(
                id=one.id,
                app=one.app,
                device=one.device,
                address=one.address,
                signed_in_at=one.signed_in_at,
                last_used_at=one.last_used_at,
                is_current=one.id == actor.sign_in_id,
            )
            for one in page.items
        ]
        return cls(items=items, next_cursor=page.next_cursor)


class SessionQuery(BaseModel):
    """Which of them."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(max_length=400), Storable] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


@own.get("/sessions")
def list_my_sessions(
    query: Annotated[SessionQuery, Query()], actor: CurrentActor, runtime: AtRuntime, now: Now
) -> SessionPage:
    """Where you are signed in."""
    runtime.last_used.write()
    with runtime.db.read() as session:
        page = list_sign_ins(session, actor, actor.id, now=now, after=query.cursor, limit=query.limit)
    return SessionPage.of(page, actor)


@own.delete("/sessions", status_code=204)
def end_my_sessions(
    actor: CurrentActor,
    db: Db,
    now: Now,
    keep_current: Annotated[bool, Query(description="spare the session that asks")] = False,
) -> None:
    """Sign out everywhere."""
    with db.write() as session:
        sign_ins.end_own(session, actor, keep_current=keep_current, now=now)


@own.delete("/sessions/{session_id}", status_code=204)
def end_my_session(session_id: UUID, actor: CurrentActor, db: Db, now: Now) -> None:
    """Sign out of one device."""
    with db.write() as session:
        sign_ins.end_own(session, actor, sign_in_id=session_id, now=now)


@router.get("/users/{user_id}/sessions")
def list_sessions_of_user(
    user_id: UUID, query: Annotated[SessionQuery, Query()], actor: CurrentActor, runtime: AtRuntime, now: Now
) -> SessionPage:
    """Where a person of your area is signed in (administrators)."""
    require(actor, "list_sessions_of_user")
    runtime.last_used.write()
    with runtime.db.read() as session:
        user = get_user(session, actor, user_id, today=business_date(now))
        page = list_sign_ins(session, actor, user.id, now=now, after=query.cursor, limit=query.limit)
    return SessionPage.of(page, actor)


@router.delete("/users/{user_id}/sessions", status_code=204)
def end_sessions_of_user(user_id: UUID, actor: CurrentActor, db: Db, now: Now) -> None:
    """Sign a person of your area out everywhere (administrators)."""
    with db.write() as session:
        sign_ins.end_of_user(session, actor, user_id, now=now)


@router.delete("/users/{user_id}/sessions/{session_id}", status_code=204)
def end_session_of_user(user_id: UUID, session_id: UUID, actor: CurrentActor, db: Db, now: Now) -> None:
    """Sign a person of your area out of one device (administrators)."""
    with db.write() as session:
        sign_ins.end_of_user(session, actor, user_id, sign_in_id=session_id, now=now)
