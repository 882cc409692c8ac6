"""Refresh tokens: exchanged once, the same answer for ten minutes, and everything revoked when one comes back later."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from app.access.credentials import hash_token
from app.core.ids import uuid7
from app.models import Token, User
from app.services.tokens import issue, make_secret
from tests.api.signing_in import by_password, make_login, me, refresh, told
from tests.races import at_once


@pytest.fixture
def login(session, street, clock):
    return make_login(session, street, clock)


def granted_to(session, user, clock):
    """A sign-in without its slow check."""
    grant = issue(session, user, uuid7(), (make_secret(), make_secret()), now=clock())
    session.commit()
    return grant.refresh_token


def tokens_of(answer):
    return {name: answer.json()[name] for name in ("access_token", "refresh_token")}


class TestRotation:
    def test_successors_work_and_only_their_hashes_are_kept(self, client, session, login, clock):
        first = by_password(client).json()
        second = refresh(client, first["refresh_token"]).json()
        assert len({first["access_token"], first["refresh_token"], *second.values()}) >= 4
        assert me(client, second["access_token"]).status_code == 200
        third = refresh(client, second["refresh_token"])
        assert third.status_code == 200
        kept = set(session.exec(select(Token.token_hash)).all())
        assert {hash_token(second["access_token"]), hash_token(third.json()["refresh_token"])} <= kept
        assert not kept & {second["access_token"], second["refresh_token"]}

    def test_a_lost_answer_is_given_again(self, client, session, login, clock):
        token = granted_to(session, login, clock)
        first = refresh(client, token)
        clock.move(minutes=10)
        again = refresh(client, token)
        assert (again.status_code, tokens_of(again)) == (200, tokens_of(first))
        assert (first.json()["expires_in"], again.json()["expires_in"]) == (43200, 42600)
        assert me(client, again.json()["access_token"]).status_code == 200

    def test_later_it_revokes_all_of_the_sign_in_and_no_other(self, client, session, login, clock):
        token, other = granted_to(session, login, clock), granted_to(session, login, clock)
        thief = refresh(client, token).json()
        clock.move(minutes=10, microseconds=1)
        assert told(refresh(client, token)) == (401, "token-reused")
        assert told(me(client, thief["access_token"])) == (401, "token-revoked")
        assert told(refresh(client, thief["refresh_token"])) == (401, "token-revoked")
        assert told(refresh(client, token)) == (401, "token-revoked")
        assert refresh(client, other).status_code == 200

    @pytest.mark.parametrize(
        ("days", "kind", "code"), [(30, "refresh", "token-expired"), (0, "access", "token-unknown")]
    )
    def test_refusal_leaves_the_tokens_alone(self, client, session, clock, login, unchanged, days, kind, code):
        grant = issue(session, login, uuid7(), (make_secret(), make_secret()), now=clock())
        session.commit()
        clock.move(days=days)
        with unchanged():
            assert told(refresh(client, getattr(grant, f"{kind}_token"))) == (401, code)

    def test_disabled_account_gets_no_new_tokens(self, client, session, login, clock, unchanged):
        token = granted_to(session, login, clock)
        login.is_active = False
        session.add(login)
        session.commit()
        with unchanged():
            assert told(refresh(client, token)) == (401, "account-disabled")

    def test_another_secret_of_the_service_gives_nothing_away(self, app, client, session, login, clock, runtime):
        token = granted_to(session, login, clock)
        assert refresh(client, token).status_code == 200
        app.state.runtime = replace(runtime, secret=b"another secret of the service, long enough")
        assert told(refresh(client, token)) == (401, "token-revoked")

    def test_two_at_once_get_the_same(self, committed_client, committed_runtime, committed_street, clock):
        with committed_runtime.db.write() as session:
            login = make_login(session, committed_street, clock)
        with committed_runtime.db.write() as session:
            user = session.get_one(User, login.id)
            token = issue(session, user, uuid7(), (make_secret(), make_secret()), now=clock()).refresh_token
        answers = at_once(*[lambda: refresh(committed_client, token)] * 4)
        assert [answer.status_code for answer in answers] == [200] * 4
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1

    def test_long_expired_tokens_are_forgotten_at_the_next_sign_in(self, client, session, clock, login):
        granted_to(session, login, clock)
        clock.move(days=38)
        granted_to(session, login, clock)
        session.expire_all()
        issued = session.exec(select(Token.issued_at).where(Token.user_id == login.id)).all()
        assert set(issued) == {clock()}


STEPS = st.lists(st.tuples(st.sampled_from([0, 1, 599, 600, 601, 3600]), st.integers(0, 2)), min_size=1, max_size=8)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_tokens_does_what_the_rule_says(client, session, street, clock, steps, login):
    """Pause, then present the newest token or one of the two before it; against a model of the chain."""
    chain, used_at, is_revoked = [granted_to(session, login, clock)], {}, False
    answers: dict[int, dict[str, str]] = {}
    for pause_s, back in steps:
        clock.move(seconds=pause_s)
        place = max(0, len(chain) - 1 - back)
        answer = refresh(client, chain[place])
        if is_revoked:
            assert told(answer) == (401, "token-revoked")
        elif place not in used_at:
            used_at[place], answers[place] = clock(), tokens_of(answer)
            chain.append(answers[place]["refresh_token"])
        elif clock() - used_at[place] <= timedelta(minutes=10):
            assert tokens_of(answer) == answers[place]
        else:
            assert told(answer) == (401, "token-reused")
            is_revoked = True
    assert len(set(chain)) == len(chain)
