"""Tokens for people and machine clients (OAuth 2.0 form). Source: contract.md, «Field, office»."""

import base64
import binascii
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from pydantic import BaseModel, ConfigDict, Field

from app.access.passwords import PasswordRules
from app.api.deps import AtRuntime, Db, Now, get_actor, get_raw_json, origin_of
from app.api.fields import Storable
from app.core.errors import BadRequest, Rejected, UnsupportedMedia, at
from app.services import sign_in as sign_in_services
from app.services import tokens
from app.services.sign_in import Person
from app.services.tokens import BadCredentials, Grant

router = APIRouter(prefix="/api/v1/auth", tags=["field", "office", "district"])

Secret = Annotated[str, Field(min_length=1, max_length=200), Storable]
_FORM = "application/x-www-form-urlencoded"


class UnknownGrant(BadRequest):
    code, title, title_zh = "unknown-grant", "This grant is not known", "不支持的授权方式"


class TokenRequest(BaseModel):
    """What each grant needs besides ``grant_type``: ``username`` and ``password``; ``client_id`` and ``client_secret``
    (or HTTP Basic); ``refresh_token``."""

    model_config = ConfigDict(extra="forbid")

    grant_type: Annotated[
        str, Field(max_length=60, description="password, client_credentials or refresh_token"), Storable
    ]
    username: Secret | None = None
    password: Secret | None = None
    client_id: Secret | None = None
    client_secret: Secret | None = None
    refresh_token: Secret | None = None
    scope: Annotated[str, Field(max_length=200, description="ignored"), Storable] | None = None


class PasswordChange(BaseModel):
    """Who one is, and the password to be."""

    model_config = ConfigDict(extra="forbid")

    username: Secret
    password: Secret
    new_password: Secret


class TokenAnswer(BaseModel):
    """Fresh tokens."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="seconds")
    refresh_token: str | None = Field(
        description="good for 30 days; used, it gives the same answer for ten minutes; null for machine clients"
    )


async def _only_forms(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise UnsupportedMedia(f"Send {_FORM}.", f"请使用 {_FORM} 提交。")


@router.post("/token", dependencies=[Depends(_only_forms)])
def issue_token(form: Annotated[TokenRequest, Form()], request: Request, runtime: AtRuntime, now: Now) -> TokenAnswer:
    """Sign in with a password, as a machine client, or with a refresh token.

    A refresh token gives the same successors for ten minutes; later it revokes the whole sign-in. Failures are counted
    (429), for a name from one address and for the address. 403 ``password-change-needed``: see ``change_password``.
    """
    rules = PasswordRules.of(runtime.settings)
    if form.grant_type == "password":
        username, password = _needed(form, "username", "password")
        person = Person(username, password, origin_of(request))
        return _answer(sign_in_services.sign_in(runtime.db, person, rules, now=now))
    if form.grant_type == "client_credentials":
        client_id, secret = _basic(request) or _needed(form, "client_id", "client_secret")
        with runtime.db.write() as session:
            return _answer(tokens.sign_in_client(session, client_id, secret, origin=origin_of(request), now=now))
    if form.grant_type == "refresh_token":
        (refresh_token,) = _needed(form, "refresh_token")
        return _answer(
            tokens.refresh(runtime.db, refresh_token, rules, secret=runtime.secret, origin=origin_of(request), now=now)
        )
    raise UnknownGrant("Use password, client_credentials or refresh_token.", "不支持该授权方式。")


@router.post("/password", dependencies=[Depends(get_raw_json)])
def change_password(body: PasswordChange, request: Request, runtime: AtRuntime, now: Now) -> TokenAnswer:
    """Choose a new password by the current one: it ends all sign-ins of the account and gives new tokens.

    No sign-in is needed, since a password that is new, reset or too old opens nothing but this.
    """
    person = Person(body.username, body.password, origin_of(request))
    rules = PasswordRules.of(runtime.settings)
    return _answer(sign_in_services.change_password(runtime.db, person, body.new_password, rules, now=now))


@router.delete("/token", status_code=204, dependencies=[Depends(get_actor)])
def revoke_token(request: Request, db: Db, now: Now) -> None:
    """Sign out: the token in use and all that came from the same sign-in are revoked."""
    token = request.headers["authorization"].partition(" ")[2].strip()
    with db.write() as session:
        tokens.sign_out(session, token, now=now)


def _answer(grant: Grant) -> TokenAnswer:
    return TokenAnswer(
        access_token=grant.access_token,
        token_type="bearer",  # noqa: S106  the scheme's name
        expires_in=grant.expires_in_s,
        refresh_token=grant.refresh_token,
    )


def _needed(form: TokenRequest, *names: str) -> list[str]:
    values: dict[str, str | None] = {name: getattr(form, name) for name in names}
    missing = [at(f"/{name}", "field-missing", f"/{name}") for name, value in values.items() if value is None]
    if missing:
        raise FieldMissing("This grant needs more fields; see errors.", "缺少必填字段，详见 errors。", errors=missing)
    return [value for value in values.values() if value is not None]


class FieldMissing(Rejected):
    code, title, title_zh = "field-missing", "A field is missing", "缺少必填字段"


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        name, colon, secret = "", "", ""
    if not colon:
        raise BadCredentials("The Basic credentials cannot be read.", "Basic 认证信息无法解析。")
    return name, secret
