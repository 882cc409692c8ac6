"""The demo street: a sub-district with half a year of history, for whoever starts the service for the first time.

Everything goes through the services that serve real people, at the times at which it would have happened, so that
numbers, events, receipts and the feed are real. Source: domain.md, section 8 (data set S).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import func, select
from sqlmodel import Session, SQLModel, col

from app.core.clock import business_date
from app.core.errors import Conflict
from app.models import Hazard, HazardEvent, Inspection, Photo, Premises, User
from app.services.demo import people
from app.services.demo.ground import lay_out, register
from app.services.demo.history import Desk, History, draw_numbers, in_order, shots_of
from app.services.demo.photos import Darkroom, flush_all
from app.services.demo.plan import street_data
from app.services.demo.planning import make_plan
from app.services.runtime import Runtime
from app.services.sealer import extend_chain, seal

_IN_FORCE_SINCE = timedelta(days=230)
_REGISTERED_SINCE = timedelta(days=220)
_COUNTED: Sequence[type[SQLModel]] = (Premises, Inspection, Hazard, HazardEvent, Photo)


class NotEmpty(Conflict):
    """The demo is for a database that nobody uses yet."""

    code, title, title_zh = "not-empty", "There are accounts already", "数据库中已有账号，不能载入演示数据"


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What was loaded, how long each phase took, and who can sign in."""

    counts: dict[str, int]
    seconds: dict[str, float]
    accounts: list[dict[str, str]] = field(repr=False)


def load_demo(runtime: Runtime, *, now: datetime, accounts_file: Path) -> DemoReport:
    """Load the demo street as it stands at ``now``, all or nothing, and write ``accounts_file`` (mode 600).

    Half a minute at most. Raises ``NotEmpty`` when there is any account.
    """
    watch = _Watch()
    with runtime.db.read() as session:
        _require_empty(session)
        calendar = runtime.calendars.current(session)
    plan = make_plan(business_date(now), calendar)
    happenings = in_order(plan)
    watch.lap("plan")
    with Darkroom(runtime.storage, list(shots_of(happenings))) as darkroom:
        accounts = people.make_accounts()
        hashes = people.hash_passwords(accounts)
        numbers = draw_numbers(runtime.numbers, plan, street_data()["street"]["code"])
        desk = Desk(numbers, runtime.receipts, calendar, runtime.secret)
        watch.lap("passwords, numbers")
        with runtime.db.write() as session:
            _require_empty(session)
            areas = lay_out(session)
            actors = people.hire(session, accounts, hashes, areas, now=now, since=now - _IN_FORCE_SINCE)
            machine = people.hire_machine(session, areas, now=now - _IN_FORCE_SINCE)
            register(session, actors["office1"], plan.sites, areas, now=now - _REGISTERED_SINCE)
            watch.lap("people, premises")
            history = History(session, desk, darkroom, actors, areas)
            for happening in happenings:
                history.write(happening)
            watch.lap("history, photos")
            counts = {entity.__name__.lower(): _count(session, entity) for entity in _COUNTED}
            flush_all()
            listed = people.listed(accounts, machine)
            people.write_accounts(accounts_file, listed)
    watch.lap("to disk")
    if runtime.db.dialect == "postgresql":  # nothing has counted the new rows yet
        with runtime.db.autocommit() as connection:
            connection.exec_driver_sql("ANALYZE")
    while seal(runtime.db):
        pass
    while extend_chain(runtime.db):
        pass
    watch.lap("feed")
    return DemoReport(counts, watch.seconds, listed)


def _require_empty(session: Session) -> None:
    if session.execute(select(col(User.id)).limit(1)).first() is not None:
        raise NotEmpty("The demo street is only loaded into an empty database.", "演示数据只能载入空数据库。")


def _count(session: Session, entity: type[SQLModel]) -> int:
    counted: int = session.execute(select(func.count()).select_from(entity)).scalar_one()
    return counted


class _Watch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = perf_counter()

    def lap(self, phase: str) -> None:
        self.seconds[phase] = round(perf_counter() - self._since, 1)
        self._since = perf_counter()
