"""Signing in, staying signed in, signing out."""

import base64
from datetime import date, timedelta

import pytest
from sqlmodel import select

from app.access.credentials import authenticate, hash_token
from app.access.passwords import (
    AT_ONCE,
    WAITING,
    PasswordRules,
    SignInBusy,
    bound_sign_ins,
    verify_password,
)
from app.domain.vocabulary import Role
from app.models import Client, CredentialEvent, Token, User, UserArea
from app.services.accounts import create_client
from app.services.sign_in import Person, sign_in
from app.services.tokens import Origin
from tests.api.signing_in import PASSWORD, PASSWORD_HASH, ask, by_password, make_login, me
from tests.factories import hire, make_area
from tests.races import at_once


@pytest.fixture
def login(session, street, clock):
    return make_login(session, street, clock)


@pytest.fixture
def machine(session, street, clock):
    """A machine client of the district and its secret."""
    made = create_client(session, name="区级平台", area_id=street.district.id, now=clock())
    session.commit()
    return made


def basic(name, secret):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def tokens(session):
    session.expire_all()
    return session.exec(select(Token)).all()


class TestPassword:
    def test_sign_in_gives_tokens_of_which_only_the_hash_is_kept(self, client, session, login, clock):
        answer = by_password(client)
        assert answer.status_code == 200
        granted = answer.json()
        assert (granted["token_type"], granted["expires_in"]) == ("bearer", 12 * 3600)
        kept = {token.kind: token for token in tokens(session)}
        assert kept["access"].token_hash == hash_token(granted["access_token"])
        assert kept["access"].expires_at == clock() + timedelta(hours=12)
        assert kept["refresh"].token_hash == hash_token(granted["refresh_token"])
        assert kept["refresh"].expires_at == clock() + timedelta(days=30)
        assert me(client, granted["access_token"]).json()["id"] == str(login.id)

    @pytest.mark.usefixtures("login")
    def test_wrong_password_and_unknown_name_read_the_same(self, client, session):
        wrong, unknown = by_password(client, "Xiaohao-2027"), by_password(client, username="nobody")
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() | {"trace_id": ""} == unknown.json() | {"trace_id": ""}
        assert wrong.json()["code"] == "bad-credentials"
        assert tokens(session) == []

    @pytest.mark.parametrize(
        ("password", "code"), [(PASSWORD, "account-disabled"), ("Xiaohao-2027", "bad-credentials")]
    )
    def test_only_who_knows_the_password_hears_that_the_account_is_disabled(
        self, client, session, login, password, code
    ):
        login.is_active = False
        session.add(login)
        session.commit()
        answer = by_password(client, password)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert tokens(session) == []

    def test_password_reset_during_the_slow_check_lets_nobody_in(self, committed_runtime, committed_street, clock):
        db = committed_runtime.db
        with db.write() as session:
            user_id = make_login(session, committed_street, clock).id

        def reset():
            with db.write() as session:
                session.get_one(User, user_id).password_hash = "$argon2id$another"

        def try_to_sign_in():
            try:
                return sign_in(db, Person("wangli", PASSWORD, Origin("127.0.0.1")), PasswordRules(), now=clock())
            except Exception as error:
                return type(error).code

        granted, _ = at_once(try_to_sign_in, reset)
        assert granted == "bad-credentials"

    @pytest.mark.parametrize("places", [1, WAITING])
    def test_more_sign_ins_at_once_than_places_are_told_to_come_back(self, places):
        def check():
            try:
                return verify_password(PASSWORD, PASSWORD_HASH)
            except SignInBusy as busy:
                return busy.code if busy.retryable else None

        bound_sign_ins(at_once=1, waiting=places)
        try:
            assert set(at_once(*[check] * 24)) == {True, "sign-in-busy"}
            assert verify_password(PASSWORD, PASSWORD_HASH)
        finally:
            bound_sign_ins(at_once=AT_ONCE, waiting=WAITING)


