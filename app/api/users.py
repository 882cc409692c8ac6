"""People's accounts, for administrators; the schemas of what they send and see."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.actor import require
from app.access.passwords import PasswordRules, hash_password
from app.api.deps import AtRuntime, CurrentActor, Db, Now, get_raw_json
from app.api.fields import Day, Instant, Storable
from app.core.clock import business_date
from app.domain.vocabulary import AreaLevel, Role
from app.queries import accounts as account_queries
from app.queries.accounts import Account
from app.queries.paging import DEFAULT_LIMIT, MAX_LIMIT
from app.services import accounts as account_services
from app.services.accounts import MAX_AREAS, NewUser, Term

router = APIRouter(prefix="/api/v1/users", tags=["office"])

Password = Annotated[
    str,
    Field(max_length=200, description="as set, 10 or more; three of: capitals, small letters, digits, others"),
    Storable,
]


class TermRead(BaseModel):
    """An area somebody works in, between two days in Asia/Shanghai (both included)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="of the area")
    code: str
    name: str
    level: AreaLevel
    valid_from: date
    valid_to: date | None


class UserRead(BaseModel):
    """A person's account."""

    id: UUID
    username: str
    staff_number: str = Field(description="工号: one person, one account")
    name: str
    role: Role
    certificate_no: str | None = Field(description="执法证号")
    certificate_valid_to: date | None
    is_active: bool
    created_at: Instant
    areas: list[TermRead]

    @classmethod
    def of(cls, account: Account) -> Self:
        """The schema of a record."""
        user = account.user
        return cls(
            id=user.id,
            username=user.username,
            staff_number=user.staff_number,
            name=user.name,
            role=user.role,
            certificate_no=user.certificate_no,
            certificate_valid_to=user.certificate_valid_to,
            is_active=user.is_active,
            created_at=user.created_at,
            areas=[TermRead.model_validate(term) for term in account.areas],
        )


class UserPage(BaseModel):
    """Accounts, oldest first."""

    items: list[UserRead]
    next_cursor: str | None


class UserQuery(BaseModel):
    """Which accounts."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    cursor: Annotated[str, Field(max_length=400), Storable] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT


class NewTerm(BaseModel):
    """An area to work in; without dates from today, for good."""

    model_config = ConfigDict(extra="forbid")

    area_id: UUID
    valid_from: Day | None = None
    valid_to: Day | None = None


class NewUserBody(BaseModel):
    """An account to be made."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,39}$")]
    staff_number: Annotated[str, Field(max_length=40, pattern=r"^\S+$"), Storable]
    name: Annotated[str, Field(max_length=60, pattern=r"\S"), Storable]
    role: Role
    password: Password
    certificate_no: Annotated[str, Field(min_length=1, max_length=40), Storable] | None = None
    certificate_valid_to: Day | None = None
    areas: Annotated[list[NewTerm], Field(min_length=1, max_length=MAX_AREAS)]


class NewPassword(BaseModel):
    """A password to be set."""

    model_config = ConfigDict(extra="forbid")

    password: Password


@router.get("")
def list_users(query: Annotated[UserQuery, Query()], actor: CurrentActor, db: Db, now: Now) -> UserPage:
    """The accounts of your area (administrators)."""
    require(actor, "list_users")
    with db.read() as session:
        page = account_queries.list_users(
            session, actor, today=business_date(now), role=query.role, after=query.cursor, limit=query.limit
        )
        return UserPage(items=[UserRead.of(account) for account in page.items], next_cursor=page.next_cursor)


@router.get("/{user_id}")
def get_user(user_id: UUID, actor: CurrentActor, db: Db, now: Now) -> UserRead:
    """An account of your area (administrators)."""
    require(actor, "get_user")
    with db.read() as session:
        return UserRead.of(account_queries.get_account(session, actor, user_id, today=business_date(now)))


@router.post("", status_code=201, dependencies=[Depends(get_raw_json)])
def create_user(body: NewUserBody, actor: CurrentActor, runtime: AtRuntime, now: Now) -> UserRead:
    """Make an account for a person (administrators); for 30 days its maker counts as that person.

    The password opens nothing until its person has changed it, unless the installation is set otherwise.
    """
    require(actor, "create_user")  # before the slow hash, which stays outside the transaction
    rules = PasswordRules.of(runtime.settings)
    new = NewUser(
        username=body.username,
        staff_number=body.staff_number,
        name=body.name,
        role=body.role,
        password_hash=hash_password(body.password, rules),
        terms=[Term(term.area_id, term.valid_from, term.valid_to) for term in body.areas],
        certificate_no=body.certificate_no,
        certificate_valid_to=body.certificate_valid_to,
        must_change_password=rules.change_at_first,
    )
    with runtime.db.write() as session:
        user = account_services.create_user(session, new, now=now, by=actor)
        return UserRead.of(account_queries.get_account(session, actor, user.id, today=business_date(now)))


@router.post("/{user_id}/deactivation")
def deactivate_user(user_id: UUID, actor: CurrentActor, db: Db, now: Now) -> UserRead:
    """Disable an account and sign it out everywhere (administrators)."""
    with db.write() as session:
        account_services.deactivate_user(session, actor, user_id, now=now)
        return UserRead.of(account_queries.get_account(session, actor, user_id, today=business_date(now)))


@router.post("/{user_id}/password", status_code=204, dependencies=[Depends(get_raw_json)])
def reset_password(user_id: UUID, body: NewPassword, actor: CurrentActor, runtime: AtRuntime, now: Now) -> None:
    """Give an account a new password and sign it out everywhere (administrators); its person must change it."""
    require(actor, "reset_password")  # before the slow hash, which stays outside the transaction
    rules = PasswordRules.of(runtime.settings)
    password_hash = hash_password(body.password, rules)
    with runtime.db.write() as session:
        account_services.reset_password(
            session, actor, user_id, password_hash=password_hash, must_change=rules.change_at_first, now=now
        )
