"""The register of premises."""

from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from app.core.clock import rfc3339
from app.domain.vocabulary import PremisesKind, PremisesStatus, Role
from app.models import Feed, Market, Outbox, Premises
from tests.factories import make_premises
from tests.races import at_once

MARKET = {"operator": "建宁路市场管理有限公司", "floors": 2, "floor_area_m2": 3200, "built_year": 1998}


def new_premises(street, **changes):
    body = {
        "id": str(uuid4()),
        "kind": "restaurant",
        "name": "阿婆面馆",
        "area_id": str(street.community.id),
        "address": "建宁路8号",
        "location": {"lat": 32.08, "lng": 118.75},
        "attributes": {"seats": 24, "gas": True, "note": None},
        "contacts": [{"name": "陈阿婆", "phone": "138 0013 8000", "duty": "经营者"}],
    }
    return body | changes


def register(client, who, body):
    return client.post("/premises", json=body, headers=who.headers)


def names(answer):
    return [item["name"] for item in answer.json()["items"]]


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


def published(session):
    """Ids of premises in the feed or on their way to it."""
    return [found for table in (Outbox, Feed) for found in session.exec(select(table.object_id)).all()]


class TestRegister:
    def test_new_premises_is_read_back_and_published(self, client, session, street, clock):
        body = new_premises(street, place={"floor": "1F"})
        answer = register(client, street.office, body)
        assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
        assert answer.json() == body | {
            "parent_id": None,
            "enterprise_id": None,
            "place": {"floor": "1F", "compartment": None, "stall": None},
            "status": "active",
            "version": 1,
            "registered_at": rfc3339(clock()),
            "market": None,
        }
        again = client.get(f"/premises/{body['id']}", headers=street.inspector.headers)
        assert (again.json(), again.headers["etag"]) == (answer.json(), '"1"')
        row = session.get_one(Premises, UUID(body["id"]))
        assert (row.registered_by_id, row.area_path) == (street.office.id, street.community.path)
        assert published(session) == [row.id]

    def test_market_with_a_stall(self, client, street):
        market = register(client, street.office, new_premises(street, kind="market", market=MARKET)).json()
        assert market["market"] == MARKET
        place = {"floor": "2F", "compartment": "A", "stall": "A-113"}
        stall = new_premises(street, parent_id=market["id"], area_id=str(street.other_community.id), place=place)
        assert register(client, street.office, stall).json()["place"] == place
        below = client.get("/premises", params={"parent_id": market["id"]}, headers=street.inspector.headers)
        assert [item["id"] for item in below.json()["items"]] == [stall["id"]]

    def test_same_again_changes_nothing(self, client, session, street):
        body = new_premises(street, kind="market", market=MARKET)
        first, second = register(client, street.office, body), register(client, street.office, body)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        assert published(session) == [UUID(body["id"])]

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": "另一家"},
            {"contacts": []},
            {"attributes": {}},
            {"location": None},
            {"place": {"floor": "3F"}},
            {"kind": "market", "market": MARKET},
        ],
    )
    def test_id_with_other_content_is_taken(self, client, session, street, changes):
        body = new_premises(street)
        register(client, street.office, body)
        assert refused(register(client, street.office, body | changes), 409, "id-taken")
        session.expire_all()
        assert session.get_one(Premises, UUID(body["id"])).name == "阿婆面馆"
        assert session.exec(select(Market)).all() == []
        assert published(session) == [UUID(body["id"])]

    def test_taken_id_reads_the_same_inside_and_outside(self, client, street):
        colleague = street.person(Role.OFFICE, "second")
        mine = new_premises(street)
        register(client, colleague, mine)
        answers = [
            register(client, street.office, new_premises(street, id=taken)).json() | {"trace_id": ""}
            for taken in (mine["id"], str(street.shop.id), str(street.other_shop.id))
        ] + [register(client, street.office, mine).json() | {"trace_id": ""}]
        assert answers == [answers[0]] * 4
        assert answers[0]["code"] == "id-taken"

    def test_same_id_at_once_is_entered_once(self, committed_client, committed_street):
        office = committed_street.office
        committed_street.session.commit()
        same = new_premises(committed_street)
        answers = at_once(*[lambda: register(committed_client, office, same)] * 4)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        one_id = str(uuid4())
        other = [new_premises(committed_street, id=one_id, name=name) for name in ("甲", "乙")]
        answers = at_once(*[lambda body=body: register(committed_client, office, body) for body in other])
        assert sorted(answer.status_code for answer in answers) == [201, 409]

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"kind": "market"}, "market-unfit"),
            ({"market": MARKET}, "market-unfit"),
            ({"kind": "castle"}, "unknown-value"),
            ({"id": "x"}, "invalid-value"),
            ({"name": " "}, "invalid-value"),
            ({"name": "店" * 121}, "too-long"),
            ({"address": "a\0b"}, "bad-text"),
            ({"status": "closed"}, "unknown-field"),
            ({"location": {"lat": 91, "lng": 0}}, "invalid-value"),
            ({"location": {"lat": False, "lng": "118.8"}}, "invalid-value"),
            ({"kind": "market", "market": MARKET | {"floors": True}}, "invalid-value"),
            ({"kind": "market", "market": MARKET | {"built_year": "1998"}}, "invalid-value"),
            ({"location": {"lat": 32}}, "field-missing"),
            ({"contacts": [{"name": "陈", "phone": "call me", "duty": "店主"}]}, "invalid-value"),
            ({"contacts": [{"name": "陈", "phone": "13800138000", "duty": "店主"}] * 21}, "too-many"),
            ({"attributes": {f"a{number}": 1 for number in range(51)}}, "too-many"),
        ],
    )
    def test_refused_content_enters_nothing(self, client, session, street, changes, code):
        assert refused(register(client, street.office, new_premises(street, **changes)), 422, code)
        assert len(session.exec(select(Premises)).all()) == 2
        assert published(session) == []

    def test_attribute_values_are_plain(self, client, session, street):
        body = new_premises(street, attributes={"nested": {"a": 1}})
        assert register(client, street.office, body).status_code == 422
        assert len(session.exec(select(Premises)).all()) == 2

    def test_areas_and_parents_outside(self, client, session, street):
        district_office = street.person(Role.OFFICE, area=street.district)
        for who, changes, status, code in [
            (street.office, {"area_id": str(street.other_street.id)}, 404, "not-found"),
            (street.office, {"area_id": str(uuid4())}, 404, "not-found"),
            (street.office, {"parent_id": str(street.other_shop.id)}, 404, "not-found"),
            (district_office, {"parent_id": str(street.other_shop.id)}, 422, "parent-elsewhere"),
            (district_office, {"area_id": str(street.district.id)}, 422, "premises-area-unfit"),
        ]:
            assert refused(register(client, who, new_premises(street, **changes)), status, code)
        assert len(session.exec(select(Premises)).all()) == 2

    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.OFFICE])
    def test_only_the_office(self, client, session, street, role):
        assert refused(register(client, street.person(role), new_premises(street)), 403, "forbidden")
        assert len(session.exec(select(Premises)).all()) == 2

    @pytest.mark.parametrize(
        ("content", "media_type", "status", "code"),
        [
            (b"{", "application/json", 400, "broken-json"),
            (b'{"id": "x", "id": "y"}', "application/json", 422, "duplicate-key"),
            (b"{}", "text/plain", 415, "unsupported-media-type"),
        ],
    )
    def test_bad_bodies(self, client, street, content, media_type, status, code):
        headers = street.office.headers | {"Content-Type": media_type}
        assert refused(client.post("/premises", content=content, headers=headers), status, code)


