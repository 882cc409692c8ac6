"""Human numbers: drawn in blocks, a transaction of their own each, so that no write waits for a counter.

Gaps are allowed, reuse is not. Source: contract.md, «API in general».
"""

from collections import deque
from threading import Lock

from sqlalchemy import Integer, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col

from app.core.database import Database
from app.core.prepared import Prepared
from app.models import NumberBlock

BLOCK = 50
HAZARD, INSPECTION = "YH", "JC"


class Numbers:
    """Hands out numbers of one process, for every street and year."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._lock = Lock()
        self._left: dict[tuple[str, str, int], deque[int]] = {}

    def take(self, kind: str, street_code: str, year: int, count: int) -> list[str]:
        """``count`` fresh numbers ``<kind>-<street>-<year>-<at least six digits>``.

        Called before a writing transaction, never inside one: SQLite has one writer.
        """
        with self._lock:
            left = self._left.setdefault((kind, street_code, year), deque())
            while len(left) < count:
                with self._db.write() as session:
                    first = _draw(session, kind, street_code, year, BLOCK)
                left.extend(range(first, first + BLOCK))
            return [f"{kind}-{street_code}-{year}-{left.popleft():06d}" for _ in range(count)]


def _draw(session: Session, kind: str, street_code: str, year: int, size: int) -> int:
    """The first number of a block that is now ours."""
    values = {"of_kind": kind, "of_street": street_code, "of_year": year, "size": size}
    if not (moved := _MOVE.rows(session, values)):
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        session.execute(
            insert(NumberBlock).values(kind=kind, street_code=street_code, year=year, next=1).on_conflict_do_nothing()
        )
        moved = _MOVE.rows(session, values)
    return int(moved[0].next) - size


_MOVE = Prepared(
    update(NumberBlock)
    .where(
        col(NumberBlock.kind) == bindparam("of_kind"),
        col(NumberBlock.street_code) == bindparam("of_street"),
        col(NumberBlock.year) == bindparam("of_year"),
    )
    .values(next=NumberBlock.next + bindparam("size", type_=Integer))
    .returning(col(NumberBlock.next))
)
