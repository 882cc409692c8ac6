"""Two who decide at the same moment, and revocations that race with what they revoke.

Source: lifecycle.md, «Actions» (decisions need the current version); choices.md, «Concurrency».
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from app.access.passwords import PasswordRules, hash_password
from app.core.database import Database
from app.jobs.sweeps import sweep
from app.models import User
from app.services import tokens
from app.services.operators import disable_user, give_password
from app.services.runtime import Runtime
from app.services.sign_in import Person, sign_in
from app.services.tokens import Origin
from tests.conftest import FakeClock
from tests.factories import Street
from tests.phone import Phone
from tests.races import at_once, check_versions, codes, events_of, race

PASSWORD = "Xiaohao-2026"
PASSWORD_HASH = hash_password(PASSWORD)


class TestDecisions:
    def test_two_determinations(
        self, racing_phone: Phone, racers: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        phone = racing_phone
        for _ in rounds:
            hazard = phone.report(finding_code="EV-003")
            answers = race(
                partial(phone.determine, racers.leader, hazard, "major"),
                partial(phone.determine, racers.district_person, hazard, "general"),
                partial(phone.determine, racers.office, hazard, "major"),
            )
            assert codes(answers) == ["201", "412 stale-version", "412 stale-version"]
            winner = next(answer for answer in answers if answer.status_code == 201).json()["hazard"]
            assert phone.read(hazard["id"])["severity"] == winner["severity"]
            check_versions(committed_runtime, hazard["id"])

    def test_two_void_decisions(
        self, racing_phone: Phone, racers: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        phone = racing_phone
        for _ in rounds:
            decide = self._asked(phone, racers)
            answers = race(
                partial(decide, racers.leader, "grant"),
                partial(decide, racers.person("leader", "second"), "refuse"),
                partial(decide, racers.district_person, "grant"),
            )
            assert codes(answers) == ["201", "412 stale-version", "412 stale-version"]
            winner = next(answer for answer in answers if answer.status_code == 201).json()["hazard"]
            assert phone.read(winner["id"])["status"] == winner["status"]
            events = events_of(committed_runtime, winner["id"])
            assert events["grant_void"] + events["refuse_void"] == 1
            check_versions(committed_runtime, winner["id"])

    def test_a_void_lapses_while_somebody_decides(
        self, racing_phone: Phone, racers: Street, committed_runtime: Runtime, clock: FakeClock, rounds: range
    ) -> None:
        """Either it lapsed before, or it is decided; never both."""
        phone = racing_phone
        for _ in rounds:
            decide = self._asked(phone, racers)
            clock.move(days=8)
            decided, _ = at_once(partial(decide, racers.leader, "grant"), partial(sweep, committed_runtime))
            is_late = codes([decided]) == ["412 stale-version"]  # type: ignore[list-item]  # an answer
            assert is_late or codes([decided]) == ["201"]  # type: ignore[list-item]  # an answer
            events = events_of(committed_runtime, decide.args[0])
            assert (events["lapse_void"], events["grant_void"]) == ((1, 0) if is_late else (0, 1))
            assert phone.read(decide.args[0])["status"] == ("rectifying" if is_late else "voided")
            check_versions(committed_runtime, decide.args[0])

    @staticmethod
    def _asked(phone: Phone, street: Street) -> partial[Any]:
        """A hazard whose request to void waits, and how to decide it: by whom and what."""
        hazard = phone.report()
        asked = phone.ask_void(street.office, hazard).json()
        path, version = f"voids/{asked['event_id']}/decision", asked["hazard"]["version"]

        def decide(hazard_id: str, person: Any, decision: str) -> Any:
            return phone.act(person, hazard_id, path, base_version=version, decision=decision)

        return partial(decide, hazard["id"])


class TestRevocation:
    """A refresh that is under way while its account is reset, disabled or signed out leaves nothing behind."""

    @pytest.fixture
    def username(self, racers: Street, committed_runtime: Runtime) -> str:
        with committed_runtime.db.write() as session:
            user = session.get_one(User, racers.inspector.id)
            user.password_hash = PASSWORD_HASH
            return user.username

    @pytest.mark.parametrize("how", ["reset", "disable", "sign out"])
    def test_waits_for_what_it_must_revoke(
        self, how: str, username: str, committed_runtime: Runtime, committed_client: TestClient, clock: FakeClock
    ) -> None:
        db = committed_runtime.db
        first = sign_in(db, Person(username, PASSWORD, Origin("127.0.0.1")), PasswordRules(), now=clock())
        assert first.refresh_token is not None
        revoke: dict[str, Callable[[Session], None]] = {
            "reset": partial(give_password, username=username, password_hash="$another", now=clock()),
            "disable": partial(disable_user, username=username, now=clock()),
            "sign out": partial(tokens.sign_out, access_token=first.access_token, now=clock()),
        }
        with ThreadPoolExecutor(1) as pool:
            with db.write() as session:
                second = tokens.exchange(
                    session,
                    first.refresh_token,
                    PasswordRules(),
                    secret=committed_runtime.secret,
                    origin=Origin("127.0.0.1"),
                    now=clock(),
                )
                assert second is not None
                revoking = pool.submit(_in_a_transaction, db, revoke[how])
                _until_it_waits(db, revoking)
            revoking.result(timeout=60)
        assert second.refresh_token is not None
        for token in (first.access_token, second.access_token):
            answer = committed_client.get("/me", headers={"Authorization": f"Bearer {token}"})
            assert (answer.status_code, answer.json()["code"]) == (401, "token-revoked")
        form = {"grant_type": "refresh_token", "refresh_token": second.refresh_token}
        assert committed_client.post("/auth/token", data=form).json()["code"] == "token-revoked"


def _in_a_transaction(db: Database, deed: Callable[[Session], None]) -> None:
    with db.write() as session:
        deed(session)


def _until_it_waits(db: Database, call: Future[None]) -> None:
    """Return when ``call`` waits for a lock of ours; on SQLite it can do nothing else."""
    if db.dialect == "sqlite":
        return
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'")
    while not call.done():
        with db.autocommit() as connection:
            if connection.execute(waiting).scalar_one():
                return