class TestSee:
    def test_only_ones_own(self, client, street):
        assert names(client.get("/premises", headers=street.inspector.headers)) == ["老张酸菜鱼"]
        assert names(client.get("/premises", headers=street.stranger.headers)) == ["方家营便利店"]
        assert len(names(client.get("/premises", headers=street.district_person.headers))) == 2
        for who, whom in ((street.inspector, street.other_shop), (street.stranger, street.shop)):
            assert refused(client.get(f"/premises/{whom.id}", headers=who.headers), 404, "not-found")

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
    def test_roles_without_premises(self, client, street, role):
        headers = street.person(role).headers
        assert refused(client.get("/premises", headers=headers), 403, "forbidden")
        assert refused(client.get(f"/premises/{street.shop.id}", headers=headers), 403, "forbidden")

    def test_machine_clients_have_the_feed_instead(self, client, street):
        headers = street.machine().headers
        assert refused(client.get("/premises", headers=headers), 403, "forbidden")
        assert refused(client.get(f"/premises/{street.shop.id}", headers=headers), 403, "forbidden")

    def test_filters(self, client, session, street, clock):
        make_premises(session, street.other_community, clock(), name="100%面馆", kind=PremisesKind.RESTAURANT)
        make_premises(session, street.community, clock(), name="A座Hotel", status=PremisesStatus.CLOSED)
        for params, found in [
            ({"area_id": str(street.street.id)}, 3),
            ({"area_id": str(street.other_community.id)}, 1),
            ({"kind": "restaurant"}, 1),
            ({"status": "closed"}, 1),
            ({"q": "面馆"}, 1),
            ({"q": "hotel"}, 1),
            ({"q": "%"}, 1),
            ({"q": "_"}, 0),
            ({"parent_id": str(uuid4())}, 0),
        ]:
            answer = client.get("/premises", params=params, headers=street.inspector.headers)
            assert len(names(answer)) == found, params

    def test_pages_hold_each_premises_once(self, client, session, street, clock):
        for number in range(5):
            area = street.community if number % 2 else street.other_community
            make_premises(session, area, clock(), name=f"店{number}")
        seen, params = [], {"limit": 2}
        while True:
            page = client.get("/premises", params=params, headers=street.inspector.headers)
            seen += names(page)
            if (cursor := page.json()["next_cursor"]) is None:
                break
            params["cursor"] = cursor
        assert sorted(seen) == sorted(["老张酸菜鱼", *(f"店{number}" for number in range(5))])

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({"limit": 201}, 422, "invalid-value"),
            ({"kind": "castle"}, 422, "unknown-value"),
            ({"q": ""}, 422, "invalid-value"),
            ({"q": "a\0"}, 422, "invalid-value"),
            ({"q": "x" * 61}, 422, "too-long"),
            ({"area_id": "01980000-0000-7000-8000-000000000000"}, 404, "not-found"),
            ({"cursor": "%%%"}, 400, "bad-cursor"),
            ({"cursor": "WyJhIiwiYiJd"}, 400, "bad-cursor"),
            ({"cursor": "WyIzMjAxMDYvIiwiYiJd"}, 400, "bad-cursor"),
            ({"page": "2"}, 422, "unknown-parameter"),
        ],
    )
    def test_bad_query(self, client, street, params, status, code):
        assert refused(client.get("/premises", params=params, headers=street.inspector.headers), status, code)


class TestOperations:
    def test_alive_and_ready(self, client):
        assert client.get("http://testserver/healthz").json() == {"status": "alive"}
        assert client.get("http://testserver/readyz").json() == {"status": "ready"}

    def test_not_ready_without_storage(self, client, runtime):
        runtime.settings.data_dir.mkdir(exist_ok=True)
        runtime.storage.root.write_text("a file where the folder should be")
        assert refused(client.get("http://testserver/readyz"), 503, "storage-unavailable")

    def test_not_ready_with_another_release(self, client, connection):
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
        answer = client.get("http://testserver/readyz")
        assert refused(answer, 503, "not-ready")
        assert answer.headers["retry-after"]

    def test_receipt_keys_are_public(self, client):
        keys = client.get("/receipt-keys").json()["items"]
        assert len(keys) == 1
        assert (keys[0]["valid_to"], keys[0]["signed_by"]) == (None, None)
