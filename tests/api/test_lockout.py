"""Failed sign-ins: counted by name and address, told alike for names that exist and names that do not."""

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlmodel import select
from starlette.testclient import TestClient

from app.jobs.sweeps import sweep
from app.models import SignInFailures
from app.services.lockout import Attempt, SignInLocked, note_failure
from tests.api.signing_in import PASSWORD, by_password, change, make_login, me, refresh, told
from tests.races import at_once

WRONG = "Wrong-2026-x"
LOCKED = (429, "sign-in-locked")
BAD = (401, "bad-credentials")


@pytest.fixture
def login(session, street, clock):
    return make_login(session, street, clock)


def from_address(client, address):
    """The same service, asked from there."""
    return TestClient(client.app, base_url="http://testserver/api/v1", client=(address, 50000))


def fail(client, times, username="wangli"):
    return [told(by_password(client, WRONG, username)) for _ in range(times)]


@pytest.mark.usefixtures("login")
class TestOfOneNameFromOneAddress:
    @pytest.mark.parametrize("username", ["wangli", "nobody"])
    def test_five_failures_lock_it_for_a_quarter_of_an_hour(self, client, clock, username):
        """Word for word the same whether there is such an account."""
        assert fail(client, 4, username) == [BAD] * 4
        clock.move(minutes=10)
        assert fail(client, 1, username) == [BAD]
        for password in (WRONG, PASSWORD):
            answer = by_password(client, password, username)
            assert told(answer) == LOCKED
            assert answer.headers["retry-after"] == "300"
            assert (answer.json()["retry_after_s"], answer.json()["retryable"]) == (300, True)
            assert answer.json()["detail"] == "登录失败次数过多，请 5 分钟后重试；已登录的设备不受影响。"
        clock.move(minutes=5, microseconds=-1)
        assert told(by_password(client, PASSWORD, username)) == LOCKED
        clock.move(microseconds=1)
        assert by_password(client, PASSWORD, username).status_code == (200 if username == "wangli" else 401)

    def test_a_locked_try_is_not_counted(self, client, clock):
        fail(client, 5)
        for _ in range(14):
            clock.move(minutes=1)
            assert fail(client, 1) == [LOCKED]
        clock.move(minutes=1)
        assert by_password(client).status_code == 200

    def test_success_counts_from_zero_again(self, client):
        for _ in range(3):
            assert fail(client, 4) == [BAD] * 4
            assert by_password(client).status_code == 200

    def test_changing_the_password_is_counted_with_it(self, client):
        for _ in range(3):
            assert told(change(client, WRONG, "Another-2026")) == BAD
        assert fail(client, 2) == [BAD] * 2
        assert told(change(client, PASSWORD, "Another-2026")) == LOCKED

    def test_elsewhere_and_signed_in_devices_go_on(self, client):
        granted = by_password(client).json()
        assert fail(client, 6) == [BAD] * 5 + [LOCKED]
        assert by_password(from_address(client, "203.0.113.9")).status_code == 200
        assert me(client, granted["access_token"]).status_code == 200
        renewed = refresh(client, granted["refresh_token"])
        assert renewed.status_code == 200
        assert me(client, renewed.json()["access_token"]).status_code == 200


@pytest.mark.usefixtures("login")
class TestOfOneAddress:
    def test_fifty_failures_with_any_names(self, client, session, clock):
        for number in range(49):
            note_failure(session, Attempt(f"u{number}", "2001:db8:1:2::1"), now=clock())
        session.commit()
        neighbour = from_address(client, "2001:db8:1:2:ffff::2")
        assert by_password(neighbour).status_code == 200
        assert told(by_password(neighbour, WRONG)) == BAD  # the success before did not clear the address
        assert told(by_password(neighbour)) == LOCKED
        assert by_password(from_address(client, "2001:db8:1:3::1")).status_code == 200
        clock.move(minutes=15)
        assert by_password(neighbour).status_code == 200

    def test_what_a_client_says_of_itself_does_not_count(self, client):
        answers = [
            client.post(
                "/auth/token",
                data={"grant_type": "password", "username": "wangli", "password": WRONG},
                headers={"X-Forwarded-For": f"203.0.113.{number}"},
            )
            for number in range(6)
        ]
        assert [told(answer) for answer in answers] == [BAD] * 5 + [LOCKED]


def test_guesses_at_once_learn_no_more_than_guesses_in_turn(committed_runtime, clock):
    """Twenty wrong ones that passed the first look together: five are told so, the others nothing."""

    def tell():
        try:
            with committed_runtime.db.write() as session:
                note_failure(session, Attempt("wangli", "203.0.113.9"), now=clock())
        except SignInLocked as locked:
            return locked.code
        return "told"

    assert sorted(at_once(*[tell] * 20)) == ["sign-in-locked"] * 15 + ["told"] * 5


def test_a_right_guess_among_them_is_given_nothing(committed_client, committed_runtime, committed_street, clock):
    """The lock is earned while its argon2 runs."""
    with committed_runtime.db.write() as session:
        make_login(session, committed_street, clock)

    def lock():
        with committed_runtime.db.write() as session:
            for _ in range(5):
                note_failure(session, Attempt("wangli", "testclient"), now=clock())

    answers = at_once(lambda: told(by_password(committed_client)), lock)
    assert answers[0] == LOCKED


def test_nothing_is_written_by_a_success_but_its_tokens(client, session, login):
    assert by_password(client).status_code == 200
    assert session.exec(select(SignInFailures)).all() == []


def test_neither_names_nor_addresses_are_kept_and_all_is_forgotten(client, session, clock, runtime, login):
    fail(client, 1)
    kept = session.exec(select(SignInFailures)).all()
    assert len(kept) == 2
    assert not any("wangli" in row.key or "testclient" in row.key for row in kept)
    clock.move(minutes=15, microseconds=1)
    sweep(runtime)
    session.expire_all()
    assert session.exec(select(SignInFailures)).all() == []


def test_the_time_for_an_unknown_name_is_that_of_one_check(client, login, monkeypatch):
    """One argon2 of the same cost each: counted, since the clock of a busy machine proves nothing."""
    checked: list[str] = []
    verify = Argon2Hasher.verify

    def counted(hasher, password, password_hash):
        checked.append(password_hash.rsplit("$", 2)[0])
        return verify(hasher, password, password_hash)

    monkeypatch.setattr(Argon2Hasher, "verify", counted)
    assert told(by_password(client, WRONG)) == told(by_password(client, WRONG, "nobody")) == BAD
    assert len(checked) == 2
    assert len(set(checked)) == 1
