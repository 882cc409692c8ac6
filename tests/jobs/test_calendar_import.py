"""A year's notice settles the dates that waited for it: later, never earlier, and told to everybody."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from app.domain.notices import NoticeRejected
from app.models import CalendarNotice, Feed, Hazard, HazardEvent, Outbox
from app.services.calendar_import import ImportReport, import_notice

NOTICE = "date,is_workday,note\n2027-01-01,0,元旦\n2027-01-03,1,元旦调休\n"
"""New Year's Day 2027 is a Friday; the Sunday after it is worked."""


@pytest.fixture
def waiting(phone, clock):
    """A hazard that runs until 2027-01-01, beyond the calendar."""
    clock.now = datetime(2026, 12, 25, 2, tzinfo=UTC)
    hazard = phone.report(finding_code="EV-005")
    assert (hazard["due_on"], hazard["due_on_provisional"]) == ("2027-01-01", True), hazard
    return hazard


def told(session, hazard_id):
    """Versions of the hazard in the feed, or waiting for it."""
    versions = []
    for table in (Feed, Outbox):
        versions += session.execute(select(table.version).where(table.object_id == hazard_id)).scalars()
    return sorted(versions)


def notices(session):
    return session.execute(select(func.count()).select_from(CalendarNotice)).scalar_one()


def test_a_holiday_moves_the_date_to_the_next_working_day(phone, runtime, session, clock, waiting):
    clock.move(days=1)
    report = import_notice(runtime.db, NOTICE, "2027.csv", now=clock())
    assert report == ImportReport(years=(2027,), known_years=(), settled=1, moved=1)
    moved = phone.read(waiting["id"])
    assert (moved["due_on"], moved["due_on_provisional"]) == ("2027-01-03", False)
    assert moved["original_due_on"] == waiting["original_due_on"]
    assert moved["version"] == waiting["version"] + 1
    last = session.execute(
        select(HazardEvent).where(HazardEvent.hazard_id == waiting["id"]).order_by(HazardEvent.version.desc()).limit(1)
    ).scalar_one()
    assert (last.action, last.actor_id) == ("move_due_date", None)
    assert last.detail == {"before": "2027-01-01", "after": "2027-01-03"}
    assert told(session, waiting["id"])[-1] == moved["version"]
    assert moved["due_basis"]["calendar_version"] == session.execute(select(func.max(CalendarNotice.version))).scalar()


def test_the_same_file_twice_changes_nothing(phone, runtime, session, clock, waiting):
    import_notice(runtime.db, NOTICE, "2027.csv", now=clock())
    once, count = phone.read(waiting["id"]), notices(session)
    report = import_notice(runtime.db, NOTICE, "2027 again.csv", now=clock())
    assert report == ImportReport(years=(), known_years=(2027,), settled=0, moved=0)
    assert (phone.read(waiting["id"]), notices(session)) == (once, count)


def test_an_amended_notice_is_a_new_version_and_moves_no_settled_date(phone, runtime, session, clock, waiting):
    import_notice(runtime.db, NOTICE, "2027.csv", now=clock())
    once, count = phone.read(waiting["id"]), notices(session)
    report = import_notice(runtime.db, "date,is_workday\n2027-01-01,0\n", "amended.csv", now=clock())
    assert (report.years, report.settled) == ((2027,), 0)
    assert notices(session) == count + 1
    assert phone.read(waiting["id"]) == once
    with runtime.db.read() as reading:
        assert not runtime.calendars.current(reading).is_workday(date(2027, 1, 3))


def test_a_date_on_a_working_day_is_settled_where_it_is(phone, runtime, clock, waiting):
    without = "date,is_workday\n2027-01-04,0\n"
    report = import_notice(runtime.db, without, "2027.csv", now=clock())
    assert (report.settled, report.moved) == (1, 0)
    settled = phone.read(waiting["id"])
    assert (settled["due_on"], settled["due_on_provisional"]) == ("2027-01-01", False)


def test_a_closed_hazard_keeps_its_date(phone, street, runtime, clock, waiting):
    assert phone.reinspect(street.other_inspector, waiting).status_code == 201
    closed = phone.read(waiting["id"])
    assert closed["status"] == "closed"
    assert import_notice(runtime.db, NOTICE, "2027.csv", now=clock()).settled == 0
    assert phone.read(waiting["id"]) == closed


def test_many_hazards_in_short_transactions(phone, runtime, session, clock, waiting):
    for _ in range(4):
        phone.report(finding_code="EV-005")
    assert import_notice(runtime.db, NOTICE, "2027.csv", now=clock(), at_once=2).settled == 5
    session.expire_all()
    assert set(session.execute(select(Hazard.due_on)).scalars()) == {date(2027, 1, 3)}


def test_a_bad_file_changes_nothing(runtime, session, clock):
    count = notices(session)
    with pytest.raises(NoticeRejected):
        import_notice(runtime.db, NOTICE + "2027-13-01,0,\n", "bad.csv", now=clock())
    assert notices(session) == count
