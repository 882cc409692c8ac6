"""The district's API as a machine client meets it. Source: contract.md, «District»."""

import base64
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from app.domain.vocabulary import FeedType
from app.models import Client, Feed, FeedChain, Seal
from app.services.changes import publish, publish_removal
from tests.api.conftest import Phone
from tests.conftest import FakeClock
from tests.factories import Street, found, make_area, make_premises, shoot, visit
from tests.feed import Puller, positions, running_hash, versions


@pytest.fixture
def district(client: TestClient, street: Street) -> Puller:
    """A client of the whole district."""
    return Puller(client, street.machine())


@pytest.fixture
def told(session: Session, street: Street, clock: FakeClock):
    """Publish the shop as it stands, one commit each time."""

    def tell(times: int = 1, premises: Any = None) -> None:
        for _ in range(times):
            place = premises or street.shop
            place.version += 1
            session.add(place)
            publish(session, FeedType.PREMISES, [place.id], now=clock())
            session.commit()

    return tell


def of_type(items: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [item for item in items if item["type"] == kind]


class TestRecords:
    def test_a_reported_hazard_comes_with_its_visit_and_photo(self, phone: Phone, district: Puller) -> None:
        hazard = phone.report()
        items = district.pull()
        assert [(item["type"], item["version"], item["commit_last"]) for item in items] == [
            ("inspection", 1, False),
            ("photo", 1, False),
            ("hazard", 1, True),
            ("photo", 2, False),
            ("hazard", 2, True),
        ]
        visit, _, first, photo, second = (item["data"] for item in items)
        assert visit["hazards"] == [{"id": hazard["id"], "number": hazard["number"]}]
        assert [shot["id"] for shot in visit["photos"]] == [photo["id"]]
        assert photo["hazards"] == [{"id": hazard["id"]}]
        assert (first["evidence_complete"], second["evidence_complete"]) == (False, True)
        assert second["photos"] == [{"id": photo["id"], "role": "before", "sha256": photo["sha256"]}]

    def test_the_record_is_what_people_read_without_reader_and_day(self, phone: Phone, district: Puller) -> None:
        read = phone.report()
        record = of_type(district.pull(), "hazard")[-1]["data"]
        unsaid = {"days_overdue", "days_overdue_original", "allowed_actions", "photos"}
        assert {name: record[name] for name in read.keys() - unsaid} == {
            name: read[name] for name in read.keys() - unsaid
        }

    def test_every_change_is_told_once_with_its_own_version(
        self, phone: Phone, street: Street, district: Puller
    ) -> None:
        hazard = phone.claim(street.office, phone.report()).json()["hazard"]
        failed = phone.reinspect(street.other_inspector, hazard, "fail").json()["hazard"]
        phone.act(street.office, failed["id"], "comments", note="电话已催")
        closed = phone.reinspect(street.other_inspector, failed).json()["hazard"]
        items = district.pull()
        told = [(item["type"], *versions([item])) for item in items]
        assert len(told) == len(set(told))
        mine = [item for item in items if item["id"] == hazard["id"]]
        assert [item["version"] for item in mine] == list(range(1, closed["version"] + 1))
        assert [item["data"]["status"] for item in mine][-3:] == ["awaiting_reinspection", "rectifying", "closed"]
        assert mine[-1]["data"]["closed_at"] == closed["closed_at"]

    def test_a_void_is_a_tombstone_that_says_so(self, phone: Phone, street: Street, district: Puller) -> None:
        hazard = phone.report()
        asked = phone.ask_void(street.office, hazard).json()
        district.pull()
        fields = {"base_version": asked["hazard"]["version"], "decision": "grant"}
        answer = phone.act(street.leader, hazard["id"], f"voids/{asked['event_id']}/decision", **fields)
        assert answer.status_code == 201, answer.text
        (item,) = district.pull()
        assert (item["op"], item["id"], item["data"]["status"]) == ("void", hazard["id"], "voided")

    def test_what_is_void_stays_void_when_its_photo_arrives(
        self, phone: Phone, street: Street, district: Puller
    ) -> None:
        now = phone.clock()
        shot = shoot(at=now)
        hazard = found([shot], now)
        body = visit(street.shop.id, now, hazards=[hazard], shots=[shot])
        assert phone.submit(street.inspector, body).status_code == 201
        asked = phone.ask_void(street.office, hazard | {"version": 1}).json()
        path = f"voids/{asked['event_id']}/decision"
        granted = phone.act(street.leader, hazard["id"], path, base_version=2, decision="grant")
        assert granted.status_code == 201, granted.text
        district.pull()
        assert phone.upload(street.inspector, shot).status_code == 201
        told = [(item["op"], item["version"]) for item in district.pull() if item["type"] == "hazard"]
        assert told == [("void", 4)]

    def test_a_refused_action_is_not_told(self, phone: Phone, street: Street, district: Puller) -> None:
        hazard = phone.report()
        district.pull()
        assert phone.claim(street.office, hazard, photo_ids=[]).status_code == 409
        assert phone.decide(street.leader, hazard).status_code == 409
        assert district.pull() == []

    def test_a_replayed_submission_is_not_told_again(self, phone: Phone, street: Street, district: Puller) -> None:
        inspection_id, body = str(uuid4()), visit(street.shop.id, phone.clock(), hazards=[], shots=[])
        assert [phone.submit(street.inspector, body, inspection_id).status_code for _ in range(2)] == [201, 200]
        assert versions(district.pull()) == [(inspection_id, 1)]

    def test_a_place_is_told_without_its_phone_numbers(
        self, session: Session, street: Street, clock: FakeClock, district: Puller
    ) -> None:
        street.shop.contacts = [{"name": "张三", "phone": "13900000000", "duty": "消防安全管理人"}]
        street.shop.latitude, street.shop.longitude = 32.0, 118.75
        street.shop.attributes = {"面积": 12.5, "液化气": True, "楼层": 2.0, "备注": None}
        session.add(street.shop)
        publish(session, FeedType.PREMISES, [street.shop.id], now=clock())
        session.commit()
        page = district.page()
        (item,) = page["items"]
        assert "13900000000" not in str(item)
        assert item["data"]["location"] == {"lat": 32, "lng": 118.75}
        assert item["data"]["attributes"] == {"面积": 12.5, "液化气": True, "楼层": 2, "备注": None}
        assert item["data"]["market"] is None
        assert running_hash([item]) == page["running_hash"]

    def test_instants_are_utc_with_six_decimals(self, phone: Phone, district: Puller) -> None:
        phone.report()
        for item in district.pull():
            moments = [value for name, value in (item | item["data"]).items() if name.endswith("_at") and value]
            assert all(moment.endswith("Z") and len(moment) == 27 for moment in moments)

    def test_a_client_of_the_whole_district_can_prove_what_it_holds(self, phone: Phone, district: Puller) -> None:
        phone.report()
        for page in district.pages(limit=2):
            assert page["position"] == len(district.items)
            assert page["running_hash"] == running_hash(district.items)
        assert positions(district.items) == list(range(1, 6))


class TestHazard:
    def test_the_current_record_and_its_age(self, phone: Phone, district: Puller, clock: FakeClock) -> None:
        hazard = phone.report()
        record = of_type(district.pull(), "hazard")[-1]["data"]
        for days, late in ((0, 0), (1, 1), (9, 9)):
            today = clock.now
            clock.move(days=days)
            answer = district.client.get(f"/district/hazards/{hazard['id']}", headers=district.person.headers)
            assert answer.json() == record | {"days_overdue": late}
            assert answer.headers["etag"] == f'"{hazard["version"]}"'
            clock.now = today

    def test_a_closed_one_is_not_overdue(self, phone: Phone, street: Street, district: Puller, clock) -> None:
        hazard = phone.report()
        phone.reinspect(street.other_inspector, hazard)
        clock.move(days=40)
        answer = district.client.get(f"/district/hazards/{hazard['id']}", headers=district.person.headers)
        assert (answer.json()["status"], answer.json()["days_overdue"]) == ("closed", 0)

    def test_outside_the_area_there_is_none(self, phone: Phone, street: Street, client: TestClient) -> None:
        elsewhere = street.machine(street.other_street)
        for hazard_id in (phone.report()["id"], uuid4()):
            answer = client.get(f"/district/hazards/{hazard_id}", headers=elsewhere.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


class TestWhoMayRead:
    @pytest.mark.parametrize("path", ["/district/changes", "/district/status", f"/district/hazards/{uuid4()}"])
    def test_people_may_not(self, client: TestClient, street: Street, path: str) -> None:
        for person in (street.inspector, street.office, street.leader, street.district_person):
            answer = client.get(path, headers=person.headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert client.get(path).status_code == 401

    def test_another_district_sees_nothing_of_ours(
        self, session: Session, street: Street, told, client: TestClient
    ) -> None:
        other = make_area(session, "320102", "玄武区", None)
        told(3)
        page = Puller(client, street.machine(other)).page()
        assert (page["items"], page["has_more"], page["position"]) == ([], False, 3)

    def test_a_street_sees_its_own(self, street: Street, told, client: TestClient) -> None:
        told(1)
        told(2, premises=street.other_shop)
        told(1)
        items = Puller(client, street.machine(street.street)).pull()
        assert [(item["id"], item["position"]) for item in items] == [
            (str(street.shop.id), 1),
            (str(street.shop.id), 4),
        ]

    def test_a_community_sees_nothing_of_its_neighbour(
        self, session: Session, street: Street, told, client: TestClient, clock: FakeClock
    ) -> None:
        told(1, premises=make_premises(session, street.other_community, clock()))
        assert Puller(client, street.machine(street.community)).pull() == []

    def test_what_left_the_scope_says_so_only_there(
        self, session: Session, street: Street, told, client: TestClient, clock: FakeClock
    ) -> None:
        clients = [
            Puller(client, street.machine(area)) for area in (street.street, street.other_street, street.district)
        ]
        told()
        for puller in clients:
            puller.pull()
        old, street.shop.area_path = street.shop.area_path, street.other_shop.area_path
        street.shop.version += 1
        session.add(street.shop)
        publish_removal(session, FeedType.PREMISES, [street.shop.id], old, now=clock())
        publish(session, FeedType.PREMISES, [street.shop.id], now=clock())
        session.commit()
        seen = [
            [(item["op"], item["data"] is None, item["commit_last"]) for item in puller.pull()] for puller in clients
        ]
        assert seen == [[("removed_from_scope", True, True)], [("upsert", False, True)], [("upsert", False, True)]]


class TestPages:
    def test_a_page_holds_up_to_200_unless_asked(self, told, district: Puller) -> None:
        told(201)
        assert [len(page["items"]) for page in district.pages()] == [200, 1]

    def test_the_cursor_moves_at_the_head_too(self, street: Street, told, client: TestClient) -> None:
        elsewhere = Puller(client, street.machine(street.other_street))
        first = elsewhere.page()
        told(2)
        second = elsewhere.page()
        assert (first["position"], second["position"], second["items"]) == (0, 2, [])
        assert first["next_cursor"] != second["next_cursor"]

    def test_the_same_cursor_gives_the_same_changes_again(self, told, district: Puller) -> None:
        told(3)
        district.page(limit=1)
        cursor, first = district.cursor, district.pull(limit=1)
        district.cursor = cursor
        assert district.pull(limit=1000) == first

    @pytest.mark.parametrize("limit", ["0", "1001", "-1", "x"])
    def test_a_limit_out_of_bounds_is_refused(self, district: Puller, limit: str) -> None:
        assert district.refusal(limit=limit)[:2] == (422, "invalid-value")

    def test_an_unknown_parameter_is_refused(self, district: Puller) -> None:
        assert district.refusal(since="2026-01-01")[:2] == (422, "unknown-parameter")

    def test_only_the_asked_types(self, phone: Phone, district: Puller) -> None:
        phone.report()
        items = Puller(district.client, district.person, types="hazard,inspection").pull()
        assert [(item["type"], item["position"], item["commit_last"]) for item in items] == [
            ("inspection", 1, False),
            ("hazard", 3, True),
            ("hazard", 5, True),
        ]
        assert district.client.get(
            "/district/changes", params={"types": "photo"}, headers=district.person.headers
        ).json()["items"][0]["commit_last"]

    @pytest.mark.parametrize("types", ["", "hazards", "hazard,", "hazard,user", "Hazard"])
    def test_unknown_types_are_refused(self, district: Puller, types: str) -> None:
        assert district.refusal(types=types)[:2] == (422, "unknown-value")

    def test_status_tells_where_the_log_stands(self, told, district: Puller) -> None:
        told(2)
        status = district.client.get("/district/status", headers=district.person.headers).json()
        page = district.page()
        assert (status["position"], status["running_hash"]) == (page["position"], page["running_hash"])


class TestCursor:
    def test_a_changed_one_is_refused_whatever_byte(self, told, district: Puller) -> None:
        told(1)
        district.pull()
        raw = base64.urlsafe_b64decode(district.cursor or "")
        for place in range(len(raw)):
            changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
            district.cursor = base64.urlsafe_b64encode(changed).decode()
            assert district.refusal()[:2] == (400, "bad-cursor")

    @pytest.mark.parametrize("cursor", ["", "x", "A" * 128, "游标", "A" * 127 + "=", "%00", " "])
    def test_an_invented_one_is_refused(self, district: Puller, cursor: str) -> None:
        assert district.refusal(cursor=cursor)[:2] == (400, "bad-cursor")

    def test_each_text_stands_for_itself(self, told, district: Puller) -> None:
        told(1)
        district.pull()
        cursor = district.cursor or ""
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_":
            other = cursor[:-1] + last
            assert other == cursor or district.refusal(cursor=other)[:2] == (400, "bad-cursor")
        assert district.refusal(cursor=cursor + "=")[:2] == (400, "bad-cursor")

    def test_another_clients_is_refused(self, street: Street, told, district: Puller) -> None:
        told(1)
        district.pull()
        other = Puller(district.client, street.machine())
        assert other.refusal(cursor=district.cursor)[:2] == (400, "bad-cursor")

    @pytest.mark.parametrize(("made", "asked"), [(None, "hazard"), ("hazard", None), ("hazard", "hazard,photo")])
    def test_one_for_other_types_is_refused(self, told, district: Puller, made: str | None, asked: str | None) -> None:
        told(1)
        district.page(types=made)
        assert district.refusal(types=asked)[:2] == (400, "bad-cursor")
        assert district.page(types=made)["items"] == []

    def test_the_order_of_types_does_not_matter(self, told, district: Puller) -> None:
        district.page(types="photo,premises")
        told(1)
        assert len(district.page(types="premises,photo,premises")["items"]) == 1

    def test_an_old_one_goes_on_after_a_year(self, told, district: Puller, clock: FakeClock) -> None:
        told(2)
        district.page(limit=1)
        clock.move(days=400)
        told(1)
        assert positions(district.pull()) == [2, 3]


class TestResync:
    def test_another_area_must_be_read_anew(self, session: Session, told, street: Street, district: Puller) -> None:
        told(1)
        district.pull()
        moved = {"area_id": street.street.id, "scope_epoch": 2}
        session.execute(update(Client).where(col(Client.id) == district.person.id).values(moved))
        session.commit()
        assert district.refusal() == (410, "resync-required", "scope-changed")
        district.cursor = None
        assert positions(district.pull()) == [1]

    def test_a_restored_log_must_be_read_anew(self, session: Session, told, district: Puller) -> None:
        told(1)
        district.pull()
        before = session.execute(select(Seal.log_epoch)).scalar_one()
        session.execute(update(Seal).values(log_epoch=uuid4()))
        session.commit()
        assert district.refusal() == (410, "resync-required", "log-restored")
        session.execute(update(Seal).values(log_epoch=before))
        session.commit()

    def test_a_forked_log_must_be_read_anew(self, session: Session, told, district: Puller) -> None:
        told(3)
        district.page(limit=2)
        session.execute(update(FeedChain).where(col(FeedChain.position) == 2).values(running_hash="f" * 64))
        session.commit()
        assert district.refusal() == (410, "resync-required", "log-forked")

    def test_a_place_that_is_not_kept_must_be_read_anew(self, session: Session, told, district: Puller) -> None:
        told(3)
        district.page(limit=2)
        session.execute(FeedChain.metadata.tables["feed_chain"].delete().where(col(FeedChain.position) <= 2))
        session.commit()
        assert district.refusal() == (410, "resync-required", "horizon")

    def test_the_row_at_the_cursor_is_not_needed(self, session: Session, told, district: Puller) -> None:
        told(3)
        district.page(limit=2)
        session.execute(Feed.metadata.tables["feed"].delete().where(col(Feed.position) == 2))
        session.commit()
        assert positions(district.pull()) == [3]
