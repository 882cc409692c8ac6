"""Areas: who sees which, and adding some."""

import pytest
from sqlmodel import select

from app.domain.vocabulary import AreaLevel, Role
from app.models import Area
from app.services.areas import create_area
from tests.factories import hire


def codes(answer):
    return [item["code"] for item in answer.json()["items"]]


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


class TestSeeAreas:
    def test_own_areas_and_those_below_in_the_order_of_the_tree(self, client, street):
        assert codes(client.get("/areas", headers=street.inspector.headers)) == [
            "320106011",
            "320106011002",
            "320106011003",
        ]
        assert len(codes(client.get("/areas", headers=street.district_person.headers))) == 6

    @pytest.mark.parametrize("role", list(Role))
    def test_every_person_may(self, client, street, role):
        assert client.get("/areas", headers=street.person(role).headers).status_code == 200

    def test_machine_clients_may_not(self, client, street):
        headers = street.machine().headers
        assert refused(client.get("/areas", headers=headers), 403, "forbidden")
        assert refused(client.get(f"/areas/{street.district.id}", headers=headers), 403, "forbidden")

    def test_who_has_no_area_sees_nothing(self, client, session, street, clock):
        nobody = hire(session, Role.INSPECTOR, [], clock())
        assert codes(client.get("/areas", headers=nobody.headers)) == []
        assert refused(client.get(f"/areas/{street.street.id}", headers=nobody.headers), 404, "not-found")

    def test_filters_and_pages(self, client, street):
        headers = street.district_person.headers
        assert codes(client.get("/areas", params={"level": "street"}, headers=headers)) == ["320106011", "320106012"]
        below = client.get("/areas", params={"parent_id": str(street.street.id)}, headers=headers)
        assert codes(below) == ["320106011002", "320106011003"]
        first = client.get("/areas", params={"limit": 4}, headers=headers)
        rest = client.get("/areas", params={"cursor": first.json()["next_cursor"]}, headers=headers)
        assert codes(first) + codes(rest) == codes(client.get("/areas", headers=headers))

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({"limit": 201}, 422, "invalid-value"),
            ({"level": "city"}, 422, "unknown-value"),
            ({"parent_id": "x"}, 422, "invalid-value"),
            ({"cursor": "WyJcdTAwMDAiXQ"}, 400, "bad-cursor"),
            ({"cursor": "WyIzMjAxMDYvIiwieCJd"}, 400, "bad-cursor"),
            ({"deep": "1"}, 422, "unknown-parameter"),
        ],
    )
    def test_bad_query(self, client, street, params, status, code):
        assert refused(client.get("/areas", params=params, headers=street.inspector.headers), status, code)

    def test_one(self, client, street):
        area = client.get(f"/areas/{street.community.id}", headers=street.inspector.headers)
        assert area.json() == {
            "id": str(street.community.id),
            "code": "320106011002",
            "name": "金川门社区",
            "level": "community",
            "parent_id": str(street.street.id),
        }
        for outside in (street.other_street, street.district):
            answer = client.get(f"/areas/{outside.id}", headers=street.inspector.headers)
            assert refused(answer, 404, "not-found")


class TestCreateArea:
    @pytest.mark.parametrize(
        ("parent", "code", "level"),
        [
            ("district", "320106013", AreaLevel.STREET),
            ("street", "320106011004", AreaLevel.COMMUNITY),
            ("community", "32010601100201", AreaLevel.GRID),
        ],
    )
    def test_one_step_below_its_parent(self, client, session, street, parent, code, level):
        above = getattr(street, parent)
        admin = street.person(Role.ADMIN, area=street.district)
        body = {"code": code, "name": "新设区域", "parent_id": str(above.id)}
        answer = client.post("/areas", json=body, headers=admin.headers)
        assert (answer.status_code, answer.json()["level"]) == (201, level)
        made = session.exec(select(Area).where(Area.code == code)).one()
        assert made.path == f"{above.path}{code}/"

    def test_refusals_add_nothing(self, client, session, street):
        admin = street.person(Role.ADMIN)
        body = {"code": "320106011004", "name": "新社区", "parent_id": str(street.street.id)}
        for who, changes, status, code in [
            (admin, {"code": "320106012004"}, 422, "area-code-wrong"),
            (admin, {"code": "32010601100401"}, 422, "area-code-wrong"),
            (admin, {"code": "320106011"}, 422, "area-code-wrong"),
            (admin, {"code": "３20106011004"}, 422, "invalid-value"),
            (admin, {"code": "320106011002"}, 409, "area-code-taken"),
            (admin, {"name": ""}, 422, "invalid-value"),
            (admin, {"level": "community"}, 422, "unknown-field"),
            (admin, {"parent_id": str(street.district.id), "code": "320106014"}, 404, "not-found"),
            (admin, {"parent_id": None}, 422, "invalid-value"),
            (street.office, {}, 403, "forbidden"),
        ]:
            answer = client.post("/areas", json=body | changes, headers=who.headers)
            assert refused(answer, status, code), answer.json()
        assert len(session.exec(select(Area)).all()) == 6

    def test_the_operator_makes_districts(self, session):
        district = create_area(session, code="320102", name="玄武区", parent_id=None)
        assert (district.level, district.path) == (AreaLevel.DISTRICT, "320102/")
