"""The overdue list and its counts, computed at the question. Source: contract.md, «Hazards»; lifecycle.md."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import Connection, event, update
from sqlmodel import Session, col

from app.core.clock import business_date
from app.domain.vocabulary import CloseReason, Role, Severity, Status
from app.models import Area, Hazard, Inspection, Premises
from tests.conftest import FakeClock
from tests.factories import Person, Street, make_premises
from tests.phone import Phone

Refused = Callable[[httpx2.Response, int, str], None]
TODAY = date(2026, 11, 24)
CHASED = ("rectifying", "awaiting_reinspection", "awaiting_confirmation")


def make_hazard(
    session: Session, street: Street, now: datetime, number: int, *, place: Premises | None = None, **changes: Any
) -> Hazard:
    """A hazard as rows, without its history: lists read nothing else."""
    place, inspector = place or street.shop, street.inspector
    inspection = _inspection(session, place, inspector, now)
    status = changes.get("status", Status.RECTIFYING)
    due_on = changes.get("due_on", TODAY)
    fields: dict[str, Any] = {
        "id": uuid4(),
        "number": f"YH-320106011-2026-{number:06d}",
        "status": status,
        "close_reason": CloseReason.RECTIFIED if status == Status.CLOSED else None,
        "severity": Severity.GENERAL,
        "inspection_id": inspection,
        "premises_id": place.id,
        "area_id": place.area_id,
        "area_path": place.area_path,
        "category_zh": "疏散通道",
        "text": "楼梯间堆放杂物",
        "reporter_id": inspector.id,
        "reporter_ids": [str(inspector.id)],
        "handler_id": inspector.id,
        "last_event_at": now,
        "found_at": now - timedelta(minutes=number),
        "found_on": business_date(now),
        "registered_at": now,
        "due_on": due_on,
        "original_due_on": due_on,
        "due_unrolled_on": due_on,
        "due_base_on": TODAY - timedelta(days=60),
        "due_days": 7,
        "due_counting": "calendar",
        "policy_code": "DL-G-EVAC",
        "policy_version": 1,
        "calendar_version": 1,
    }
    hazard = Hazard(**(fields | changes))
    session.add(hazard)
    session.commit()
    return hazard


def _inspection(session: Session, place: Premises, inspector: Person, now: datetime) -> UUID:
    made = Inspection(
        id=uuid4(),
        number=f"JC-{uuid4().hex[:20]}",
        premises_id=place.id,
        area_id=place.area_id,
        area_path=place.area_path,
        kind="patrol",
        reporter_id=inspector.id,
        inspector_ids=[str(inspector.id)],
        stated_started_at=now,
        stated_ended_at=now,
        started_at=now,
        ended_at=now,
        received_at=now,
        request_hash="",
        content_hash="",
        answer="",
    )
    session.add(made)
    session.flush()
    return made.id


@pytest.fixture
def board(session: Session, street: Street, clock: FakeClock) -> list[Hazard]:
    """Sixty hazards of two communities and the other street: every status, severity and bucket, some without a date."""
    places = [street.shop, _shop(session, street.other_community, clock.now), street.other_shop]
    statuses, severities, categories = list(Status), list(Severity), ["疏散通道", "电气线路"]
    offsets = [None, -45, -31, -30, -16, -15, -8, -7, -1, 0, 1, 30]
    return [
        make_hazard(
            session,
            street,
            clock.now,
            number,
            place=places[number % 7 % 3],
            status=statuses[number % 11 % 7],
            severity=severities[number % 5 % 3],
            category_zh=categories[number % 2],
            due_on=None if (days := offsets[number % 12]) is None else TODAY + timedelta(days=days),
            text="楼梯间堆放杂物" if number % 4 else "配电箱未关闭 50%_x",
        )
        for number in range(1, 61)
    ]


def _shop(session: Session, area: Area, now: datetime) -> Premises:
    return make_premises(session, area, now, name="白云亭五金店")


def page(phone: Phone, person: Person, **params: Any) -> dict[str, Any]:
    answer = phone.client.get("/hazards", params=params, headers=person.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def walk(
    phone: Phone, person: Person, between: Callable[[int], object] = lambda _: None, **params: Any
) -> list[dict[str, Any]]:
    """All items of all pages; ``between`` is called after each page."""
    items, cursor, pages = [], {}, 0
    while True:
        answer = page(phone, person, **params, **cursor)
        items += answer["items"]
        assert len(answer["items"]) <= params.get("limit", 50)
        if answer["next_cursor"] is None:
            return items
        cursor, pages = {"cursor": answer["next_cursor"]}, pages + 1
        between(pages)


def summary(phone: Phone, person: Person, **params: Any) -> dict[str, Any]:
    answer = phone.client.get("/hazards/summary", params=params, headers=person.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def late(hazard: Hazard, today: date = TODAY) -> bool:
    return hazard.status in CHASED and hazard.due_on is not None and hazard.due_on < today


def in_street(board: list[Hazard]) -> list[Hazard]:
    return [hazard for hazard in board if hazard.area_path.startswith("320106/320106011/")]


FILTERS: dict[str, tuple[dict[str, Any], Callable[[Hazard], bool]]] = {
    "all": ({}, lambda _: True),
    "overdue": ({"overdue": True}, late),
    "not overdue": ({"overdue": False}, lambda hazard: not late(hazard)),
    "closed": ({"status": "closed"}, lambda hazard: hazard.status == "closed"),
    "two statuses": ({"status": ["rectifying", "voided"]}, lambda hazard: hazard.status in {"rectifying", "voided"}),
    "major": ({"severity": "major"}, lambda hazard: hazard.severity == "major"),
    "category": ({"category": "电气线路"}, lambda hazard: hazard.category_zh == "电气线路"),
    "due before": (
        {"due_before": "2026-11-17"},
        lambda hazard: bool(hazard.due_on and hazard.due_on < date(2026, 11, 17)),
    ),
    "text": ({"q": "配电箱"}, lambda hazard: "配电箱" in hazard.text),
    "percent": ({"q": "50%"}, lambda hazard: "50%" in hazard.text),
    "underscore": ({"q": "%_x"}, lambda hazard: "%_x" in hazard.text),
    "number": ({"q": "000017"}, lambda hazard: hazard.number.endswith("000017")),
    "no campaign": ({"campaign_id": str(uuid4())}, lambda _: False),
    "last week": ({"as_of": "2026-11-17", "overdue": True}, lambda hazard: late(hazard, date(2026, 11, 17))),
    "overdue and major": (
        {"overdue": True, "severity": "major"},
        lambda hazard: late(hazard) and hazard.severity == "major",
    ),
}


class TestFilters:
    @pytest.mark.parametrize(("params", "keeps"), FILTERS.values(), ids=FILTERS)
    def test_exactly_those_in_any_order_and_as_many_as_the_counts_say(
        self, phone: Phone, board: list[Hazard], params: dict[str, Any], keeps: Callable[[Hazard], bool]
    ) -> None:
        leader = phone.street.leader
        wanted = {str(hazard.id) for hazard in in_street(board) if keeps(hazard)}
        for sort in ("due_on", "found_at", "-overdue_days"):
            ids = [item["id"] for item in walk(phone, leader, limit=7, sort=sort, **params)]
            assert (len(ids), set(ids)) == (len(wanted), wanted)
        counts, items = summary(phone, leader, **params), walk(phone, leader, limit=200, **params)
        assert counts["total"] == len(items)
        assert counts["as_of"] == params.get("as_of", "2026-11-24")
        assert set(counts["by_status"]) == {status.value for status in Status}
        for name, by in (("by_status", "status"), ("by_severity", "severity"), ("by_area", "area_id")):
            for value, count in counts[name].items():
                assert count == sum(item[by] == value for item in items)
            assert sum(counts[name].values()) == len(items)
        days = [item["days_overdue"] for item in items if item["days_overdue"]]
        assert counts["overdue"] == {
            "count": len(days),
            "buckets": {
                "d1_7": sum(1 <= late_by <= 7 for late_by in days),
                "d8_15": sum(8 <= late_by <= 15 for late_by in days),
                "d16_30": sum(16 <= late_by <= 30 for late_by in days),
                "d31_plus": sum(late_by >= 31 for late_by in days),
            },
        }

    def test_by_premises_and_handler(self, phone: Phone, board: list[Hazard]) -> None:
        leader, place = phone.street.leader, board[0].premises_id
        items = walk(phone, leader, premises_id=str(place), limit=200)
        assert {item["id"] for item in items} == {str(one.id) for one in in_street(board) if one.premises_id == place}
        assert len(page(phone, leader, handler_id=str(phone.street.inspector.id), limit=200)["items"]) == len(
            in_street(board)
        )
        assert page(phone, leader, handler_id=str(leader.id))["items"] == []
        assert page(phone, leader, premises_id=str(phone.street.other_shop.id))["items"] == []

    def test_by_area(self, phone: Phone, board: list[Hazard], refused: Refused) -> None:
        street = phone.street
        for area in (street.street, street.community, street.other_community):
            wanted = {str(hazard.id) for hazard in board if hazard.area_path.startswith(area.path)}
            items = walk(phone, street.leader, area_id=str(area.id), limit=200)
            assert {item["id"] for item in items} == wanted
            assert summary(phone, street.leader, area_id=str(area.id))["total"] == len(wanted)
        for path in ("/hazards", "/hazards/summary"):
            for area_id in (street.other_street.id, street.district.id, uuid4()):
                answer = phone.client.get(path, params={"area_id": str(area_id)}, headers=street.leader.headers)
                refused(answer, 404, "not-found")
        assert len(walk(phone, street.district_person, limit=200)) == len(board)


class TestOrder:
    def test_by_due_date(self, phone: Phone, board: list[Hazard]) -> None:
        dates = [item["due_on"] or "9999" for item in walk(phone, phone.street.leader, limit=9)]
        assert dates == sorted(dates)
        assert dates[-1] == "9999"

    def test_the_newest_find_first(self, phone: Phone, board: list[Hazard]) -> None:
        found = [item["found_at"] for item in walk(phone, phone.street.leader, limit=9, sort="found_at")]
        assert found == sorted(found, reverse=True)

    @pytest.mark.parametrize(
        "params", [{}, {"overdue": True}, {"as_of": "2026-11-01"}], ids=["all", "overdue", "earlier"]
    )
    def test_the_longest_overdue_first(self, phone: Phone, board: list[Hazard], params: dict[str, Any]) -> None:
        days = [
            item["days_overdue"] for item in walk(phone, phone.street.leader, limit=9, sort="-overdue_days", **params)
        ]
        assert days == sorted(days, reverse=True)
        assert days[0] > 0


class TestPages:
    @pytest.mark.parametrize("sort", ["due_on", "found_at", "-overdue_days"])
    def test_stable_while_rows_are_written(
        self, phone: Phone, board: list[Hazard], session: Session, clock: FakeClock, sort: str
    ) -> None:
        """New hazards come before and behind the cursor; nothing that stays in its place comes twice or is left out."""
        new = iter(range(100, 200))

        def write(_pages: int) -> None:
            for days in (-100, -10, 0, 50):
                due_on = TODAY + timedelta(days=days)
                make_hazard(session, phone.street, clock.now + timedelta(days=days), next(new), due_on=due_on)

        items = walk(phone, phone.street.leader, write, limit=8, sort=sort)
        ids = [item["id"] for item in items]
        assert len(ids) == len(set(ids))
        assert {str(hazard.id) for hazard in in_street(board)} <= set(ids)

    @pytest.mark.parametrize(("hours", "status"), [(13.9, 200), (14, 200), (37.9, 200), (38, 400)])
    def test_midnight_between_two_pages(
        self, phone: Phone, board: list[Hazard], clock: FakeClock, hours: float, status: int
    ) -> None:
        """The list goes on as of the day it began; a day later it has to begin again."""
        leader, params = phone.street.leader, {"sort": "-overdue_days", "limit": 5}
        first = page(phone, leader, **params)
        clock.move(hours=hours)
        answer = phone.client.get("/hazards", params=params | {"cursor": first["next_cursor"]}, headers=leader.headers)
        assert answer.status_code == status
        if status == 200:
            days = [item["days_overdue"] for item in first["items"] + answer.json()["items"]]
            assert days == sorted(days, reverse=True)
            assert (
                answer.json()["items"][0]["days_overdue"]
                == (TODAY - date.fromisoformat(answer.json()["items"][0]["due_on"])).days
            )

    def test_equal_keys(self, phone: Phone, session: Session, street: Street, clock: FakeClock) -> None:
        for number in range(1, 12):
            make_hazard(session, street, clock.now, number, found_at=clock.now)
        for sort in ("due_on", "found_at", "-overdue_days"):
            assert len({item["id"] for item in walk(phone, street.leader, limit=2, sort=sort)}) == 11

    def test_the_last_page_has_no_cursor(self, phone: Phone, board: list[Hazard]) -> None:
        count = len(in_street(board))
        assert page(phone, phone.street.leader, limit=count)["next_cursor"] is None
        assert page(phone, phone.street.leader, limit=count - 1)["next_cursor"] is not None

    def test_a_cursor_is_for_who_got_it_and_for_its_order(
        self, phone: Phone, board: list[Hazard], refused: Refused
    ) -> None:
        street = phone.street
        cursor = page(phone, street.leader, limit=5)["next_cursor"]
        for person, params in (
            (street.office, {}),
            (street.stranger, {}),
            (street.leader, {"sort": "found_at"}),
            (street.leader, {"sort": "-overdue_days"}),
            (street.leader, {"as_of": "2026-11-01"}),
        ):
            answer = phone.client.get("/hazards", params={"cursor": cursor} | params, headers=person.headers)
            refused(answer, 400, "bad-cursor")
        refused(
            phone.client.get("/inspections", params={"cursor": cursor}, headers=street.leader.headers),
            400,
            "bad-cursor",
        )

    @pytest.mark.parametrize(
        ("role", "lists"),
        [(Role.ADMIN, ("/areas", "/users", "/clients")), (Role.DISTRICT, ("/areas", "/premises", "/inspections"))],
    )
    def test_every_cursor_is_for_who_got_it_and_for_its_list(
        self, phone: Phone, board: list[Hazard], refused: Refused, role: Role, lists: tuple[str, ...]
    ) -> None:
        street = phone.street
        one, other = (street.person(role, name, area=street.district) for name in ("one", "other"))
        assert street.machine().id != street.machine().id
        cursors = {}
        for path in lists:
            answer = phone.client.get(path, params={"limit": 1}, headers=one.headers)
            cursors[path] = answer.json()["next_cursor"]
            after = {"limit": 1, "cursor": cursors[path]}
            assert phone.client.get(path, params=after, headers=one.headers).status_code == 200
            refused(phone.client.get(path, params=after, headers=other.headers), 400, "bad-cursor")
        for path in lists:
            for cursor in (cursors[another] for another in lists if another != path):
                answer = phone.client.get(path, params={"cursor": cursor}, headers=one.headers)
                refused(answer, 400, "bad-cursor")

    @pytest.mark.parametrize(
        ("path", "key"),
        [
            ("areas", ["x"]),
            ("areas", ["\0"]),
            ("areas", ["320106/", "x"]),
            ("areas", [1]),
            ("premises", ["a", str(uuid4())]),
            ("premises", ["320106/", "b"]),
            ("users", ["x"]),
            ("users", []),
            ("clients", ["x"]),
        ],
    )
    def test_an_invented_position(self, phone: Phone, refused: Refused, path: str, key: list[object]) -> None:
        person = phone.street.leader if path == "premises" else phone.street.person(Role.ADMIN)
        cursor = base64.urlsafe_b64encode(json.dumps([path, str(person.id), *key]).encode()).decode()
        refused(phone.client.get(f"/{path}", params={"cursor": cursor}, headers=person.headers), 400, "bad-cursor")

    @pytest.mark.parametrize("sort", ["due_on", "found_at"])
    @pytest.mark.parametrize(
        ("key", "row"),
        [
            ("2026-11-24T00:00:00", str(uuid4())),
            ("10000-01-01", str(uuid4())),
            ("2026-11-24", "1"),
            ("9999-12-31T23:59:59-12:00", str(uuid4())),
            ("x", str(uuid4())),
            ("", ""),
            ("2026-11-24T00:00:00.000000Z\x00", str(uuid4())),
        ],
    )
    def test_an_invented_cursor(
        self, phone: Phone, board: list[Hazard], refused: Refused, sort: str, key: str, row: str
    ) -> None:
        leader = phone.street.leader
        made = json.dumps([f"hazards:{sort}", str(leader.id), "2026-11-24", key, row]).encode()
        cursor = base64.urlsafe_b64encode(made).decode()
        answer = phone.client.get("/hazards", params={"cursor": cursor, "sort": sort}, headers=leader.headers)
        refused(answer, 400, "bad-cursor")

    @pytest.mark.parametrize(
        "cursor", ["x", "é", "AAAA", "bnVsbA", "W10", "e30", base64.b64encode(b"[" * 290).decode()]
    )
    @pytest.mark.parametrize("path", ["/hazards", "/inspections", "/premises"])
    def test_a_cursor_that_is_none(self, phone: Phone, refused: Refused, path: str, cursor: str) -> None:
        answer = phone.client.get(path, params={"cursor": cursor}, headers=phone.street.leader.headers)
        refused(answer, 400, "bad-cursor")


class TestOverdue:
    @pytest.mark.parametrize(
        ("at", "days"),
        [
            ("2026-12-01T15:59:59+00:00", 0),
            ("2026-12-01T16:00:00+00:00", 1),
            ("2026-12-02T00:00:00+00:00", 1),
            ("2026-12-02T15:59:59+00:00", 1),
            ("2026-12-02T16:00:00+00:00", 2),
        ],
    )
    def test_from_midnight_in_shanghai(self, phone: Phone, clock: FakeClock, at: str, days: int) -> None:
        hazard = phone.report(finding_code="FD-002")
        assert hazard["due_on"] == "2026-12-01"
        clock.now = datetime.fromisoformat(at)
        read = phone.read(hazard["id"])
        assert (read["days_overdue"], read["days_overdue_original"]) == (days, days)
        assert len(page(phone, phone.street.leader, overdue=True)["items"]) == (days > 0)
        assert summary(phone, phone.street.leader)["overdue"]["count"] == (days > 0)

    def test_as_of_an_earlier_day(self, phone: Phone, clock: FakeClock) -> None:
        phone.report(finding_code="FD-002")
        clock.move(days=30)
        leader = phone.street.leader
        for as_of, days in (("2026-12-01", 0), ("2026-12-02", 1), ("2026-12-11", 10), ("2026-12-24", 23)):
            items = page(phone, leader, as_of=as_of)["items"]
            assert [item["days_overdue"] for item in items] == [days]
            assert summary(phone, leader, as_of=as_of)["overdue"]["count"] == (days > 0)

    def test_who_is_not_chased_is_not_overdue(self, phone: Phone, clock: FakeClock) -> None:
        hazard = phone.report()
        clock.move(days=3)
        assert phone.read(hazard["id"])["days_overdue"] == 3
        phone.reinspect(phone.street.other_inspector, hazard)
        assert phone.read(hazard["id"])["days_overdue"] == 0
        assert page(phone, phone.street.leader, overdue=True)["items"] == []

    def test_both_dates_are_shown(self, phone: Phone, clock: FakeClock) -> None:
        hazard = phone.report(finding_code="FD-002")
        clock.move(days=5)
        hazard = phone.claim(phone.street.office, hazard).json()["hazard"]
        clock.move(days=1)
        hazard = phone.reinspect(phone.street.other_inspector, hazard, "fail").json()["hazard"]
        assert (hazard["original_due_on"], hazard["due_on"]) == ("2026-12-01", "2026-12-07")
        clock.move(days=10)
        read = phone.read(hazard["id"])
        assert (read["days_overdue"], read["days_overdue_original"]) == (3, 9)


@contextmanager
def counted(connection: Connection) -> Iterator[list[str]]:
    """The statements sent inside, but for savepoints."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "SAVEPOINT" not in statement:
            sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)


