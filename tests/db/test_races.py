"""Two at the same moment, with real commits: one wins, the other learns why, and nothing is half done.

Source: lifecycle.md, «Actions» (order of checks); choices.md, «Concurrency», «Idempotency».
"""

import threading
from collections import Counter
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pytest
from sqlalchemy import func, select
from sqlmodel import Session

from app.jobs.worker import drain
from app.models import HazardPhoto, Inspection, Job, Photo
from app.services.numbers import HAZARD, Numbers
from app.services.runtime import Runtime
from tests.factories import Person, Shot, Street, found, shoot, visit
from tests.phone import Phone
from tests.races import at_once, check_versions, codes, events_of, race


@pytest.fixture
def street(racers: Street) -> Street:
    return racers


@pytest.fixture
def phone(racing_phone: Phone) -> Phone:
    return racing_phone


class TestActions:
    def test_two_claims(self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range) -> None:
        for _ in rounds:
            hazard = phone.report()
            people = [street.inspector, street.other_inspector, street.officer, street.office]
            photos = [phone.stored(person) for person in people]
            answers = race(
                *(
                    partial(phone.claim, person, hazard, photo_ids=[photo])
                    for person, photo in zip(people, photos, strict=True)
                )
            )
            assert codes(answers) == ["201"] + ["409 illegal-action"] * 3
            assert events_of(committed_runtime, hazard["id"])["claim_rectified"] == 1
            check_versions(committed_runtime, hazard["id"])

    def test_pass_against_fail(self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range) -> None:
        for _ in rounds:
            hazard = phone.claim(street.office, phone.report()).json()["hazard"]
            photo = phone.stored(street.inspector)
            answers = race(
                partial(phone.reinspect, street.inspector, hazard, photo_ids=[photo]),
                partial(phone.reinspect, street.other_inspector, hazard, "fail"),
            )
            passed, failed = (answer.status_code == 201 for answer in answers)
            assert passed is not failed
            loser = answers[1] if passed else answers[0]
            assert loser.json()["code"] == ("illegal-action" if passed else "other-round")
            assert phone.read(hazard["id"])["status"] == ("closed" if passed else "rectifying")
            check_versions(committed_runtime, hazard["id"])

    def test_confirmed_twice(self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range) -> None:
        for _ in rounds:
            hazard = phone.reinspect(street.inspector, phone.report()).json()["hazard"]
            people = [street.leader, street.office, street.district_person, street.person("leader", "second")]
            answers = race(*(partial(phone.decide, person, hazard) for person in people))
            assert codes(answers) == ["201"] + ["412 stale-version"] * 3
            assert events_of(committed_runtime, hazard["id"])["confirm"] == 1

    def test_confirm_against_refuse(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            hazard = phone.reinspect(street.inspector, phone.report()).json()["hazard"]
            answers = race(
                partial(phone.decide, street.leader, hazard), partial(phone.decide, street.office, hazard, "refuse")
            )
            assert codes(answers) == ["201", "412 stale-version"]
            winner = next(answer for answer in answers if answer.status_code == 201).json()["hazard"]
            assert phone.read(hazard["id"])["status"] == winner["status"]

    def test_the_same_action_twice(
        self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        for _ in rounds:
            hazard, photo = phone.report(), phone.stored(street.inspector)
            action = {"id": str(uuid4()), "photo_ids": [photo]}
            answers = race(*[partial(phone.claim, street.inspector, hazard, **action)] * 4)
            assert codes(answers) == ["200", "200", "200", "201"]
            assert len({answer.text for answer in answers}) == 1
            assert events_of(committed_runtime, hazard["id"])["claim_rectified"] == 1

    def test_one_action_id_on_two_hazards(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            hazards, action_id = [phone.report(), phone.report()], str(uuid4())
            answers = race(
                *(
                    partial(phone.act, street.leader, hazard["id"], "comments", id=action_id, note="x")
                    for hazard in hazards
                )
            )
            assert codes(answers) == ["201", "409 action-id-reused"]

    def test_one_photo_for_two_hazards(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            hazards, photo = [phone.report(), phone.report()], phone.stored(street.inspector)
            answers = race(*(partial(phone.claim, street.inspector, hazard, photo_ids=[photo]) for hazard in hazards))
            assert codes(answers) == ["201", "409 photo-reused"]

    def test_the_same_bytes_for_two_hazards(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            first = shoot("after", at=phone.clock())
            second = shoot("after", at=phone.clock(), content=first.content)
            people = [(street.inspector, first), (street.other_inspector, second)]
            hazards = [phone.report(), phone.report()]
            for person, shot in people:
                assert phone.upload(person, shot).status_code == 201
            answers = race(
                *(
                    partial(phone.claim, person, hazard, photo_ids=[shot.id])
                    for (person, shot), hazard in zip(people, hazards, strict=True)
                )
            )
            assert codes(answers) == ["201", "409 photo-reused"]

    def test_two_voids_asked(self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range) -> None:
        for _ in rounds:
            hazard = phone.report()
            answers = race(*[partial(phone.ask_void, street.office, hazard)] * 3)
            assert codes(answers) == ["201"] + ["412 stale-version"] * 2
            assert events_of(committed_runtime, hazard["id"])["ask_void"] == 1

    def test_a_void_granted_while_somebody_claims(
        self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        """Either the claim withdraws the request, or the hazard is void; never both."""
        for _ in rounds:
            hazard, photo = phone.report(), phone.stored(street.inspector)
            asked = phone.ask_void(street.office, hazard).json()
            path, version = f"voids/{asked['event_id']}/decision", asked["hazard"]["version"]
            granted, claimed = race(
                partial(phone.act, street.leader, hazard["id"], path, base_version=version, decision="grant"),
                partial(phone.claim, street.inspector, hazard, photo_ids=[photo]),
            )
            won = {granted.status_code, claimed.status_code}
            assert won in ({201, 412}, {201, 409})
            status = phone.read(hazard["id"])["status"]
            assert status == ("voided" if granted.status_code == 201 else "awaiting_reinspection")
            check_versions(committed_runtime, hazard["id"])

    def test_many_comments(self, phone: Phone, street: Street, committed_runtime: Runtime) -> None:
        hazard = phone.report()
        answers = race(*[partial(phone.act, street.leader, hazard["id"], "comments", note="催办")] * 8)
        assert codes(answers) == ["201"] * 8
        assert phone.read(hazard["id"])["version"] == hazard["version"]
        assert events_of(committed_runtime, hazard["id"])["comment"] == 8


def a_visit(phone: Phone, *shots: Shot, place: Any = None) -> dict[str, Any]:
    now = phone.clock()
    return visit(place or phone.street.shop.id, now, hazards=[found(list(shots), now)], shots=list(shots))


class TestSubmissions:
    def test_the_same_one_twice(self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range) -> None:
        for _ in rounds:
            body, inspection_id = a_visit(phone, shoot(at=phone.clock())), str(uuid4())
            answers = race(*[partial(phone.submit, street.inspector, body, inspection_id)] * 4)
            assert codes(answers) == ["200", "200", "200", "201"]
            assert len({answer.text for answer in answers}) == 1
        with committed_runtime.db.read() as session:
            assert session.execute(select(func.count()).select_from(Inspection)).scalar_one() == len(rounds)

    def test_one_id_and_two_contents(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            inspection_id = str(uuid4())
            bodies = [a_visit(phone, shoot(at=phone.clock())) for _ in range(2)]
            answers = race(
                partial(phone.submit, street.inspector, bodies[0], inspection_id),
                partial(phone.submit, street.inspector, bodies[1], inspection_id),
            )
            assert codes(answers) == ["201", "409 inspection-differs"]

    def test_one_hazard_id_in_two(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            bodies = [a_visit(phone, shoot(at=phone.clock())) for _ in range(2)]
            bodies[1]["hazards"][0]["id"] = bodies[0]["hazards"][0]["id"]
            answers = race(
                partial(phone.submit, street.inspector, bodies[0]), partial(phone.submit, street.officer, bodies[1])
            )
            assert codes(answers) == ["201", "409 id-taken"]

    def test_the_same_bytes_in_two(
        self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        for _ in rounds:
            first = shoot(at=phone.clock())
            second = shoot(at=phone.clock(), content=first.content)
            answers = race(
                partial(phone.submit, street.inspector, a_visit(phone, first)),
                partial(phone.submit, street.other_inspector, a_visit(phone, second)),
            )
            assert codes(answers) == ["201", "409 photo-reused"]
            with committed_runtime.db.read() as session:
                named = select(func.count()).select_from(Photo).where(Photo.sha256 == first.sha256)
                assert session.execute(named).scalar_one() == 1

    def test_a_recheck_while_another_passes(
        self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        for _ in rounds:
            hazard = phone.report()
            photos = [phone.stored(street.officer), phone.stored(street.other_inspector)]
            recheck = {"action_id": str(uuid4()), "hazard_id": hazard["id"], "base_round": 1, "result": "pass"}
            body = visit(
                street.shop.id, phone.clock(), hazards=[], shots=[], rechecks=[recheck | {"photo_ids": photos[:1]}]
            )
            submitted, passed = race(
                partial(phone.submit, street.officer, body),
                partial(phone.reinspect, street.other_inspector, hazard, photo_ids=photos[1:]),
            )
            assert submitted.status_code == 201
            accepted = submitted.json()["rechecks"][0]["outcome"] == "accepted"
            assert passed.status_code == (409 if accepted else 201)
            assert events_of(committed_runtime, hazard["id"])["pass_reinspection"] == 1

    def test_two_visits_recheck_the_same_two_hazards(self, phone: Phone, street: Street, rounds: range) -> None:
        """In opposite order; locks are taken by id, so that nobody waits for the other for ever."""
        for _ in rounds:
            hazards = [phone.report(), phone.report()]

            def body(order: list[dict[str, Any]]) -> dict[str, Any]:
                rechecks = [
                    {
                        "action_id": str(uuid4()),
                        "hazard_id": one["id"],
                        "base_round": 1,
                        "result": "fail",
                        "reason_code": "no_access",
                    }
                    for one in order
                ]
                return visit(street.shop.id, phone.clock(), hazards=[], shots=[], rechecks=rechecks)

            answers = race(
                partial(phone.submit, street.officer, body(hazards)),
                partial(phone.submit, street.other_inspector, body(hazards[::-1])),
            )
            assert codes(answers) == ["201", "201"]
            outcomes = Counter(told["outcome"] for answer in answers for told in answer.json()["rechecks"])
            assert outcomes == {"accepted": 2, "refused": 2}


class TestPhotos:
    def test_the_same_upload_twice(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            shot = shoot(at=phone.clock())
            answers = race(*[partial(phone.upload, street.inspector, shot)] * 3)
            assert codes(answers) == ["200", "200", "201"]

    def test_one_id_for_two_people(self, phone: Phone, street: Street, rounds: range) -> None:
        for _ in rounds:
            shot = shoot(at=phone.clock())
            answers = race(
                partial(phone.upload, street.inspector, shot), partial(phone.upload, street.other_inspector, shot)
            )
            assert codes(answers) == ["201", "409 id-taken"]

    def test_two_photos_of_one_hazard(
        self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        for _ in rounds:
            shots = [shoot(at=phone.clock()), shoot("overview", at=phone.clock())]
            body = a_visit(phone, *shots)
            phone.submit(street.inspector, body)
            answers = race(*(partial(phone.upload, street.inspector, shot) for shot in shots))
            assert codes(answers) == ["201", "201"]
            hazard_id = body["hazards"][0]["id"]
            assert phone.read(hazard_id)["evidence_complete"] is True
            assert events_of(committed_runtime, hazard_id)["complete_evidence"] == 1
            check_versions(committed_runtime, hazard_id)

    def test_an_upload_and_the_submission_that_names_it(
        self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        for _ in rounds:
            shot = shoot(at=phone.clock())
            body = a_visit(phone, shot)
            answers = race(partial(phone.upload, street.inspector, shot), partial(phone.submit, street.inspector, body))
            assert codes(answers) == ["201", "201"]
            hazard_id = body["hazards"][0]["id"]
            assert phone.read(hazard_id)["evidence_complete"] is True
            check_versions(committed_runtime, hazard_id)

    @pytest.mark.parametrize("looker", ["upload", "worker"])
    def test_who_looks_just_before_the_submission_commits(
        self, looker: str, phone: Phone, street: Street, committed_runtime: Runtime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The worst moment: an upload has seen that nobody spoke of the photo, a worker that no hazard needs it."""
        if committed_runtime.db.dialect == "sqlite":
            pytest.skip("one writer at a time: there is no such moment")
        shot = shoot(at=phone.clock())
        look, looked_for = partial(phone.upload, street.inspector, shot), "FROM photo"
        if looker == "worker":
            phone.upload(street.inspector, shot)
            look, looked_for = partial(drain, committed_runtime), "FROM hazard_photo"
        body = a_visit(phone, shot)
        has_looked, may_go_on = threading.Event(), threading.Event()

        execute = psycopg.Cursor.execute

        def execute_and_hold(cursor: Any, statement: Any, *values: Any, **options: Any) -> Any:
            done = execute(cursor, statement, *values, **options)
            if looked_for in str(statement) and not has_looked.is_set():
                has_looked.set()
                assert may_go_on.wait(timeout=30)
            return done

        def submit() -> httpx2.Response:
            assert has_looked.wait(timeout=30)
            answer = phone.submit(street.inspector, body)
            may_go_on.set()
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(psycopg.Cursor, "execute", execute_and_hold)
            looked, submitted = at_once(look, submit)
        assert submitted.status_code == 201
        if looker == "upload":
            assert looked.status_code == 201
        else:
            with committed_runtime.db.read() as session:
                state, error = session.execute(select(Job.state, Job.last_error)).one()
            assert (state, error.split()[0]) == ("queued", "PhotoJustNamed")
            phone.clock.move(minutes=1)
            drain(committed_runtime)
            with committed_runtime.db.read() as session:
                assert session.execute(select(Photo.readable)).scalar_one() is True
        assert phone.read(body["hazards"][0]["id"])["evidence_complete"] is True

    def test_decoded_by_two_workers(
        self, phone: Phone, street: Street, committed_runtime: Runtime, rounds: range
    ) -> None:
        """Fixed on the spot: closed once, whoever decodes the second photo."""
        for _ in rounds:
            shots = [shoot("before", at=phone.clock()), shoot("after", at=phone.clock())]
            body = a_visit(phone, *shots)
            body["hazards"][0]["fixed_on_site"] = True
            phone.submit(street.inspector, body)
            for shot in shots:
                phone.upload(street.inspector, shot)
            at_once(*[partial(drain, committed_runtime)] * 2)
            hazard_id = body["hazards"][0]["id"]
            assert phone.read(hazard_id)["status"] == "closed"
            assert events_of(committed_runtime, hazard_id)["close_on_site"] == 1
            check_versions(committed_runtime, hazard_id)


def test_numbers_of_several_processes_are_never_the_same(committed_runtime: Runtime, street: Street) -> None:
    """Each process draws blocks of its own; four processes, four threads each."""
    processes = [Numbers(committed_runtime.db) for _ in range(4)]
    drawn = at_once(
        *(
            lambda numbers=numbers: [number for _ in range(30) for number in numbers.take(HAZARD, "320106011", 2026, 3)]
            for numbers in processes
            for _ in range(4)
        )
    )
    numbers = [number for some in drawn for number in some]  # type: ignore[attr-defined]
    assert len(numbers) == len(set(numbers)) == 16 * 90


def test_the_links_of_a_photo_are_whole(phone: Phone, street: Street, committed_runtime: Runtime) -> None:
    """Eight people submit, upload and claim at once; every photo that serves a hazard is named, and once."""

    def work(person: Person) -> httpx2.Response:
        shot = shoot(at=phone.clock())
        body = a_visit(phone, shot)
        assert phone.submit(person, body).status_code == 201
        assert phone.upload(person, shot).status_code == 201
        return phone.claim(person, phone.read(body["hazards"][0]["id"], person))

    people = [street.inspector, street.other_inspector, street.officer] * 3
    answers = race(*(partial(work, person) for person in people))
    assert codes(answers) == ["201"] * len(people)
    with committed_runtime.db.read() as session:
        assert _unnamed_links(session) == 0
        assert session.execute(select(func.count()).select_from(HazardPhoto)).scalar_one() == 2 * len(people)


def _unnamed_links(session: Session) -> int:
    query = select(func.count()).select_from(HazardPhoto).join(Photo, Photo.id == HazardPhoto.photo_id)
    return session.execute(query.where(Photo.named_at.is_(None))).scalar_one()
