"""Who: natural persons with one account each, machine clients, and their tokens."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import JSON, false
from sqlmodel import Field, SQLModel

from app.core.ids import uuid7
from app.domain.vocabulary import Role
from app.models.types import Id, UtcDateTime, text_enum


class User(SQLModel, table=True):
    """A natural person's account; ``staff_number`` makes it one account a person."""

    __tablename__ = "user_account"

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    username: str = Field(max_length=40, unique=True)
    staff_number: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=60)
    role: Role = Field(sa_type=text_enum(Role, "role"))
    password_hash: str = Field(max_length=200)
    certificate_no: str | None = Field(default=None, max_length=40)
    certificate_valid_to: date | None = None
    is_active: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)
    password_set_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """None: not since the account was made."""
    must_change_password: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Somebody else chose it."""


class FormerPassword(SQLModel, table=True):
    """A password that its account had before, as its hash; the newest few are kept."""

    __tablename__ = "former_password"

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    user_id: UUID = Field(foreign_key="user_account.id", index=True, sa_type=Id)
    password_hash: str = Field(max_length=200)


class SignInFailures(SQLModel, table=True):
    """When sign-ins failed lately, from one address (the hash of it) or for one name from it; the oldest first."""

    __tablename__ = "sign_in_failures"

    key: str = Field(max_length=64, primary_key=True)
    instants: list[str] = Field(sa_type=JSON)
    last_at: datetime = Field(sa_type=UtcDateTime, index=True)


class UserArea(SQLModel, table=True):
    """An area a person works in, from ``valid_from`` to ``valid_to`` (days in Asia/Shanghai, both included)."""

    __tablename__ = "user_area"

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    user_id: UUID = Field(foreign_key="user_account.id", index=True, sa_type=Id)
    area_id: UUID = Field(foreign_key="area.id", index=True, sa_type=Id)
    valid_from: date
    valid_to: date | None = None


class CredentialEvent(SQLModel, table=True):
    """Somebody made an account or reset its credentials; for 30 days both count as one person."""

    __tablename__ = "credential_event"

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    user_id: UUID = Field(foreign_key="user_account.id", index=True, sa_type=Id)
    by_id: UUID = Field(foreign_key="user_account.id", index=True, sa_type=Id)
    occurred_at: datetime = Field(sa_type=UtcDateTime)


class Client(SQLModel, table=True):
    """A machine client of a district; ``scope_epoch`` rises when its area changes."""

    __tablename__ = "machine_client"

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Id)
    name: str = Field(max_length=60)
    area_id: UUID = Field(foreign_key="area.id", index=True, sa_type=Id)
    secret_hash: str = Field(max_length=64)
    scope_epoch: int = 1
    is_active: bool = True
    created_at: datetime = Field(sa_type=UtcDateTime)


class SignIn(SQLModel, table=True):
    """A sign-in (登录会话): what its tokens have in common, whose ``family_id`` is its id. Ended when they are."""

    __tablename__ = "sign_in"

    id: UUID = Field(primary_key=True, sa_type=Id)
    app: str = Field(max_length=120)
    device: str = Field(max_length=200)
    address: str = Field(max_length=45)
    signed_in_at: datetime = Field(sa_type=UtcDateTime)
    last_used_at: datetime = Field(sa_type=UtcDateTime)
    """To the minute."""


class Token(SQLModel, table=True):
    """An opaque bearer token; only its SHA-256 is kept."""

    token_hash: str = Field(max_length=64, primary_key=True)
    kind: str = Field(max_length=8)  # access, refresh
    family_id: UUID = Field(index=True, sa_type=Id)
    user_id: UUID | None = Field(default=None, foreign_key="user_account.id", index=True, sa_type=Id)
    client_id: UUID | None = Field(default=None, foreign_key="machine_client.id", index=True, sa_type=Id)
    issued_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """When a refresh token was first exchanged for its successor."""