class TestStatements:
    @pytest.mark.parametrize(
        ("path", "most"),
        [
            ("/hazards", 3),
            ("/hazards?overdue=true&sort=-overdue_days", 2),
            ("/hazards/summary", 2),
            ("/inspections", 2),
        ],
    )
    def test_as_many_for_one_row_as_for_fifty(
        self,
        phone: Phone,
        session: Session,
        street: Street,
        clock: FakeClock,
        connection: Connection,
        path: str,
        most: int,
    ) -> None:
        leader, counts = street.leader, []
        for number in range(1, 51):
            make_hazard(session, street, clock.now, number, due_on=TODAY - timedelta(days=number))
            if number in {1, 50}:
                with counted(connection) as sent:
                    assert phone.client.get(path, headers=leader.headers).status_code == 200
                counts.append(len(sent))
        assert counts[0] == counts[1] <= most

    def test_a_history_too(self, phone: Phone, connection: Connection) -> None:
        hazard, office = phone.report(), phone.street.office
        counts = []
        for notes in (1, 30):
            for _ in range(notes):
                phone.act(office, hazard["id"], "comments", note="催办")
            with counted(connection) as sent:
                phone.client.get(f"/hazards/{hazard['id']}/timeline", headers=office.headers)
            counts.append(len(sent))
        assert counts[0] == counts[1] <= 4


