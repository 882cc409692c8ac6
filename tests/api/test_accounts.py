"""People's accounts and machine clients, as administrators see and make them."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from app.core.clock import rfc3339
from app.domain.vocabulary import Role
from app.models import Client, CredentialEvent, Token, User, UserArea
from tests.factories import hire
from tests.races import at_once

PASSWORD = "Xiaohao-2026"


@pytest.fixture
def admin(street):
    """An administrator of the street."""
    return street.person(Role.ADMIN)


@pytest.fixture
def district_admin(street):
    return street.person(Role.ADMIN, area=street.district)


def new_user(street, **changes):
    body = {
        "username": "wangli",
        "staff_number": "G1001",
        "name": "王丽",
        "role": "inspector",
        "password": PASSWORD,
        "areas": [{"area_id": str(street.community.id)}],
    }
    return body | changes


def create(client, admin, body):
    return client.post("/users", json=body, headers=admin.headers)


def sign_in(client, username="wangli", password=PASSWORD):
    return client.post("/auth/token", data={"grant_type": "password", "username": username, "password": password})


def usernames(session):
    session.expire_all()
    return set(session.exec(select(User.username)).all())


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


class TestCreateUser:
    def test_new_person_signs_in_and_the_maker_is_remembered(self, client, session, street, admin, clock):
        answer = create(client, admin, new_user(street))
        assert answer.status_code == 201
        made = answer.json()
        assert made == {
            "id": made["id"],
            "username": "wangli",
            "staff_number": "G1001",
            "name": "王丽",
            "role": "inspector",
            "certificate_no": None,
            "certificate_valid_to": None,
            "is_active": True,
            "created_at": rfc3339(clock()),
            "areas": [
                {
                    "id": str(street.community.id),
                    "code": "320106011002",
                    "name": "金川门社区",
                    "level": "community",
                    "valid_from": "2026-11-24",
                    "valid_to": None,
                }
            ],
        }
        assert sign_in(client).status_code == 200
        event = session.exec(select(CredentialEvent)).one()
        assert (event.user_id, event.by_id, event.occurred_at) == (UUID(made["id"]), admin.id, clock())
        assert PASSWORD not in session.get_one(User, event.user_id).password_hash

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"password": "Short-1"}, "weak-password"),
            ({"password": "onlysmallletters"}, "weak-password"),
            ({"password": "small4nd4numbers"}, "weak-password"),
            ({"role": "officer"}, "certificate-missing"),
            ({"role": "district"}, "areas-unfit"),
            ({"role": "rectifier"}, "unknown-value"),
            ({"username": "Wang Li"}, "invalid-value"),
            ({"staff_number": " "}, "invalid-value"),
            ({"name": "\0"}, "bad-text"),
            ({"name": "王" * 61}, "too-long"),
            ({"areas": []}, "invalid-value"),
            ({"certificate_valid_to": 0}, "invalid-value"),
            ({"certificate_valid_to": "2028-12-31T00:00:00"}, "invalid-value"),
            ({"is_admin": True}, "unknown-field"),
        ],
    )
    def test_refused_content_makes_nobody(self, client, session, street, admin, changes, code):
        before = usernames(session)
        assert refused(create(client, admin, new_user(street, **changes)), 422, code)
        assert usernames(session) == before
        assert session.exec(select(CredentialEvent)).all() == []

    @pytest.mark.parametrize("day", [0, 1_764_000_000, "20261124", "0001-01-01", "2026-11-24T00:00:00", True])
    @pytest.mark.parametrize("name", ["valid_from", "valid_to"])
    def test_a_term_is_between_days(self, client, session, street, admin, name, day):
        before = usernames(session)
        areas = [{"area_id": str(street.community.id), name: day}]
        assert refused(create(client, admin, new_user(street, areas=areas)), 422, "invalid-value")
        assert usernames(session) == before

    def test_three_of_four_classes_are_enough(self, client, street, admin):
        assert create(client, admin, new_user(street, password="消防安全 ab 1234")).status_code == 201

    def test_areas_are_of_one_street_or_one_district(self, client, session, street, district_admin):
        before = usernames(session)
        both_streets = [{"area_id": str(street.community.id)}, {"area_id": str(street.other_street.id)}]
        twice = [{"area_id": str(street.community.id)}] * 2
        whole_district = [{"area_id": str(street.district.id)}]
        backwards = [{"area_id": str(street.street.id), "valid_from": "2026-12-02", "valid_to": "2026-12-01"}]
        for areas in (both_streets, twice, whole_district, backwards):
            assert refused(create(client, district_admin, new_user(street, areas=areas)), 422, "areas-unfit")
        assert usernames(session) == before
        made = create(client, district_admin, new_user(street, role="district", areas=whole_district))
        assert made.status_code == 201

    def test_officer_has_a_certificate(self, client, street, admin):
        officer = new_user(street, role="officer", certificate_no="01000123", certificate_valid_to="2028-12-31")
        made = create(client, admin, officer).json()
        assert (made["certificate_no"], made["certificate_valid_to"]) == ("01000123", "2028-12-31")

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"staff_number": "G2"}, "username-taken"),
            ({"username": "other"}, "staff-number-taken"),
            ({}, "username-taken"),
        ],
    )
    def test_one_person_one_account(self, client, session, street, admin, changes, code):
        create(client, admin, new_user(street))
        before = usernames(session)
        assert refused(create(client, admin, new_user(street, **changes)), 409, code)
        assert usernames(session) == before
        assert len(session.exec(select(CredentialEvent)).all()) == 1

    def test_same_name_at_once_has_one_winner(self, committed_client, committed_street):
        admin = committed_street.person(Role.ADMIN)
        committed_street.session.commit()
        calls = [
            lambda number=number: create(committed_client, admin, new_user(committed_street, staff_number=number))
            for number in ("G1", "G2")
        ]
        assert sorted(answer.status_code for answer in at_once(*calls)) == [201, 409]

    def test_area_outside_the_makers_is_not_found(self, client, session, street, admin):
        before = usernames(session)
        for area in (street.other_street, street.district):
            body = new_user(street, areas=[{"area_id": str(area.id)}])
            assert refused(create(client, admin, body), 404, "not-found")
        assert usernames(session) == before

    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
    def test_only_administrators(self, client, session, street, role):
        who = street.person(role)
        before = usernames(session)
        assert refused(create(client, who, new_user(street)), 403, "forbidden")
        assert usernames(session) == before


class TestSeeUsers:
    def test_list_holds_who_is_wholly_inside(self, client, street, admin, clock):
        street.inspector, street.stranger, street.district_person  # noqa: B018  hired by being asked for
        spread = hire(street.session, Role.INSPECTOR, [street.street, street.other_street], clock())
        answer = client.get("/users", headers=admin.headers)
        ids = {item["id"] for item in answer.json()["items"]}
        assert ids == {str(admin.id), str(street.inspector.id)}
        for outside in (street.stranger, street.district_person, spread):
            assert refused(client.get(f"/users/{outside.id}", headers=admin.headers), 404, "not-found")
        assert client.get(f"/users/{street.inspector.id}", headers=admin.headers).json()["role"] == "inspector"

    def test_an_area_that_is_over_hides_nobody(self, client, session, street, admin, district_admin):
        moved = street.stranger
        session.exec(select(UserArea).where(UserArea.user_id == moved.id)).one().valid_to = date(2026, 11, 23)
        session.add(UserArea(user_id=moved.id, area_id=street.street.id, valid_from=date(2026, 11, 24)))
        session.commit()
        areas = client.get(f"/users/{moved.id}", headers=admin.headers).json()["areas"]
        assert [area["code"] for area in areas] == ["320106011"]  # the other street's is not this one's business
        areas = client.get(f"/users/{moved.id}", headers=district_admin.headers).json()["areas"]
        assert [area["code"] for area in areas] == ["320106011", "320106012"]

    def test_pages_and_role(self, client, street, admin):
        people = [admin, street.inspector, street.officer, street.office, street.other_inspector]
        seen, cursor = [], None
        while True:
            page = client.get(
                "/users", params={"limit": 2} | ({"cursor": cursor} if cursor else {}), headers=admin.headers
            ).json()
            seen += [item["id"] for item in page["items"]]
            if (cursor := page["next_cursor"]) is None:
                break
        assert sorted(seen) == sorted(str(person.id) for person in people)
        inspectors = client.get("/users", params={"role": "inspector"}, headers=admin.headers).json()["items"]
        assert len(inspectors) == 2

    @pytest.mark.parametrize(
        ("params", "status", "code"),
        [
            ({"limit": 201}, 422, "invalid-value"),
            ({"limit": 0}, 422, "invalid-value"),
            ({"cursor": "x"}, 400, "bad-cursor"),
            ({"cursor": "WyJ4Il0"}, 400, "bad-cursor"),
            ({"name": "x"}, 422, "unknown-parameter"),
        ],
    )
    def test_bad_query(self, client, admin, params, status, code):
        assert refused(client.get("/users", params=params, headers=admin.headers), status, code)

    @pytest.mark.parametrize("role", [Role.OFFICE, Role.LEADER, Role.AUDITOR])
    def test_only_administrators(self, client, street, role):
        headers = street.person(role).headers
        assert refused(client.get("/users", headers=headers), 403, "forbidden")
        assert refused(client.get(f"/users/{street.inspector.id}", headers=headers), 403, "forbidden")


class TestDeactivateUser:
    def test_signed_out_everywhere_and_for_good(self, client, session, street, admin):
        made = create(client, admin, new_user(street)).json()
        token = sign_in(client).json()["access_token"]
        for _ in range(2):
            answer = client.post(f"/users/{made['id']}/deactivation", headers=admin.headers)
            assert (answer.status_code, answer.json()["is_active"]) == (200, False)
        assert refused(client.get("/me", headers={"Authorization": f"Bearer {token}"}), 401, "token-revoked")
        assert refused(sign_in(client), 401, "account-disabled")
        own = session.exec(select(Token).where(Token.user_id == UUID(made["id"]))).all()
        assert [token.revoked_at is None for token in own] == [False, False]

    def test_refusals_disable_nobody(self, client, session, street, admin):
        for who, whom, status, code in [
            (admin, admin, 409, "own-account"),
            (admin, street.stranger, 404, "not-found"),
            (street.leader, street.inspector, 403, "forbidden"),
        ]:
            assert refused(client.post(f"/users/{whom.id}/deactivation", headers=who.headers), status, code)
        session.expire_all()
        assert all(session.exec(select(User.is_active)).all())


class TestResetPassword:
    def test_new_password_and_signed_out_everywhere(self, client, session, street, admin, clock):
        made = create(client, admin, new_user(street)).json()
        signed_in = sign_in(client).json()
        clock.move(days=1)
        path = f"/users/{made['id']}/password"
        assert client.post(path, json={"password": "Another-2026"}, headers=admin.headers).status_code == 204
        assert refused(sign_in(client), 401, "bad-credentials")
        assert sign_in(client, password="Another-2026").status_code == 200
        refreshing = {"grant_type": "refresh_token", "refresh_token": signed_in["refresh_token"]}
        assert refused(client.post("/auth/token", data=refreshing), 401, "token-revoked")
        events = session.exec(select(CredentialEvent)).all()
        assert sorted(event.occurred_at for event in events) == [clock() - timedelta(days=1), clock()]

    def test_refusals_change_no_password(self, client, session, street, admin):
        for who, whom, body, status, code in [
            (admin, street.inspector, {"password": "short"}, 422, "weak-password"),
            (admin, street.inspector, {}, 422, "field-missing"),
            (admin, street.stranger, {"password": PASSWORD}, 404, "not-found"),
            (street.leader, street.inspector, {"password": PASSWORD}, 403, "forbidden"),
        ]:
            answer = client.post(f"/users/{whom.id}/password", json=body, headers=who.headers)
            assert refused(answer, status, code)
        session.expire_all()
        assert set(session.exec(select(User.password_hash)).all()) == {"!"}
        assert session.exec(select(CredentialEvent)).all() == []


class TestClients:
    def test_made_with_a_secret_that_is_shown_once(self, client, street, district_admin):
        body = {"name": "区级平台", "area_id": str(street.district.id)}
        answer = client.post("/clients", json=body, headers=district_admin.headers)
        assert answer.status_code == 201
        made, secret = answer.json()["client"], answer.json()["client_secret"]
        form = {"grant_type": "client_credentials", "client_id": made["id"], "client_secret": secret}
        assert client.post("/auth/token", data=form).status_code == 200
        listed = client.get("/clients", headers=district_admin.headers)
        assert listed.json() == {"items": [made], "next_cursor": None}
        assert client.get(f"/clients/{made['id']}", headers=district_admin.headers).json() == made
        assert secret not in listed.text

    def test_deactivated_client_is_out(self, client, street, district_admin):
        machine = street.machine()
        answer = client.post(f"/clients/{machine.id}/deactivation", headers=district_admin.headers)
        assert (answer.status_code, answer.json()["is_active"]) == (200, False)
        assert refused(client.get("/me", headers=machine.headers), 401, "token-revoked")

    def test_refusals_change_nothing(self, client, session, street, admin):
        machine = street.machine()  # of the district, above this administrator
        body = {"name": "平台", "area_id": str(street.district.id)}
        office = street.office.headers
        for answer, status, code in [
            (client.post("/clients", json=body, headers=admin.headers), 404, "not-found"),
            (client.post("/clients", json=body, headers=office), 403, "forbidden"),
            (client.post("/clients", json=body | {"name": " "}, headers=admin.headers), 422, "invalid-value"),
            (
                client.post("/clients", json=body | {"area_id": str(street.street.id)}, headers=admin.headers),
                422,
                "not-a-district",
            ),
            (client.get(f"/clients/{machine.id}", headers=admin.headers), 404, "not-found"),
            (client.get(f"/clients/{machine.id}", headers=office), 403, "forbidden"),
            (client.get("/clients", headers=office), 403, "forbidden"),
            (client.post(f"/clients/{machine.id}/deactivation", headers=admin.headers), 404, "not-found"),
            (client.post(f"/clients/{machine.id}/deactivation", headers=office), 403, "forbidden"),
        ]:
            assert refused(answer, status, code)
        session.expire_all()
        assert session.exec(select(Client.is_active)).all() == [True]

    def test_pages(self, client, street, district_admin):
        ids = sorted(str(street.machine().id) for _ in range(3))
        first = client.get("/clients", params={"limit": 2}, headers=district_admin.headers).json()
        rest = client.get("/clients", params={"cursor": first["next_cursor"]}, headers=district_admin.headers).json()
        assert sorted(item["id"] for item in first["items"] + rest["items"]) == ids
        assert rest["next_cursor"] is None
