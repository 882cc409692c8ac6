"""Passwords: changed by their person, at first and when they are old; not the same ones again; rules by settings."""

from dataclasses import replace
from itertools import pairwise

import pytest
from sqlmodel import select

from app.models import FormerPassword, Token
from tests.api.signing_in import PASSWORD, by_password, change, make_login, me, refresh, told


@pytest.fixture
def login(session, street, clock):
    return make_login(session, street, clock)


def given(app, runtime, **settings):
    """The same process under other settings."""
    app.state.runtime = replace(runtime, settings=runtime.settings.model_copy(update=settings))


@pytest.mark.usefixtures("login")
class TestChange:
    def test_ends_every_sign_in_and_gives_new_tokens(self, client):
        before = by_password(client).json()
        answer = change(client, PASSWORD, "Another-2026")
        assert answer.status_code == 200
        assert me(client, answer.json()["access_token"]).status_code == 200
        assert told(me(client, before["access_token"])) == (401, "token-revoked")
        assert told(refresh(client, before["refresh_token"])) == (401, "token-revoked")
        assert told(by_password(client)) == (401, "bad-credentials")
        assert by_password(client, "Another-2026").status_code == 200

    @pytest.mark.parametrize(
        ("password", "chosen", "status", "code"),
        [
            ("Wrong-2026-x", "Another-2026", 401, "bad-credentials"),
            (PASSWORD, "Short-1", 422, "weak-password"),
            (PASSWORD, "onlysmallletters1", 422, "weak-password"),
            (PASSWORD, PASSWORD, 422, "password-used-before"),
            (PASSWORD, "x" * 201, 422, "too-long"),
        ],
    )
    def test_refusal_changes_nothing(self, client, unchanged, password, chosen, status, code):
        if code == "bad-credentials":  # a failure is counted
            assert told(change(client, password, chosen)) == (status, code)
        else:
            with unchanged():
                assert told(change(client, password, chosen)) == (status, code)
        assert by_password(client).status_code == 200

    def test_nobody_learns_whether_there_is_such_an_account(self, client):
        answers = [change(client, "Wrong-2026-x", "Another-2026", username=name) for name in ("wangli", "nobody")]
        assert answers[0].json() | {"trace_id": ""} == answers[1].json() | {"trace_id": ""}

    def test_the_last_five_do_not_come_again_and_the_sixth_may(self, client, session, login):
        chosen = [PASSWORD, *(f"Xiaohao-{number}-a" for number in range(5))]
        for old, new in pairwise(chosen):
            assert change(client, old, new).status_code == 200
        for old in chosen[1:]:
            assert told(change(client, chosen[-1], old)) == (422, "password-used-before")
        assert change(client, chosen[-1], PASSWORD).status_code == 200
        former = session.exec(select(FormerPassword).where(FormerPassword.user_id == login.id)).all()
        assert len(former) == 6


class TestMustChange:
    def test_at_first_it_opens_nothing_else(self, client, session, street, clock):
        make_login(session, street, clock, must_change_password=True)
        assert told(by_password(client)) == (403, "password-change-needed")
        assert session.exec(select(Token).where(Token.user_id.is_not(None), Token.kind == "refresh")).all() == []
        assert told(by_password(client, "Wrong-2026-x")) == (401, "bad-credentials")
        assert change(client, PASSWORD, "Another-2026").status_code == 200
        assert by_password(client, "Another-2026").status_code == 200

    def test_after_ninety_days(self, client, clock, login):
        granted = by_password(client).json()
        clock.move(days=30, microseconds=-1)
        granted = refresh(client, granted["refresh_token"]).json()
        clock.move(days=30)
        granted = refresh(client, granted["refresh_token"]).json()
        assert by_password(client).status_code == 200
        clock.move(days=30, microseconds=1)
        assert told(by_password(client)) == (403, "password-change-needed")
        granted = change(client, PASSWORD, "Another-2026").json()
        assert by_password(client, "Another-2026").status_code == 200
        assert refresh(client, granted["refresh_token"]).status_code == 200

    def test_refresh_ends_with_the_password(self, client, clock, session, login):
        clock.move(days=89)
        granted = by_password(client).json()
        clock.move(days=1)
        assert told(refresh(client, granted["refresh_token"])) == (403, "password-change-needed")
        assert me(client, granted["access_token"]).json()["code"] == "token-expired"

    def test_a_reset_one_is_for_its_person_to_change(self, app, runtime, client, street, login):
        given(app, runtime, password_change_at_first=True)
        admin = street.person("admin")
        reset = client.post(f"/users/{login.id}/password", json={"password": "Reset-2026-x"}, headers=admin.headers)
        assert reset.status_code == 204
        assert told(by_password(client, "Reset-2026-x")) == (403, "password-change-needed")
        assert told(change(client, "Reset-2026-x", PASSWORD)) == (422, "password-used-before")
        assert change(client, "Reset-2026-x", "Another-2026").status_code == 200


@pytest.mark.usefixtures("login")
class TestSettings:
    def test_length_and_classes(self, app, client, runtime):
        given(app, runtime, password_min_length=14, password_classes=4)
        assert told(change(client, PASSWORD, "Another-2026")) == (422, "weak-password")
        assert told(change(client, PASSWORD, "Another2026long")) == (422, "weak-password")
        assert change(client, PASSWORD, "Another-2026-long").status_code == 200

    def test_without_history_age_and_first_change(self, app, client, runtime, street, clock, login):
        given(app, runtime, password_history=0, password_days=0)
        assert change(client, PASSWORD, PASSWORD).status_code == 200
        clock.move(days=1000)
        assert by_password(client).status_code == 200
        path, admin = f"/users/{login.id}/password", street.person("admin")
        assert client.post(path, json={"password": "Reset-2026-x"}, headers=admin.headers).status_code == 204
        assert by_password(client, "Reset-2026-x").status_code == 200