class TestBadRequest:
    @pytest.mark.parametrize(
        ("form", "status", "code"),
        [
            ({"grant_type": "implicit"}, 400, "unknown-grant"),
            ({"username": "wangli"}, 422, "field-missing"),
            ({"grant_type": "password", "username": "wangli"}, 422, "field-missing"),
            ({"grant_type": "client_credentials", "client_id": "x"}, 422, "field-missing"),
            ({"grant_type": "refresh_token"}, 422, "field-missing"),
            ({"grant_type": "password", "username": "wangli", "password": PASSWORD, "otp": "1"}, 422, "unknown-field"),
            ({"grant_type": "password", "username": "wang\0li", "password": PASSWORD}, 422, "invalid-value"),
            ({"grant_type": "password", "username": "wangli", "password": "x" * 201}, 422, "too-long"),
        ],
    )
    @pytest.mark.usefixtures("login")
    def test_refusal_leaves_no_token(self, client, session, form, status, code):
        answer = ask(client, **form)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert tokens(session) == []

    @pytest.mark.parametrize(
        ("body", "media_type", "status"),
        [
            (b'{"grant_type": "password"}', "application/json", 415),
            (b"grant_type=password&username=%ff%fe&password=%ff", "application/x-www-form-urlencoded", 401),
            (b"\xff\xfe\x00", "application/x-www-form-urlencoded", 422),
        ],
    )
    def test_other_bodies_are_refused(self, client, session, body, media_type, status):
        answer = client.post("/auth/token", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == status
        assert tokens(session) == []


class TestBearer:
    @pytest.mark.parametrize(
        "headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Token x"}]
    )
    def test_without_a_bearer_token_nobody_is_let_in(self, client, headers):
        answer = client.get("/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"

    def test_unknown_token(self, client):
        assert me(client, "never-issued").json()["code"] == "token-unknown"

    @pytest.mark.usefixtures("login")
    def test_token_ends_after_twelve_hours(self, client, clock):
        token = by_password(client).json()["access_token"]
        clock.move(hours=12, microseconds=-1)
        assert me(client, token).status_code == 200
        clock.move(microseconds=1)
        answer = me(client, token)
        assert (answer.status_code, answer.json()["code"]) == (401, "token-expired")

    @pytest.mark.usefixtures("login")
    def test_refresh_token_opens_nothing(self, client):
        answer = me(client, by_password(client).json()["refresh_token"])
        assert (answer.status_code, answer.json()["code"]) == (401, "token-unknown")

    def test_disabled_account_is_out_at_once(self, client, session, login):
        token = by_password(client).json()["access_token"]
        login.is_active = False
        session.add(login)
        session.commit()
        answer = me(client, token)
        assert (answer.status_code, answer.json()["code"]) == (401, "account-disabled")

    def test_disabled_client_is_out_at_once(self, client, session, street):
        machine = street.machine()
        session.get_one(Client, machine.id).is_active = False
        session.commit()
        answer = client.get("/me", headers=machine.headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "account-disabled")


class TestMachineClient:
    def test_form_and_basic_are_the_same(self, client, machine):
        account, secret = machine
        in_form = ask(client, grant_type="client_credentials", client_id=str(account.id), client_secret=secret)
        in_header = client.post(
            "/auth/token", data={"grant_type": "client_credentials"}, headers=basic(account.id, secret)
        )
        for answer in (in_form, in_header):
            assert answer.status_code == 200
            assert answer.json()["refresh_token"] is None
            assert me(client, answer.json()["access_token"]).json()["id"] == str(account.id)

    def test_only_the_hash_of_the_secret_is_kept(self, session, machine):
        account, secret = machine
        assert session.get_one(Client, account.id).secret_hash == hash_token(secret)

    @pytest.mark.parametrize(
        "headers",
        [
            basic("no-uuid", "x"),
            basic("01980000-0000-7000-8000-000000000000", "x"),
            {"Authorization": "Basic !!!"},
            {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
            {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        ],
    )
    @pytest.mark.usefixtures("machine")
    def test_bad_credentials(self, client, session, headers):
        answer = client.post("/auth/token", data={"grant_type": "client_credentials"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad-credentials")
        assert tokens(session) == []

    def test_wrong_secret_and_disabled_client(self, client, session, machine):
        account, secret = machine
        form = {"grant_type": "client_credentials", "client_id": str(account.id)}
        assert ask(client, **form, client_secret=secret + "x").json()["code"] == "bad-credentials"
        account.is_active = False
        session.add(account)
        session.commit()
        assert ask(client, **form, client_secret=secret).json()["code"] == "account-disabled"
        assert tokens(session) == []


class TestSignOut:
    @pytest.mark.usefixtures("login")
    def test_everything_of_this_sign_in_ends_and_another_stays(self, client):
        here, there = by_password(client).json(), by_password(client).json()
        answer = client.delete("/auth/token", headers={"Authorization": f"Bearer {here['access_token']}"})
        assert answer.status_code == 204
        assert me(client, here["access_token"]).json()["code"] == "token-revoked"
        refreshed = ask(client, grant_type="refresh_token", refresh_token=here["refresh_token"])
        assert refreshed.json()["code"] == "token-revoked"
        assert me(client, there["access_token"]).status_code == 200

    def test_needs_a_token(self, client):
        assert client.delete("/auth/token").json()["code"] == "unauthorized"


class TestMe:
    def test_person(self, client, street, session):
        user = session.get_one(User, street.officer.id)
        assert client.get("/me", headers=street.officer.headers).json() == {
            "id": str(user.id),
            "role": "officer",
            "name": user.name,
            "is_client": False,
            "username": user.username,
            "staff_number": user.staff_number,
            "certificate_no": user.certificate_no,
            "areas": [{"id": str(street.street.id), "code": "320106011", "name": "建宁路街道", "level": "street"}],
        }

    def test_machine_client(self, client, street):
        answer = client.get("/me", headers=street.machine().headers).json()
        assert (answer["is_client"], answer["role"], answer["username"]) == (True, "district", None)
        assert [area["code"] for area in answer["areas"]] == ["320106"]

    @pytest.mark.parametrize(
        ("valid_from", "valid_to", "counts"),
        [
            (date(2026, 11, 24), None, True),
            (date(2026, 11, 1), date(2026, 11, 24), True),
            (date(2026, 11, 25), None, False),
            (date(2026, 11, 1), date(2026, 11, 23), False),
        ],
    )
    def test_area_counts_from_day_to_day_in_shanghai(
        self, client, session, street, clock, valid_from, valid_to, counts
    ):
        clock.move(hours=13, minutes=59)  # 23:59 there
        person = hire(session, Role.INSPECTOR, [], clock())
        session.add(UserArea(user_id=person.id, area_id=street.street.id, valid_from=valid_from, valid_to=valid_to))
        session.commit()
        areas = client.get("/me", headers=person.headers).json()["areas"]
        assert [area["code"] for area in areas] == (["320106011"] if counts else [])


class TestActor:
    def test_knows_who_made_it_and_whom_it_made(self, session, street, clock):
        maker, made = street.leader, hire(session, Role.INSPECTOR, [street.street], clock(), made_by=street.leader.id)
        session.add(CredentialEvent(user_id=maker.id, by_id=street.office.id, occurred_at=clock()))
        session.commit()
        links = {
            name: authenticate(session, token_of(who), now=clock())
            for name, who in {"maker": maker, "made": made, "office": street.office, "officer": street.officer}.items()
        }
        assert set(links["maker"].credential_links) == {(made.id, clock()), (street.office.id, clock())}
        assert links["made"].credential_links == ((maker.id, clock()),)
        assert links["office"].credential_links == ((maker.id, clock()),)
        assert links["officer"].credential_links == ()

    def test_has_its_areas_in_order_and_a_client_one(self, session, street, clock):
        third = make_area(session, "320106011001", "热河南路社区", street.street)
        person = hire(session, Role.INSPECTOR, [street.other_community, third, street.community], clock())
        actor = authenticate(session, token_of(person), now=clock())
        assert [area.code for area in actor.areas] == ["320106011001", "320106011002", "320106011003"]
        client = authenticate(session, token_of(street.machine()), now=clock())
        assert (client.client_id, client.role) == (client.id, Role.DISTRICT)
        assert [area.path for area in client.areas] == ["320106/"]


def token_of(person):
    return person.headers["Authorization"].partition(" ")[2]
