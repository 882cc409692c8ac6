"""Interleavings of writers, sealers and pullers: each step is taken alone, over connections that stay open meanwhile.

What a step does is drawn; what must come of it stands in ``tests.ledger``. On SQLite there is one writer at a time.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, text, update
from sqlmodel import Session, col, select

from app.access.actor import Actor
from app.access.credentials import authenticate
from app.api.district import changes as route
from app.core.clock import rfc3339
from app.core.database import Database
from app.domain.vocabulary import FeedOp, FeedType, PhotoRole, PhotoSource
from app.models import ChainHead, Client, Feed, FeedChain, Inspection, Outbox, Photo, Premises, Seal
from app.queries import changes as queries
from app.queries.changes import ResyncRequired
from app.services import sealer
from app.services.changes import Writing, insert_and_publish, new_commit, publish, publish_removal
from app.services.runtime import Runtime
from app.services.sealer import advance_feed, extend_chain, seal
from tests.factories import Street, make_premises, sign_in
from tests.feed import Item
from tests.ledger import ZERO, Group, Log, Page, Told, View, hashes
from tests.mortal import Mortal, kill_backend

TABLES: dict[FeedType, Any] = {
    FeedType.PREMISES: Premises,
    FeedType.PHOTO: Photo,
    FeedType.INSPECTION: Inspection,
}
PER_AREA = {FeedType.PREMISES: 10, FeedType.PHOTO: 4, FeedType.INSPECTION: 4}
TYPES = [None, "premises", "photo,inspection", "inspection"]
_PHOTO = Photo.metadata.tables["photo"]
LOG = (Outbox, Feed, FeedChain, Seal, ChainHead)
_KINDS = {
    "work": 10, "submit": 4, "crowd": 1, "group": 1, "end": 8, "end_all": 1, "seal": 3, "chain": 2, "hold": 4,
    "release": 2, "kill": 3, "pull": 6, "copy": 2, "fail_over": 2,
}  # fmt: skip

Step = tuple[str, int, int, int]


@dataclass(frozen=True)
class Plan:
    """What is drawn of one interleaving."""

    writers: int
    sealed_at_once: int
    hashed_by_a_pull: int
    looked_at: int
    readers: list[tuple[int, int, int]]
    """Area, types and page size of each puller."""
    steps: list[Step]

    @property
    def portion(self) -> int:
        return min(self.hashed_by_a_pull, self.looked_at)


STEPS = st.tuples(
    st.sampled_from([kind for kind, weight in _KINDS.items() for _ in range(weight)]),
    st.integers(0, 31),
    st.integers(0, 53),
    st.integers(0, 11),
)
PLANS = st.builds(
    Plan,
    writers=st.one_of(st.integers(1, 4), st.integers(1, 32)),
    sealed_at_once=st.sampled_from([5000, 1, 2, 3, 7]),
    hashed_by_a_pull=st.sampled_from([2000, 2000, 1, 3, 8]),
    looked_at=st.sampled_from([20_000, 20_000, 1, 4, 9]),
    readers=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([2, 3, 5, 9, 40, 1000, 1])),
        min_size=1,
        max_size=3,
    ),
    steps=st.lists(STEPS, min_size=12, max_size=60),
)


@dataclass
class Thing:
    """An object that changes, as it was committed last."""

    type: FeedType
    id: UUID
    home: str
    area_path: str = ""
    version: int = 1


@dataclass
class Writer:
    """An open transaction; all it will ever lock it has locked before its first change."""

    block: AbstractContextManager[Session]
    session: Session
    things: list[int]
    states: dict[int, tuple[int, str]]
    """Version and area of its things, as it sees them."""
    groups: list[Group] = field(default_factory=list)
    begins_group: bool = True


@dataclass
class Reader:
    """A client that pulls: what it holds, and the pages it got since it began."""

    view: View
    actor: Actor
    types: str | None
    limit: int
    cursor: str | None = None
    position: int = 0
    running_hash: str = ZERO
    items: list[Item] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    is_doubtful: bool = False
    """The log may not be the one it was told."""

    def begin_again(self) -> None:
        self.cursor, self.position, self.running_hash, self.is_doubtful = None, 0, ZERO, False
        self.items, self.pages = [], []


class Stage:
    """Things, clients and connections for any number of interleavings, one after another."""

    def __init__(self, runtime: Runtime, engine: Engine, street: Street) -> None:
        self.runtime, self.engine, self.db = runtime, engine, runtime.db
        self.is_sqlite = self.db.dialect == "sqlite"
        self.seen: Counter[str] = Counter()
        self.mortal = Mortal(runtime.settings.sqlalchemy_url, engine)
        self.areas = [street.district, street.street, street.community, street.other_community]
        homes = [street.community, street.other_community, street.other_street]
        with self.db.write() as session:
            self.things = [
                Thing(type, self._make(session, type, street, home), home.path)
                for home in homes
                for type, count in PER_AREA.items()
                for _ in range(count)
            ]
            people = [self._sign_in(session, area.id) for area in self.areas]
            self.owner_id = street.inspector.id
        self.submitted: list[UUID] = []
        """Photos that came with submissions."""
        with self.db.autocommit() as connection:
            self.actors = [authenticate(connection, token, now=runtime.clock()) for token in people]
        self.paths = [home.path for home in homes]

    def _sign_in(self, session: Session, area_id: UUID) -> str:
        now = self.runtime.clock()
        known = Client(name="区级平台", area_id=area_id, secret_hash="0" * 64, created_at=now)
        session.add(known)
        session.flush()
        return sign_in(session, now, client_id=known.id).headers["Authorization"].removeprefix("Bearer ")

    def _make(self, session: Session, type: FeedType, street: Street, area: Any) -> UUID:
        now = self.runtime.clock()
        if type is FeedType.PREMISES:
            return make_premises(session, area, now).id
        if type is FeedType.PHOTO:
            made: Any = self._photo(area.path, street.inspector.id)
        else:
            times = dict.fromkeys(
                ["started_at", "ended_at", "stated_started_at", "stated_ended_at", "received_at"], now
            )
            values = {"kind": "patrol", "inspector_ids": [], "request_hash": "", "content_hash": "", "answer": ""}
            place = {"premises_id": street.shop.id, "area_id": area.id, "area_path": area.path}
            made = Inspection(
                id=uuid4(), number=uuid4().hex, reporter_id=street.inspector.id, **times, **values, **place
            )
        session.add(made)
        session.flush()
        return made.id

    def _photo(self, area_path: str, owner_id: UUID) -> Photo:
        kind = {"role": PhotoRole.BEFORE, "source": PhotoSource.CAMERA, "bytes": 1}
        times = dict.fromkeys(["taken_at", "created_at", "named_at"], self.runtime.clock())
        return Photo(id=uuid4(), sha256=uuid4().hex * 2, owner_id=owner_id, area_path=area_path, **kind, **times)

    def new_photo(self, home: int) -> Photo:
        """To be inserted by a submission."""
        made = self._photo(self.paths[home % len(self.paths)], self.owner_id)
        self.submitted.append(made.id)
        return made

    def play(self, plan: Plan, patch: pytest.MonkeyPatch) -> None:
        """One interleaving from an empty log, and all that must hold of it."""
        patch.setattr(sealer, "SEALED_AT_ONCE", plan.sealed_at_once)
        patch.setattr(route, "HASHED_BY_A_PULL", plan.hashed_by_a_pull)
        patch.setattr(queries, "MOST_POSITIONS", plan.looked_at)
        self._empty()
        with Interleaving(self, plan).running() as interleaving:
            for kind, who, what, how in plan.steps:
                getattr(interleaving, kind)(who, what, how)

    def _empty(self) -> None:
        with self.db.write() as session:
            session.execute(delete(Photo).where(col(Photo.id).in_(self.submitted)))
            self.submitted.clear()
            for name in ("outbox", "feed", "feed_chain"):
                session.execute(text(f"DELETE FROM {name}"))  # noqa: S608  our own names
            session.execute(text("UPDATE seal SET next = 1"))
            session.execute(text("UPDATE chain_head SET position = 0, running_hash = :zero"), {"zero": ZERO})
            for place, thing in enumerate(self.things):
                if (thing.version, thing.area_path) != (1, thing.home):
                    self.put(session, place, 1, thing.home)

    def put(self, session: Session, place: int, version: int, area_path: str) -> None:
        """Make it that version, there; committed by the caller."""
        thing = self.things[place]
        table = TABLES[thing.type]
        thing.version, thing.area_path = version, area_path
        session.execute(update(table).where(table.id == thing.id).values(version=version, area_path=area_path))


class Interleaving:
    """What is open and what was committed so far; each public method is a step."""

    def __init__(self, stage: Stage, plan: Plan) -> None:
        self.stage, self.plan, self.db = stage, plan, stage.db
        self.writers: dict[int, Writer] = {}
        self.committed: list[Group] = []
        self.ticks = 0
        self.held: Any = None
        self.auditor = Reader(View(stage.areas[0].path), stage.actors[0], None, 1000)
        self.readers = [self._reader(*chosen) for chosen in plan.readers]
        self.copy(0, 0, 0)

    def _reader(self, area: int, types: int, limit: int) -> Reader:
        asked = TYPES[types]
        view = View(self.stage.areas[area].path, frozenset(asked.split(",")) if asked else None)
        return Reader(view, self.stage.actors[area], asked, limit)

    @contextmanager
    def running(self) -> Iterator["Interleaving"]:
        """At the end all commit, everybody pulls, and it is looked at; after a failure nothing stays open."""
        try:
            yield self
            self.release(0, 0, 0)
            self.end_all(0, 0, 0)
            for reader in self.readers:
                self._pull_all(reader)
            self._check()
        finally:
            self._end_everything()

    def _end_everything(self) -> None:
        for who in list(self.writers):
            self._abort(self.writers.pop(who))
        self._let_go("rollback")

    # Writers

    def work(self, who: int, what: int, how: int) -> None:
        """A transaction begins and tells of some things, or an open one tells of some again."""
        if (writer := self._writer(who, what, how)) is not None:
            told = writer.things[what % len(writer.things) :] if writer.groups else writer.things
            self._tell(writer, told, is_move=how % 3 == 2)

    def submit(self, who: int, what: int, how: int) -> None:
        """One to five submissions taken together, each a commit of its own: a new photo, and things that change."""
        if (writer := self._writer(who, what, how)) is None:
            return
        changed = writer.things[what % len(writer.things) :]
        self._raise_versions(writer, changed)
        count, before, writings = 1 + how % 5, tuple(writer.groups), list[Writing]()
        for number in range(count):
            photo = self.stage.new_photo(what + number)
            told = self._told_by_type(writer, changed[number::count])
            told[FeedType.PHOTO].append(
                Told(FeedType.PHOTO, str(photo.id), photo.version, FeedOp.UPSERT, str(photo.area_path))
            )
            writer.begins_group |= count > 1
            self._note(writer, [row for rows in told.values() for row in rows], after=before)
            ids = {type: _ids(rows) for type, rows in told.items()}
            writings.append(Writing([(_PHOTO, [photo.model_dump()])], ids))
        insert_and_publish(writer.session, writings, now=self.stage.runtime.clock())
        self.stage.seen["submitted together"] += count > 1

    def crowd(self, who: int, what: int, how: int) -> None:
        """Many begin, one after the other."""
        for number in range(2 + how * 3):
            self.work(who + number, what, number % 2)

    def group(self, who: int, what: int, how: int) -> None:
        """What this transaction tells from now on is another commit to its readers."""
        if (writer := self.writers.get(who % self.plan.writers)) is not None and not writer.begins_group:
            new_commit(writer.session)
            writer.begins_group = True

    def end(self, who: int, what: int, how: int) -> None:
        """A transaction commits, gives up, or its connection is cut."""
        if self.writers:
            who = sorted(self.writers)[who % len(self.writers)]
            writer = self.writers.pop(who)
            if how < 8:
                self._commit(writer)
            elif how < 10 or self.stage.is_sqlite:
                self._abort(writer)
            else:
                self._cut(writer)

    def end_all(self, who: int, what: int, how: int) -> None:
        """All that are open, in some order; some of them give up."""
        while self.writers:
            self.end(who, 0, how if len(self.writers) % 3 == 2 else 0)
            who = who * 5 + 3

    def _writer(self, who: int, what: int, how: int) -> Writer | None:
        """The open transaction of ``who``, or a new one with things that no other has; None when there is no place."""
        who %= self.plan.writers
        if self.stage.is_sqlite and (self.held or self.writers.keys() - {who}):
            return None
        if who not in self.writers:
            taken = {place for other in self.writers.values() for place in other.things}
            free = [place for place in range(len(self.stage.things)) if place not in taken]
            chosen = (free[what % max(1, len(free)) :] + free)[: 1 + how % 6]
            if not chosen:
                return None
            block = self.db.write()
            states = {place: (self.stage.things[place].version, self.stage.things[place].area_path) for place in chosen}
            self.writers[who] = Writer(block, block.__enter__(), chosen, states)
            self.stage.seen["writers at once"] = max(self.stage.seen["writers at once"], len(self.writers))
        return self.writers[who]

    def _tell(self, writer: Writer, places: list[int], *, is_move: bool) -> None:
        session, now = writer.session, self.stage.runtime.clock()
        self._raise_versions(writer, places)
        left = {place: self._move(writer, place) for place in places} if is_move else {}
        for type, rows in self._told_by_type(writer, places).items():
            publish(session, type, _ids(rows), now=now)
            self._note(writer, rows)
        for place, old in left.items():
            told = self._told(writer, place)
            publish_removal(session, self.stage.things[place].type, _ids([told]), old, now=now)
            gone = replace(told, op=FeedOp.REMOVED_FROM_SCOPE, area_path=old, moved_to=told.area_path)
            self._note(writer, [gone])

    def _raise_versions(self, writer: Writer, places: list[int]) -> None:
        for type, table in TABLES.items():
            if ids := [self.stage.things[place].id for place in places if self.stage.things[place].type is type]:
                writer.session.execute(update(table).where(table.id.in_(ids)).values(version=table.version + 1))
        for place in places:
            version, area = writer.states[place]
            writer.states[place] = version + 1, area

    def _move(self, writer: Writer, place: int) -> str:
        """To the next community; the one that it left."""
        thing, paths = self.stage.things[place], self.stage.paths
        version, old = writer.states[place]
        new = paths[(paths.index(old) + 1) % len(paths)]
        writer.states[place] = version, new
        table = TABLES[thing.type]
        writer.session.execute(update(table).where(table.id == thing.id).values(area_path=new))
        self.stage.seen["moved"] += 1
        return old

    def _told(self, writer: Writer, place: int) -> Told:
        thing, (version, area_path) = self.stage.things[place], writer.states[place]
        return Told(thing.type, str(thing.id), version, FeedOp.UPSERT, area_path)

    def _told_by_type(self, writer: Writer, places: list[int]) -> dict[FeedType, list[Told]]:
        rows = [self._told(writer, place) for place in places]
        return {type: [row for row in rows if row.type == type] for type in TABLES}

    def _note(self, writer: Writer, rows: list[Told], *, after: Sequence[Group] | None = None) -> None:
        """They are told; ``after``: a commit that begins with them follows these only."""
        if rows and writer.begins_group:
            before = tuple(writer.groups) if after is None else after
            writer.groups.append(Group(self._tick(), after=before))
            writer.begins_group = False
        if rows:
            writer.groups[-1].rows += rows

    def _tick(self) -> int:
        self.ticks += 1
        return self.ticks

    def _commit(self, writer: Writer) -> None:
        writer.block.__exit__(None, None, None)
        ended = self._tick()
        for group in writer.groups:
            group.ended = ended
        self.committed += writer.groups
        for place, (version, area) in writer.states.items():
            self.stage.things[place].version, self.stage.things[place].area_path = version, area
        self.stage.seen["committed"] += 1

    def _abort(self, writer: Writer) -> None:
        with suppress(InterruptedError):
            writer.block.__exit__(InterruptedError, InterruptedError(), None)
        self.stage.seen["given up"] += 1

    def _cut(self, writer: Writer) -> None:
        connection = writer.session.connection()
        self._kill(connection)
        connection.invalidate()
        self._abort(writer)
        self.stage.seen["cut"] += 1

    def _kill(self, connection: Any) -> None:
        kill_backend(self.stage.engine, connection.connection.driver_connection.info.backend_pid)

    # Sealers

    def seal(self, who: int, what: int, how: int) -> None:
        seal(self.db)

    def chain(self, who: int, what: int, how: int) -> None:
        if not self._is_stuck():
            extend_chain(self.db, most=self.plan.hashed_by_a_pull)

    def hold(self, who: int, what: int, how: int) -> None:
        """Somebody has sealed, or hashed, or both, and hangs before his commit."""
        if self.held is None and not (self.stage.is_sqlite and self.writers):
            self.held = self.stage.engine.connect().execution_options(write=True)
            self.held.begin()
            slow = Database(self.held)
            if how % 3 != 1:
                self.stage.seen["held a seal"] += seal(slow) > 0
            if how % 3 != 0:
                self.stage.seen["held a hash"] += extend_chain(slow, most=self.plan.hashed_by_a_pull) > 0

    def release(self, who: int, what: int, how: int) -> None:
        """He commits, gives up, or is killed."""
        self._let_go(("commit", "rollback", "kill")[how % 3])

    def _let_go(self, way: str) -> None:
        held, self.held = self.held, None
        if held is None:
            return
        if way == "kill" and not self.stage.is_sqlite:
            self._kill(held)
            held.invalidate()
            self.stage.seen["killed while held"] += 1
        elif way == "commit":
            held.commit()
        held.close()

    def kill(self, who: int, what: int, how: int) -> None:
        """A sealer dies before or after one of its statements."""
        mortal = self.stage.mortal
        with mortal.dying(how % 10, is_after=who % 2 == 1) as db:
            advance_feed(db, most=self.plan.hashed_by_a_pull)
        self.stage.seen["killed"] += mortal.has_died

    # Pullers

    def pull(self, who: int, what: int, how: int) -> None:
        """One page, all of them, or a page that never arrives."""
        reader = self.readers[who % len(self.readers)]
        if how == 0:
            self._pull_all(reader)
        else:
            self._page(reader, is_lost=how == 1)

    def _pull_all(self, reader: Reader) -> None:
        """To the end, or to where a hanging sealer holds it."""
        for _ in range(2000):
            before, had = reader.position, reader.cursor
            has_more = self._page(reader)
            if not has_more or (reader.position == before and had is not None and self._is_stuck()):
                return
        raise AssertionError("no end")

    def _is_stuck(self) -> bool:
        return self.held is not None or (self.stage.is_sqlite and bool(self.writers))

    def _page(self, reader: Reader, *, is_lost: bool = False) -> bool:
        """Whether there is more."""
        expected = self._expected(reader) if reader.is_doubtful else "page"
        try:
            query = route.ChangeQuery(cursor=reader.cursor, limit=reader.limit, types=reader.types)
            answer = route.list_changes(query, reader.actor, self.stage.runtime)
        except ResyncRequired as refusal:
            if (expected, refusal.members) != ("forked", {"reason": "log-forked"}):
                raise
            self.stage.seen["forked"] += 1
            reader.begin_again()
            return True
        assert expected != "forked"
        page = Page(reader.position, reader.limit, orjson.loads(answer.body))
        if expected == "behind":
            assert (page.items, page.body["next_cursor"]) == ([], reader.cursor)
            self.stage.seen["behind"] += 1
            return False
        has_more: bool = page.body["has_more"]
        if not has_more:
            told = sum(reader.view.sees(row) for group in self.committed for row in group.rows)
            assert len(reader.items) + len(page.items) == told
        reader.pages.append(page)
        self.stage.seen["pages"] += 1
        self.stage.seen["cut pages"] += bool(page.items) and not page.items[-1]["commit_last"]
        if not is_lost:
            reader.cursor, reader.position = page.body["next_cursor"], page.end
            reader.running_hash = page.body["running_hash"]
            reader.items += page.items
            reader.is_doubtful = False
        return has_more

    def _expected(self, reader: Reader) -> str:
        """What this client must be answered by a log that was put back."""
        items = self._whole_log()
        if reader.position > len(items):
            return "behind"
        is_same = hashes(items)[reader.position] == reader.running_hash
        return "page" if is_same else "forked"

    # The log as a whole

    def copy(self, who: int, what: int, how: int) -> None:
        """A standby, or a snapshot: all that is committed now."""
        with self.db.read() as session:
            rows = [[row.model_dump() for row in session.execute(select(table)).scalars()] for table in LOG]
        things = [(thing.version, thing.area_path) for thing in self.stage.things]
        self.snapshot = rows, things, list(self.committed)

    def fail_over(self, who: int, what: int, how: int) -> None:
        """The database is the copy from now on; nobody is told."""
        self._end_everything()
        self._check()
        rows, things, committed = self.snapshot
        self.committed = list(committed)
        with self.db.write() as session:
            self._restore(session, rows)
            for place, (version, area_path) in enumerate(things):
                thing = self.stage.things[place]
                if (version, area_path) != (thing.version, thing.area_path):
                    self.stage.put(session, place, version, area_path)
        self.stage.runtime.clock.move(seconds=1)  # type: ignore[attr-defined]  # the clock of the tests
        self.auditor.begin_again()
        for reader in self.readers:
            reader.is_doubtful, reader.pages = reader.cursor is not None, []

    def _restore(self, session: Session, rows: list[list[dict[str, Any]]]) -> None:
        for entity, kept in zip(LOG, rows, strict=True):
            table = entity.metadata.tables[str(entity.__tablename__)]
            session.execute(table.delete())
            if entity is Outbox:  # they get new numbers, in their order
                kept = [{name: value for name, value in row.items() if name != "seq"} for row in sorted(kept, key=_seq)]
            for row in kept:
                session.execute(table.insert(), row)

    def _whole_log(self) -> list[Item]:
        """To its end, as a page tells it to who sees everything: what moves within an area leaves no other."""
        self._pull_all(self.auditor)
        with self.db.read() as session:
            rows = session.execute(select(Feed).order_by(col(Feed.position))).scalars().all()
        last = {row.commit_id: row.position for row in rows}
        return [
            {
                "position": row.position,
                "commit_last": last[row.commit_id] == row.position,
                "type": row.type,
                "id": str(row.object_id),
                "version": row.version,
                "op": row.op,
                "changed_at": rfc3339(row.changed_at),
                "data": orjson.loads(row.data),
            }
            for row in rows[: self.auditor.position]
        ]

    def _check(self) -> None:
        """The log is what was committed, and every page of everybody is a part of it as the contract says."""
        log = Log(self._whole_log(), self.committed)
        for reader in [self.auditor, *self.readers]:
            if not reader.is_doubtful:
                log.check(reader.view, reader.pages, portion=self.plan.portion)


def _ids(rows: list[Told]) -> list[UUID]:
    return [UUID(row.id) for row in rows]


def _seq(row: dict[str, Any]) -> int:
    seq: int = row["seq"]
    return seq