class TestHistory:
    def test_pages_hold_every_event_once_and_in_order(self, phone: Phone, refused: Refused) -> None:
        """Also when everything happened within one instant."""
        hazard, office = phone.report(), phone.street.office
        for _ in range(3):
            hazard = phone.claim(office, hazard).json()["hazard"]
            phone.act(office, hazard["id"], "comments", note="催办")
            hazard = phone.reinspect(phone.street.other_inspector, hazard, "fail").json()["hazard"]
        events: list[dict[str, Any]] = []
        url, cursor = f"/hazards/{hazard['id']}/timeline", {}
        while True:
            answer = phone.client.get(url, params={"limit": 2} | cursor, headers=office.headers).json()
            events += answer["items"]
            if answer["next_cursor"] is None:
                break
            cursor = {"cursor": answer["next_cursor"]}
        versions = [one["version"] for one in events]
        assert versions == sorted(versions)
        assert [one["version"] for one in events if one["action"] != "comment"] == list(range(1, 9))
        assert len({one["id"] for one in events}) == len(events) == 11
        other = phone.report()
        answer = phone.client.get(f"/hazards/{other['id']}/timeline", params=cursor, headers=office.headers)
        refused(answer, 400, "bad-cursor")
        refused(phone.client.get(url, params=cursor, headers=phone.street.leader.headers), 400, "bad-cursor")


