"""Adding districts, streets, communities and grids. Source: contract.md, «Areas and premises»."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from app.access.actor import Actor, require
from app.core.errors import Conflict, NotFound, Rejected, at
from app.domain.vocabulary import AreaLevel
from app.models import Area
from app.queries.areas import get_area

LEVEL_OF_DIGITS = {6: AreaLevel.DISTRICT, 9: AreaLevel.STREET, 12: AreaLevel.COMMUNITY, 14: AreaLevel.GRID}
"""A grid is two digits more than its community."""
_DIGITS_BELOW = {0: 6, 6: 9, 9: 12, 12: 14}


class AreaCodeWrong(Rejected):
    code, title, title_zh = "area-code-wrong", "The code does not continue its parent's", "区域代码与上级不一致"


class AreaCodeTaken(Conflict):
    code, title, title_zh = "area-code-taken", "There is an area with this code", "区域代码已存在"


def create_area(session: Session, *, code: str, name: str, parent_id: UUID | None, by: Actor | None = None) -> Area:
    """Add an area below its parent (None: a district); ``by`` None is the operator at the command line.

    Raises ``Forbidden``, ``NotFound``, ``AreaCodeWrong`` or ``AreaCodeTaken``.
    """
    if by is not None:
        require(by, "create_area")
    parent = _parent(session, parent_id, by)
    above = parent.code if parent else ""
    if not code.isdecimal() or not code.startswith(above) or len(code) != _DIGITS_BELOW.get(len(above)):
        raise AreaCodeWrong(
            "Codes have 6, 9, 12 or 14 digits; an area is one step below its parent and begins with its code.",
            "区域代码为 6、9、12 或 14 位数字，须以上级区域代码开头，且恰为其下一级。",
            errors=[at("/code", AreaCodeWrong.code)],
        )
    area = Area(
        code=code,
        name=name,
        level=LEVEL_OF_DIGITS[len(code)],
        parent_id=parent_id,
        path=f"{parent.path if parent else ''}{code}/",
    )
    try:
        with session.begin_nested():
            session.add(area)
    except IntegrityError as error:
        raise AreaCodeTaken("There is an area with this code.", "该区域代码已存在。") from error
    return area


def _parent(session: Session, parent_id: UUID | None, by: Actor | None) -> Area | None:
    if by is not None and parent_id is not None:
        return get_area(session, by, parent_id)
    if by is not None:
        raise NotFound("An area is made within yours.", "只能在您的辖区内新建区域。")
    return None if parent_id is None else session.get_one(Area, parent_id)
