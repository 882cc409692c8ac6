"""The demo street as promised: counts, evidence, four eyes, accounts, photos, feed. Source: domain.md, section 8."""

import json
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image, ImageChops, ImageStat
from sqlalchemy import Engine, func, select
from sqlmodel import Session, col

from app.access.actor import Actor, ActorArea
from app.access.passwords import verify_password
from app.core import builtin
from app.core.builtin import seed_calendar_days
from app.core.clock import SHANGHAI, business_date
from app.core.config import Settings
from app.core.images import inspect
from app.domain.calendar import WorkCalendar
from app.domain.vocabulary import CloseReason, FeedType, InspectionKind, PremisesKind, Role, Severity, Status
from app.models import (
    Area,
    ChainHead,
    Feed,
    Hazard,
    HazardEvent,
    HazardPhoto,
    Inspection,
    Market,
    Photo,
    Premises,
    User,
    VoidRequest,
)
from app.queries.hazards import HazardFilter
from app.queries.summaries import summarize_hazards
from app.services.demo import DemoReport, NotEmpty, load_demo
from app.services.demo.plan import Deed, Finding
from app.services.demo.planning import make_plan
from app.services.demo.sites import credit_code
from app.services.installation import open_runtime
from app.services.runtime import Runtime
from app.services.tokens import Origin, sign_in_client

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
OTHER_DAYS = [
    datetime(2026, 1, 1, 16, 30, tzinfo=UTC),  # half past midnight
    datetime(2026, 10, 4, 8, 0, tzinfo=UTC),  # a Sunday in the National Day week
    datetime(2026, 12, 31, 4, 0, tzinfo=UTC),
    datetime(2027, 2, 15, 1, 0, tzinfo=UTC),  # a year whose notice is not out
]


@dataclass(frozen=True)
class Loaded:
    """The street in a transaction that is rolled back after the last test."""

    runtime: Runtime
    session: Session
    report: DemoReport
    accounts_file: Path
    now: datetime

    def all(self, query: Any) -> list[Any]:
        return list(self.session.execute(query).scalars())

    def count(self, query: Any) -> int:
        return self.session.execute(select(func.count()).select_from(query.subquery())).scalar_one()

    def actor(self, username: str) -> Actor:
        user = self.session.execute(select(User).where(col(User.username) == username)).scalar_one()
        area = self.session.execute(select(Area).where(col(Area.code) == self.account(username)["area"])).scalar_one()
        return Actor(user.id, user.role, (ActorArea(area.id, area.code, area.level, area.path),))

    def account(self, username: str) -> dict[str, str]:
        return next(one for one in self.report.accounts if one.get("username") == username)


