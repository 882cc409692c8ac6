"""Whether this process can serve: database, migrations, storage. Source: contract.md, «Operations»."""

from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import String, column, select, table
from sqlalchemy.exc import DBAPIError

from app.core.database import Database
from app.core.errors import Unavailable
from app.core.storage import Storage


class NotReady(Unavailable):
    code, title, title_zh = "not-ready", "This node cannot serve yet", "本节点尚未就绪"


def check_ready(db: Database, storage: Storage) -> None:
    """Ask the database for its release and write a byte to the storage.

    Raises ``NotReady``, ``StorageFull`` or ``StorageUnavailable``.
    """
    try:
        with db.read() as session:
            applied = set(session.scalars(select(column("version_num", String)).select_from(table("alembic_version"))))
    except DBAPIError as error:
        raise NotReady("The database does not answer.", "数据库无响应。") from error
    if applied != _heads():
        raise NotReady(
            "The database is of another release; run xiaohao migrate.", "数据库版本与程序不一致，请先执行迁移。"
        )
    storage.check()


@cache
def _heads() -> frozenset[str]:
    return frozenset(ScriptDirectory(str(Path(__file__).parents[2] / "migrations")).get_heads())
