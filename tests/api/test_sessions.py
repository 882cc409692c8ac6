"""Where somebody is signed in: listed by device, used to the minute, ended here or by an administrator, everywhere."""

import pytest
from sqlmodel import select

from app.core.clock import rfc3339
from app.core.ids import uuid7
from app.models import SignIn, Token
from app.services.tokens import issue, make_secret
from tests.api.signing_in import PASSWORD, by_password, make_login, me, refresh, told

PHONE = {"X-App": "xiaohao-phone/1.4.0", "User-Agent": "Mozilla/5.0 (Linux; Android 12; Redmi 9A)"}


@pytest.fixture
def login(session, street, clock):
    return make_login(session, street, clock)


@pytest.fixture
def admin(street):
    return street.person("admin")


def sign_in(client, **headers):
    form = {"grant_type": "password", "username": "wangli", "password": PASSWORD}
    return client.post("/auth/token", data=form, headers=headers).json()


def bearer(granted):
    return {"Authorization": f"Bearer {granted['access_token']}"}


def sessions(client, headers, path="/me/sessions", **query):
    answer = client.get(path, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.mark.usefixtures("login")
class TestList:
    def test_says_what_where_and_when(self, client, clock):
        first = sign_in(client, **PHONE)
        began = clock()
        clock.move(minutes=7, seconds=31)
        second = sign_in(client)
        newer, older = sessions(client, bearer(second))
        assert older == {
            "id": older["id"],
            "app": PHONE["X-App"],
            "device": PHONE["User-Agent"],
            "address": "testclient",
            "signed_in_at": rfc3339(began),
            "last_used_at": rfc3339(began),
            "is_current": False,
        }
        assert (newer["is_current"], newer["app"]) == (True, "")
        assert newer["last_used_at"] == "2026-11-24T02:07:00.000000Z"
        me(client, first["access_token"])
        clock.move(seconds=28)
        me(client, first["access_token"])
        clock.move(seconds=1)
        assert sessions(client, bearer(second))[1]["last_used_at"] == "2026-11-24T02:07:00.000000Z"
        me(client, first["access_token"])
        assert sessions(client, bearer(second))[1]["last_used_at"] == "2026-11-24T02:08:00.000000Z"

    def test_using_it_writes_nothing_until_the_process_writes_for_all(self, client, session, clock, runtime):
        granted = sign_in(client)
        clock.move(minutes=5)
        for _ in range(3):
            me(client, granted["access_token"])
        before = session.exec(select(SignIn.last_used_at)).all()
        runtime.last_used.write()
        session.expire_all()
        assert before == [clock.now.replace(minute=0)]
        assert session.exec(select(SignIn.last_used_at)).all() == [clock()]

    def test_a_refresh_is_the_same_session_from_where_it_came_last(self, client, clock):
        granted = sign_in(client, **PHONE)
        clock.move(hours=13)
        form = {"grant_type": "refresh_token", "refresh_token": granted["refresh_token"]}
        renewed = client.post("/auth/token", data=form, headers={"X-App": "xiaohao-phone/1.5.0"}).json()
        (only,) = sessions(client, bearer(renewed))
        assert (only["app"], only["signed_in_at"]) == ("xiaohao-phone/1.5.0", "2026-11-24T02:00:00.000000Z")

    def test_what_has_ended_is_left_out(self, client, clock):
        signed_out, left = sign_in(client), sign_in(client)
        client.delete("/auth/token", headers=bearer(signed_out))
        assert [one["is_current"] for one in sessions(client, bearer(left))] == [True]
        clock.move(days=29)
        last = sign_in(client)
        assert len(sessions(client, bearer(last))) == 2
        clock.move(days=1)
        assert len(sessions(client, bearer(sign_in(client)))) == 2

    def test_pages(self, client, session, login, clock):
        for _ in range(5):
            issue(session, login, uuid7(), (make_secret(), make_secret()), now=clock())
        session.commit()
        headers = bearer(sign_in(client))
        first = client.get("/me/sessions", headers=headers, params={"limit": 4}).json()
        rest = client.get("/me/sessions", headers=headers, params={"limit": 4, "cursor": first["next_cursor"]}).json()
        assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (4, 2, None)
        assert len({one["id"] for one in first["items"] + rest["items"]}) == 6

    def test_of_a_machine(self, client, street):
        (only,) = sessions(client, street.machine().headers)
        assert only["is_current"]

    def test_a_hostile_device_is_kept_plain(self, client):
        headers = {"User-Agent": b"a\xff<b>" + b"x" * 400, "X-App": "y" * 400}
        (only,) = sessions(client, bearer(sign_in(client, **headers)))
        assert (only["device"][:4], len(only["device"]), len(only["app"])) == ("a<b>", 200, 120)


@pytest.mark.usefixtures("login")
class TestEnd:
    def test_one_of_ones_own(self, client):
        lost, kept = sign_in(client), sign_in(client)
        (it,) = [one for one in sessions(client, bearer(kept)) if not one["is_current"]]
        assert client.delete(f"/me/sessions/{it['id']}", headers=bearer(kept)).status_code == 204
        assert told(me(client, lost["access_token"])) == (401, "token-revoked")
        assert told(refresh(client, lost["refresh_token"])) == (401, "token-revoked")
        assert len(sessions(client, bearer(kept))) == 1

    @pytest.mark.parametrize(("keep", "left"), [(True, 200), (False, 401)])
    def test_all(self, client, keep, left):
        lost, asking = sign_in(client), sign_in(client)
        ended = client.delete("/me/sessions", headers=bearer(asking), params={"keep_current": keep})
        assert ended.status_code == 204
        assert me(client, lost["access_token"]).status_code == 401
        assert me(client, asking["access_token"]).status_code == left
        assert refresh(client, asking["refresh_token"]).status_code == left

    def test_nobody_elses(self, client, session, street, unchanged):
        theirs = session.exec(select(Token.family_id).where(Token.user_id == street.officer.id)).one()
        headers = bearer(sign_in(client))
        with unchanged():
            answers = [client.delete(f"/me/sessions/{one}", headers=headers) for one in (theirs, uuid7())]
        assert [told(answer) for answer in answers] == [(404, "not-found")] * 2

    def test_by_an_administrator(self, client, login, admin):
        first, second = sign_in(client), sign_in(client)
        path = f"/users/{login.id}/sessions"
        newer, older = sessions(client, admin.headers, path)
        assert not newer["is_current"]
        assert client.delete(f"{path}/{older['id']}", headers=admin.headers).status_code == 204
        assert told(me(client, first["access_token"])) == (401, "token-revoked")
        assert me(client, second["access_token"]).status_code == 200
        assert client.delete(path, headers=admin.headers).status_code == 204
        assert told(me(client, second["access_token"])) == (401, "token-revoked")
        assert told(client.delete(f"{path}/{uuid7()}", headers=admin.headers)) == (404, "not-found")
        assert by_password(client).status_code == 200


def test_a_process_that_serves_again_writes_again(client, session, login, clock, runtime):
    """What was noted is written when it stops, as often as it is started."""
    granted = sign_in(client)
    for _ in range(2):
        clock.move(minutes=5)
        runtime.last_used.start()
        me(client, granted["access_token"])
        runtime.last_used.stop()
        session.expire_all()
        assert session.exec(select(SignIn.last_used_at)).all() == [clock()]