@pytest.fixture(scope="module")
def demo(engine: Engine, run_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with engine.connect().execution_options(write=True) as connection:
        outer = connection.begin()
        settings = run_settings.model_copy(update={"data_dir": tmp_path_factory.mktemp("demo")})
        runtime = open_runtime(settings, clock=lambda: NOW, bind=connection)
        accounts_file = settings.data_dir / "demo-accounts.json"
        report = load_demo(runtime, now=NOW, accounts_file=accounts_file)
        sys.stdout.write(f"the demo street: {report.counts}, seconds {report.seconds}\n")
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield Loaded(runtime, session, report, accounts_file, NOW)
        outer.rollback()


def events_of(demo: Loaded) -> dict[UUID, list[HazardEvent]]:
    """In the order of versions."""
    events: dict[UUID, list[HazardEvent]] = {}
    for event in demo.all(select(HazardEvent).order_by(col(HazardEvent.version), col(HazardEvent.recorded_at))):
        events.setdefault(event.hazard_id, []).append(event)
    return events


@pytest.mark.parametrize("now", OTHER_DAYS, ids=lambda now: now.date().isoformat())
def test_the_street_is_planned_alike_on_every_day(now: datetime) -> None:
    assert standings(business_date(now)) == standings(business_date(NOW))


@pytest.mark.parametrize("now", OTHER_DAYS, ids=lambda now: now.date().isoformat())
def test_the_street_is_loaded_alike_on_every_day(
    now: datetime, is_long: bool, runtime: Runtime, session: Session, tmp_path: Path
) -> None:
    """Before the others: they keep their transaction open to the end."""
    if not is_long:
        pytest.skip("takes half a minute: --long")
    report = load_demo(runtime, now=now, accounts_file=tmp_path / "demo-accounts.json")
    demo = Loaded(runtime, session, report, tmp_path / "demo-accounts.json", now)
    TestHazards().test_ninety_are_overdue_in_all_buckets(demo)
    TestHazards().test_everything_else_that_happens_happened(demo)
    TestHazards().test_a_second_person_closed_or_the_system_with_both_photos(demo)
    assert Counter(demo.all(select(col(Hazard.status)))) == standings(business_date(NOW))


class TestPlaces:
    def test_four_hundred_premises_of_all_kinds(self, demo: Loaded) -> None:
        kinds = Counter(demo.all(select(col(Premises.kind)).where(col(Premises.parent_id).is_(None))))
        assert sum(kinds.values()) == 400
        assert set(kinds) == set(PremisesKind)
        assert kinds[PremisesKind.MARKET] == 2

    def test_two_markets_with_stalls(self, demo: Loaded) -> None:
        stalls = demo.all(select(Premises).where(col(Premises.parent_id).is_not(None)))
        assert Counter(Counter(stall.parent_id for stall in stalls).values()) == {150: 2}
        assert set(demo.all(select(col(Market.id)))) == {stall.parent_id for stall in stalls}
        assert all(stall.floor and stall.compartment and stall.stall for stall in stalls)

    def test_eight_communities_with_grids(self, demo: Loaded) -> None:
        assert Counter(demo.all(select(col(Area.level)))) == {"district": 1, "street": 1, "community": 8, "grid": 24}
        paths = set(demo.all(select(col(Premises.area_path)).distinct()))
        assert len({path.split("/")[2] for path in paths}) == 8

    def test_names_may_be_long(self, demo: Loaded) -> None:
        names = demo.all(select(col(Premises.name)))
        assert max(len(name) for name in names) > 40

    def test_some_were_entered_by_a_visit(self, demo: Loaded) -> None:
        assert demo.count(select(Premises).where(col(Premises.status) == "unregistered")) == 4

    @pytest.mark.parametrize("code", ["91320106MA0TE5T16N", "52320106MA0TE5T16T"])
    def test_credit_codes_are_computed_by_the_standard(self, code: str) -> None:
        symbols = "0123456789ABCDEFGHJKLMNPQRTUWXY"

        def total(text: str) -> int:
            return sum(symbols.index(char) * pow(3, place, 31) for place, char in enumerate(text)) % 31

        made = credit_code(code[:2], 12)
        assert (total(made[:17]) + symbols.index(made[17])) % 31 == 0
        assert made.startswith(f"{code[:2]}320106MA0T")


class TestHazards:
    def test_every_status_that_can_be_reached(self, demo: Loaded) -> None:
        by_status = Counter(demo.all(select(col(Hazard.status))))
        assert sum(by_status.values()) == 1500
        assert set(by_status) == set(Status) - {Status.TRANSFERRED, Status.SUSPENDED}
        assert min(by_status.values()) >= 20

    def test_ninety_are_overdue_in_all_buckets(self, demo: Loaded) -> None:
        wanted = HazardFilter(as_of=business_date(demo.now), overdue=True)
        summary = summarize_hazards(demo.session, demo.actor("office1"), wanted)
        assert summary.total == 90
        assert sum(summary.overdue.values()) == 90
        assert min(summary.overdue.values()) >= 15
        assert summary.by_status[Status.AWAITING_CONFIRMATION] >= 15

    def test_majors_have_a_determination_on_record(self, demo: Loaded) -> None:
        by_severity = Counter(demo.all(select(col(Hazard.severity))))
        assert by_severity[Severity.MAJOR] >= 10
        assert by_severity[Severity.SUSPECTED_MAJOR] >= 8
        determined = set(
            demo.all(select(col(HazardEvent.hazard_id)).where(col(HazardEvent.action) == "determine_major"))
        )
        assert set(demo.all(select(col(Hazard.id)).where(col(Hazard.severity) == Severity.MAJOR))) == determined

    def test_what_came_back_was_closed_before(self, demo: Loaded) -> None:
        hazards = {hazard.id: hazard for hazard in demo.all(select(Hazard))}
        relapses = [hazard for hazard in hazards.values() if hazard.relapse_of is not None]
        assert len(relapses) >= 100
        for hazard in relapses:
            earlier = hazards[hazard.relapse_of]
            assert (earlier.premises_id, earlier.finding_code) == (hazard.premises_id, hazard.finding_code)
            assert earlier.closed_at < hazard.registered_at

    def test_half_of_what_can_be_fixed_at_once_was(self, demo: Loaded) -> None:
        fixable = demo.all(select(Hazard).where(col(Hazard.immediate_fix), col(Hazard.severity) == Severity.GENERAL))
        on_site = [hazard for hazard in fixable if hazard.close_reason is CloseReason.ON_SITE]
        assert 0.45 < len(on_site) / len(fixable) < 0.55

    def test_findings_fit_their_places(self, demo: Loaded) -> None:
        rows = demo.session.execute(
            select(col(Hazard.finding_code), col(Premises.kind))
            .join(Premises, col(Premises.id) == col(Hazard.premises_id))
            .where(col(Hazard.finding_code).is_not(None))
        ).all()
        catalogue = builtin.catalogue()
        assert all(catalogue[row.finding_code].applies_to_kind(row.kind) for row in rows)
        assert sum(catalogue[row.finding_code].deep for row in rows) >= 150
        assert len({row.finding_code for row in rows}) >= 100

    def test_a_second_person_closed_or_the_system_with_both_photos(self, demo: Loaded) -> None:
        closed = demo.all(select(Hazard).where(col(Hazard.status) == Status.CLOSED))
        events, roles = events_of(demo), stored_roles(demo)
        for hazard in closed:
            moves = [event for event in events[hazard.id] if event.from_status not in {None, event.to_status}]
            if hazard.close_reason is CloseReason.ON_SITE:
                assert [event.action for event in moves] == ["close_on_site"]
                assert {"before", "after"} <= roles[hazard.id]
                continue
            own_work = {hazard.claimant_id} if hazard.claimant_id else {UUID(one) for one in hazard.reporter_ids}
            assert moves[-1].action in {"pass_reinspection", "confirm"}
            assert moves[-1].actor_id not in own_work
            assert roles[hazard.id] & {"after", "document"}

    def test_everything_else_that_happens_happened(self, demo: Loaded) -> None:
        actions = Counter(demo.all(select(col(HazardEvent.action))))
        for action in ("fail_reinspection", "refuse", "comment", "set_interim_measures", "determine_general"):
            assert actions[action] >= 10, action
        assert actions["withdraw_void"] == 3
        rounds = Counter(demo.all(select(col(Hazard.round))))
        assert rounds[2] >= 40
        assert rounds[3] >= 5
        assert demo.count(select(Hazard).where(~col(Hazard.evidence_complete))) == 16
        assert Counter(demo.all(select(col(VoidRequest.state))))["pending"] == 6

    def test_voids_were_decided_by_another_person(self, demo: Loaded) -> None:
        asked = {request.hazard_id: request for request in demo.all(select(VoidRequest))}
        granted = demo.all(select(HazardEvent).where(col(HazardEvent.action) == "grant_void"))
        assert len(granted) >= 20
        assert all(asked[event.hazard_id].asked_by_id != event.actor_id for event in granted)
        assert demo.count(select(Hazard).where(col(Hazard.duplicate_of).is_not(None))) >= 5


class TestTimes:
    def test_nothing_lies_in_the_future_or_at_night(self, demo: Loaded) -> None:
        moments = demo.all(select(col(HazardEvent.occurred_at))) + demo.all(select(col(Inspection.started_at)))
        assert max(demo.all(select(col(HazardEvent.recorded_at)))) <= demo.now
        assert {moment.astimezone(SHANGHAI).hour for moment in moments} <= set(range(6, 22))
        kinds = Counter(demo.all(select(col(Inspection.kind))))
        assert kinds[InspectionKind.NIGHT_CHECK] >= 40
        assert sum(kinds.values()) == 900

    def test_histories_run_forward(self, demo: Loaded) -> None:
        for events in events_of(demo).values():
            counted = [event for event in events if event.action != "comment"]
            assert [event.version for event in counted] == list(range(1, len(counted) + 1))
            moments = [event.recorded_at for event in counted]
            assert moments == sorted(moments)

    def test_numbers_follow_the_year_of_receipt(self, demo: Loaded) -> None:
        rows = demo.session.execute(select(col(Hazard.number), col(Hazard.registered_at))).all()
        assert len({row.number for row in rows}) == 1500
        for row in rows:
            assert row.number.startswith(f"YH-320106011-{business_date(row.registered_at).year}-")


class TestAccounts:
    def test_everybody_can_sign_in(self, demo: Loaded) -> None:
        users = {user.username: user for user in demo.all(select(User))}
        people = [account for account in demo.report.accounts if "username" in account]
        assert {account["username"] for account in people} == set(users)
        for account in people:
            assert verify_password(account["password"], users[account["username"]].password_hash)
            assert users[account["username"]].role == account["role"]

    def test_the_machine_client_can_sign_in(self, demo: Loaded) -> None:
        machines = [account for account in demo.report.accounts if "client_id" in account]
        assert [(machine["role"], machine["area"]) for machine in machines] == [("district", "320106")]
        name, secret = machines[0]["client_id"], machines[0]["client_secret"]
        grant = sign_in_client(demo.session, name, secret, origin=Origin("127.0.0.1"), now=demo.now)
        assert grant.access_token

    def test_an_account_for_every_role(self, demo: Loaded) -> None:
        roles = Counter(account["role"] for account in demo.report.accounts if "username" in account)
        assert roles == {
            Role.INSPECTOR: 12,
            Role.OFFICER: 2,
            Role.OFFICE: 1,
            Role.LEADER: 1,
            Role.DISTRICT: 1,
            Role.AUDITOR: 1,
            Role.ADMIN: 1,
        }
        assert demo.account("inspector1")["area"] == "320106011"
        assert demo.account("inspector12")["area"] == "320106011008"

    def test_the_file_is_for_its_owner_alone(self, demo: Loaded) -> None:
        assert stat.S_IMODE(demo.accounts_file.stat().st_mode) == 0o600
        assert json.loads(demo.accounts_file.read_text(encoding="utf-8")) == demo.report.accounts
        assert len({account.get("password") for account in demo.report.accounts}) == len(demo.report.accounts)

    def test_a_database_in_use_is_left_alone(self, demo: Loaded, tmp_path: Path) -> None:
        with pytest.raises(NotEmpty):
            load_demo(demo.runtime, now=demo.now, accounts_file=tmp_path / "demo-accounts.json")
        assert list(tmp_path.iterdir()) == []


class TestPhotos:
    def test_all_are_different_and_of_one_size(self, demo: Loaded) -> None:
        photos = demo.all(select(Photo))
        stored = [photo for photo in photos if photo.stored_at is not None]
        assert len(photos) - len(stored) == 16
        assert len({photo.sha256 for photo in photos}) == len(photos)
        assert {(photo.width, photo.height, photo.readable) for photo in stored} == {(640, 480, True)}
        assert all(demo.runtime.storage.has(photo.sha256) for photo in stored)

    def test_files_are_what_the_rows_say(self, demo: Loaded) -> None:
        stored = demo.all(select(Photo).where(col(Photo.stored_at).is_not(None)).order_by(col(Photo.sha256)).limit(40))
        for photo in stored:
            path = demo.runtime.storage.path(photo.sha256)
            facts = inspect(path)
            assert (path.stat().st_size, facts.width, facts.height) == (photo.bytes, 640, 480)
            assert facts.taken_at_device is not None
            assert facts.taken_at_device.isoformat() == photo.exif_taken_at
            assert (facts.camera_make, facts.camera_model) == (photo.exif_make, photo.exif_model)
            with Image.open(demo.runtime.storage.thumbnail_path(photo.sha256)) as thumbnail:
                assert max(thumbnail.size) <= 480
                assert not thumbnail.getexif()

    def test_before_and_after_show_one_place(self, demo: Loaded) -> None:
        pairs = list(pictures(demo))[:30]
        own = [difference(before, after) for before, after in pairs]
        others = [difference(before, after) for (before, _), (_, after) in pairwise(pairs)]
        assert 0 < sum(own) / len(own) < 0.8 * sum(others) / len(others)


class TestFeed:
    def test_the_latest_version_of_every_hazard_is_in_it(self, demo: Loaded) -> None:
        told = demo.session.execute(
            select(col(Feed.object_id), func.max(col(Feed.version)))
            .where(col(Feed.type) == FeedType.HAZARD)
            .group_by(col(Feed.object_id))
        ).all()
        hazards = demo.session.execute(select(col(Hazard.id), col(Hazard.version))).all()
        assert dict(tuple(row) for row in told) == dict(tuple(row) for row in hazards)

    def test_it_can_be_read_to_its_end(self, demo: Loaded) -> None:
        positions = demo.all(select(col(Feed.position)).order_by(col(Feed.position)))
        assert positions == list(range(1, len(positions) + 1))
        assert demo.all(select(col(ChainHead.position))) == [len(positions)]
        assert max(Counter(demo.all(select(col(Feed.commit_id)))).values()) <= 200


def standings(today: date) -> Counter[Status]:
    """Where the findings of the plan stand in the end, told from its deeds."""
    plan = make_plan(today, WorkCalendar.of(seed_calendar_days(), 1))
    return Counter(standing(finding) for finding in plan.findings)


def standing(finding: Finding) -> Status:
    if finding.fixed == "system":
        return Status.CLOSED
    status, claimant = Status.RECTIFYING, None
    is_general = finding.severity is Severity.GENERAL
    if finding.fixed == "reason":
        status, claimant = Status.AWAITING_REINSPECTION, finding.visit.by
    for step in sorted(finding.steps, key=lambda step: step.at):
        if step.deed is Deed.CLAIM:
            status, claimant = Status.AWAITING_REINSPECTION, step.by
        elif step.deed in {Deed.DETERMINE_GENERAL, Deed.DETERMINE_MAJOR}:
            is_general = step.deed is Deed.DETERMINE_GENERAL
        elif step.deed is Deed.PASS:
            is_own = step.by in ({claimant} if claimant else finding.visit.people)
            status = Status.AWAITING_CONFIRMATION if is_own or not is_general else Status.CLOSED
        elif step.deed in {Deed.FAIL, Deed.REFUSE}:
            status, claimant = Status.RECTIFYING, None
        elif step.deed in {Deed.CONFIRM, Deed.GRANT_VOID}:
            status = Status.CLOSED if step.deed is Deed.CONFIRM else Status.VOIDED
    return status


def stored_roles(demo: Loaded) -> dict[UUID, set[str]]:
    rows = demo.session.execute(
        select(col(HazardPhoto.hazard_id), col(HazardPhoto.role))
        .join(Photo, col(Photo.id) == col(HazardPhoto.photo_id))
        .where(col(Photo.stored_at).is_not(None), col(Photo.readable))
    )
    roles: dict[UUID, set[str]] = {}
    for row in rows:
        roles.setdefault(row.hazard_id, set()).add(row.role)
    return roles


def pictures(demo: Loaded) -> Iterator[tuple[Image.Image, Image.Image]]:
    """Thumbnails before and after of what was fixed on the spot."""
    rows = demo.session.execute(
        select(col(HazardPhoto.hazard_id), col(HazardPhoto.role), col(Photo.sha256))
        .join(Photo, col(Photo.id) == col(HazardPhoto.photo_id))
        .join(Hazard, col(Hazard.id) == col(HazardPhoto.hazard_id))
        .where(col(Hazard.close_reason) == CloseReason.ON_SITE)
        .order_by(col(Hazard.number), col(HazardPhoto.position))
    )
    shots: dict[UUID, dict[str, str]] = {}
    for row in rows:
        shots.setdefault(row.hazard_id, {})[row.role] = row.sha256
    for by_role in shots.values():
        with (
            Image.open(demo.runtime.storage.thumbnail_path(by_role["before"])) as before,
            Image.open(demo.runtime.storage.thumbnail_path(by_role["after"])) as after,
        ):
            yield before.convert("L"), after.convert("L")


def difference(one: Image.Image, other: Image.Image) -> float:
    return ImageStat.Stat(ImageChops.difference(one, other)).rms[0]
