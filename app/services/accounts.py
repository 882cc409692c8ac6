"""Accounts: people and machine clients, made, disabled and given new passwords by an administrator.

One person, one account: the staff number is unique. Source: lifecycle.md, «Roles» and «Four eyes».
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from app.access.actor import Actor, require
from app.access.credentials import hash_token
from app.core.clock import business_date
from app.core.errors import Conflict, Rejected, at
from app.domain.vocabulary import AreaLevel, Role
from app.models import Area, Client, CredentialEvent, User, UserArea
from app.queries.accounts import get_client, get_user
from app.queries.areas import get_area
from app.services.sign_in import set_password
from app.services.tokens import make_secret, revoke_all

MAX_AREAS = 8
_STREET_ROLES = frozenset({Role.INSPECTOR, Role.OFFICER, Role.OFFICE, Role.LEADER})


class UsernameTaken(Conflict):
    code, title, title_zh = "username-taken", "This username is in use", "用户名已被使用"


class StaffNumberTaken(Conflict):
    code, title, title_zh = "staff-number-taken", "This person has an account", "该工号已有账号"


class OwnAccount(Conflict):
    code, title, title_zh = "own-account", "Nobody disables himself", "不能停用自己的账号"


class AreasUnfit(Rejected):
    code, title, title_zh = "areas-unfit", "These areas do not fit one person", "所选区域不符合要求"


class NotADistrict(Rejected):
    code, title, title_zh = "not-a-district", "A machine client belongs to a district", "系统接口须属于区级"


class CertificateMissing(Rejected):
    code, title, title_zh = "certificate-missing", "An officer has a certificate", "执法人员须填写执法证件"


@dataclass(frozen=True, slots=True)
class Term:
    """An area somebody works in, between two days in Asia/Shanghai (both included); None: from today, for good."""

    area_id: UUID
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account to be made; ``password_hash`` comes from ``hash_password``."""

    username: str
    staff_number: str
    name: str
    role: Role
    password_hash: str
    terms: Sequence[Term]
    certificate_no: str | None = None
    certificate_valid_to: date | None = None
    must_change_password: bool = False
    password_set_at: datetime | None = None
    """None: when the account is made."""


def create_user(session: Session, new: NewUser, *, now: datetime, by: Actor | None = None) -> User:
    """Make an account; ``by`` None is the operator at the command line, otherwise the maker is remembered.

    Raises ``Forbidden``, ``NotFound`` (an area outside the maker's), ``AreasUnfit``, ``CertificateMissing``,
    ``UsernameTaken`` or ``StaffNumberTaken``.
    """
    if by is not None:
        require(by, "create_user")
    areas = [_area(session, term.area_id, by) for term in new.terms]
    _check_areas(new, areas)
    if new.role is Role.OFFICER and not (new.certificate_no and new.certificate_valid_to):
        raise CertificateMissing("Give its number and last day of validity.", "请填写执法证号及有效期。")
    user = User(
        username=new.username,
        staff_number=new.staff_number,
        name=new.name,
        role=new.role,
        password_hash=new.password_hash,
        certificate_no=new.certificate_no,
        certificate_valid_to=new.certificate_valid_to,
        must_change_password=new.must_change_password,
        password_set_at=new.password_set_at,
        created_at=now,
    )
    _add_unique(session, user)
    today = business_date(now)
    session.add_all(
        UserArea(user_id=user.id, area_id=term.area_id, valid_from=term.valid_from or today, valid_to=term.valid_to)
        for term in new.terms
    )
    _remember(session, user, by, now)
    session.flush()
    return user


def deactivate_user(session: Session, actor: Actor, user_id: UUID, *, now: datetime) -> None:
    """Disable an account and sign it out everywhere; its history stays. The second time changes nothing.

    Raises ``Forbidden``, ``NotFound`` or ``OwnAccount``.
    """
    require(actor, "deactivate_user")
    user = get_user(session, actor, user_id, today=business_date(now), lock=True)
    if user.id == actor.id:
        raise OwnAccount("Ask another administrator.", "请由其他管理员停用您的账号。")
    user.is_active = False
    revoke_all(session, user, now=now)
    session.flush()


def reset_password(
    session: Session, actor: Actor, user_id: UUID, *, password_hash: str, must_change: bool, now: datetime
) -> None:
    """Give an account a new password and sign it out everywhere; who did it counts as that person for 30 days.

    Raises ``Forbidden`` or ``NotFound``.
    """
    require(actor, "reset_password")
    user = get_user(session, actor, user_id, today=business_date(now), lock=True)
    set_password(session, user, password_hash, by_another=must_change, now=now)
    revoke_all(session, user, now=now)
    _remember(session, user, actor, now)
    session.flush()


def create_client(
    session: Session, *, name: str, area_id: UUID, now: datetime, by: Actor | None = None
) -> tuple[Client, str]:
    """Make a machine client of one district, and its secret, which nobody can see again.

    Positions of the feed count what happens elsewhere, so no client sees less than a district.
    Raises ``Forbidden``, ``NotFound`` or ``NotADistrict``.
    """
    if by is not None:
        require(by, "create_client")
    area = _area(session, area_id, by)
    if area.level is not AreaLevel.DISTRICT:
        fault = at("/area_id", NotADistrict.code)
        raise NotADistrict("A machine client belongs to a district.", "系统接口须属于区级。", errors=[fault])
    secret = make_secret()
    client = Client(name=name, area_id=area.id, secret_hash=hash_token(secret), created_at=now)
    session.add(client)
    session.flush()
    return client, secret


def deactivate_client(session: Session, actor: Actor, client_id: UUID, *, now: datetime) -> None:
    """Disable a machine client and revoke its tokens. Raises ``Forbidden`` or ``NotFound``."""
    require(actor, "deactivate_client")
    client = get_client(session, actor, client_id, lock=True).client
    client.is_active = False
    revoke_all(session, client, now=now)
    session.flush()


def _area(session: Session, area_id: UUID, by: Actor | None) -> Area:
    return session.get_one(Area, area_id) if by is None else get_area(session, by, area_id)


def _check_areas(new: NewUser, areas: list[Area]) -> None:
    """One to eight areas of one street, or one district."""
    levels = {area.level for area in areas}
    in_street = AreaLevel.DISTRICT not in levels and len({area.code[:9] for area in areas}) == 1
    is_fit = (
        1 <= len(areas) <= MAX_AREAS
        and len({area.id for area in areas}) == len(areas)
        and (in_street or (levels == {AreaLevel.DISTRICT} and len(areas) == 1))
        and not (in_street and new.role is Role.DISTRICT)
        and (in_street or new.role not in _STREET_ROLES)
        and all(term.valid_to is None or (term.valid_from or term.valid_to) <= term.valid_to for term in new.terms)
    )
    if not is_fit:
        raise AreasUnfit(
            "One to eight different areas of one street, or one district for roles of the district; from before to.",
            "须为同一街道内 1 至 8 个不同区域；区级角色为一个区；起始日期不得晚于截止日期。",
            errors=[at("/areas", AreasUnfit.code)],
        )


def _add_unique(session: Session, user: User) -> None:
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError as error:
        same_name = select(col(User.id)).where(col(User.username) == user.username)
        if session.execute(same_name).first() is not None:
            raise UsernameTaken("Choose another username.", "请更换用户名。") from error
        raise StaffNumberTaken("One person, one account.", "一人一号，该工号已有账号。") from error


def _remember(session: Session, user: User, by: Actor | None, now: datetime) -> None:
    if by is not None:
        session.add(CredentialEvent(user_id=user.id, by_id=by.id, occurred_at=now))