class TestInspections:
    def test_pages(self, phone: Phone, session: Session, street: Street, clock: FakeClock) -> None:
        for number in range(1, 8):
            make_hazard(session, street, clock.now + timedelta(minutes=number // 2), number)
        seen, cursor = [], {}
        while True:
            answer = phone.client.get(
                "/inspections", params={"limit": 3} | cursor, headers=street.leader.headers
            ).json()
            seen += answer["items"]
            if answer["next_cursor"] is None:
                break
            cursor = {"cursor": answer["next_cursor"]}
        received = [item["received_at"] for item in seen]
        assert (len({item["id"] for item in seen}), received) == (7, sorted(received, reverse=True))
        assert phone.client.get("/inspections", headers=street.stranger.headers).json()["items"] == []

    def test_filters(self, phone: Phone, street: Street) -> None:
        phone.report()
        phone.report(street.other_inspector)
        for params, count in (
            ({"reporter_id": str(street.inspector.id)}, 1),
            ({"premises_id": str(street.shop.id)}, 2),
            ({"premises_id": str(street.other_shop.id)}, 0),
        ):
            answer = phone.client.get("/inspections", params=params, headers=street.leader.headers)
            assert len(answer.json()["items"]) == count


def test_a_changed_row_moves_no_other(phone: Phone, board: list[Hazard], session: Session) -> None:
    """What is closed between two pages of the overdue list leaves it; the rest comes once."""
    leader = phone.street.leader
    late_ones = [hazard for hazard in in_street(board) if late(hazard)]
    closing = {hazard.id for hazard in late_ones[::3]}

    def close(pages: int) -> None:
        if pages == 1:
            changes = {"status": Status.CLOSED, "close_reason": CloseReason.RECTIFIED}
            session.execute(update(Hazard).where(col(Hazard.id).in_(closing)).values(changes))
            session.commit()

    ids = [UUID(item["id"]) for item in walk(phone, leader, close, overdue=True, limit=3)]
    assert len(ids) == len(set(ids))
    assert {hazard.id for hazard in late_ones} - closing <= set(ids)
