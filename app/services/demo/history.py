"""The plan happens: every visit, arrival of photos and deed, in the order of time, through the services themselves."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any  # columns of any type
from uuid import UUID

import orjson
from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session, col

from app.access.actor import Actor
from app.core.clock import business_date
from app.core.ids import uuid7
from app.core.rawjson import request_hash
from app.domain.calendar import WorkCalendar
from app.domain.vocabulary import FeedType
from app.models import Area, Hazard, Photo
from app.services.changes import new_commit, publish
from app.services.demo.judgement import judge
from app.services.demo.phone import Phone
from app.services.demo.photos import Darkroom, photo_columns, stored_columns
from app.services.demo.plan import SEED, Deed, Plan, Shot, Step, Visit
from app.services.hazards.act import act
from app.services.hazards.claim import claim_rectified
from app.services.hazards.comment import comment
from app.services.hazards.confirm import decide_close_out
from app.services.hazards.determine import determine
from app.services.hazards.interim import set_interim_measures
from app.services.hazards.on_site import settle_evidence
from app.services.hazards.reinspect import Verdict, reinspect
from app.services.hazards.turn import Asked, Place, Stamp
from app.services.hazards.voids import ask_void, decide_void
from app.services.inspections.office import Office
from app.services.inspections.submit import submit
from app.services.numbers import HAZARD, INSPECTION, Numbers
from app.services.receipts import Receipts

_photo = Photo.metadata.tables["photo"]
_UPLOAD_BEFORE = timedelta(minutes=2)
_STATED_BEFORE = timedelta(minutes=1)
_INTERIM = "整改期间安排专人看护，每日巡查两次并记录，停用相关部位。"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that is written at ``at``."""

    at: datetime
    what: Visit | Step
    is_arrival: bool = False


def in_order(plan: Plan) -> list[Happening]:
    """Everything by time; the shots are numbered in the order in which they are asked for."""
    happenings = [Happening(visit.received_at, visit) for visit in plan.visits]
    happenings += [Happening(visit.photos_at, visit, is_arrival=True) for visit in plan.visits if visit.findings]
    happenings += [Happening(step.at, step) for finding in plan.findings for step in finding.steps]
    happenings.sort(key=lambda happening: happening.at)
    for number, shot in enumerate(shots_of(happenings)):
        shot.number = number
    return happenings


def shots_of(happenings: Sequence[Happening]) -> Iterator[Shot]:
    """The shots in the order in which they are developed."""
    for happening in happenings:
        if isinstance(happening.what, Step):
            yield from happening.what.shots
        elif not happening.is_arrival:
            yield from (shot for finding in happening.what.findings for shot in finding.shots)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the office has: numbers by kind and year, its signature, its calendar."""

    numbers: Mapping[tuple[str, int], Iterator[str]]
    receipts: Receipts
    calendar: WorkCalendar
    secret: bytes


def draw_numbers(numbers: Numbers, plan: Plan, street_code: str) -> dict[tuple[str, int], Iterator[str]]:
    """All numbers that the plan needs, by kind and year of receipt; before the transaction that uses them."""
    counts: dict[tuple[str, int], int] = {}
    for visit in plan.visits:
        year = business_date(visit.received_at).year
        for kind, count in ((INSPECTION, 1), (HAZARD, len(visit.findings))):
            counts[kind, year] = counts.get((kind, year), 0) + count
    return {(kind, year): iter(numbers.take(kind, street_code, year, count)) for (kind, year), count in counts.items()}


class History:
    """Writes happenings one by one into ``session``, each as a commit of its own in the feed."""

    def __init__(
        self,
        session: Session,
        desk: Desk,
        darkroom: Darkroom,
        actors: Mapping[str, Actor],
        areas: Mapping[str, Area],
    ) -> None:
        self._session = session
        self._desk = desk
        self._darkroom = darkroom
        self._actors = actors
        self._phone = Phone(random.Random(SEED), actors, areas)  # noqa: S311  a fixed seed, no secret
        self._void_ids: dict[UUID, UUID] = {}
        self._known: dict[UUID, tuple[int, int]] = {}
        """Version and round of each hazard, as people last read them."""

    def write(self, happening: Happening) -> None:
        """Do it at its time. Raises what the services raise."""
        new_commit(self._session)
        if isinstance(happening.what, Step):
            self._act(happening.what)
        elif happening.is_arrival:
            self._receive_photos(happening.what)
        else:
            self._submit(happening.what)

    def _submit(self, visit: Visit) -> None:
        pictures = {shot.id: self._darkroom.develop(shot) for finding in visit.findings for shot in finding.shots}
        year = business_date(visit.received_at).year
        office = Office(
            inspection_number=next(self._desk.numbers[INSPECTION, year]),
            hazard_numbers=[next(self._desk.numbers[HAZARD, year]) for _ in visit.findings],
            receipts=self._desk.receipts,
            calendar=self._desk.calendar,
            secret=self._desk.secret,
        )
        submission = self._phone.submission(visit, pictures)
        submit(self._session, self._actors[visit.by], submission, office=office, now=visit.received_at)
        self._known |= {finding.id: (1, 1) for finding in visit.findings}

    def _receive_photos(self, visit: Visit) -> None:
        """All photos of a visit that ever come, at once; hazards fixed on the spot close themselves."""
        session, now = self._session, visit.photos_at
        arrived = [shot for finding in visit.findings for shot in finding.shots if shot.arrives]
        ids = [finding.id for finding in visit.findings]
        hazards = (
            session.execute(select(Hazard).where(col(Hazard.id).in_(ids)).order_by(col(Hazard.id))).scalars().all()
        )
        if arrived:
            rows: list[dict[str, Any]] = [
                {"photo_id": shot.id} | stored_columns(shot, stored_at=now) for shot in arrived
            ]
            values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "photo_id"}
            session.connection().execute(
                update(_photo)
                .where(_photo.c.id == bindparam("photo_id"))
                .values(version=_photo.c.version + 1, **values),
                rows,
            )
        changed = settle_evidence(session, hazards, now=now)
        self._known |= {hazard.id: (hazard.version, hazard.round) for hazard in hazards}
        publish(session, FeedType.PHOTO, [shot.id for shot in arrived], now=now)
        publish(session, FeedType.HAZARD, changed, now=now)

    def _act(self, step: Step) -> None:
        actor = self._actors[step.by]
        if step.shots:
            uploaded_at = step.at - _UPLOAD_BEFORE
            rows = [
                photo_columns(shot, self._darkroom.develop(shot), owner_id=actor.id, stored_at=uploaded_at)
                for shot in step.shots
            ]
            self._session.execute(insert(_photo), rows)
        answer = act(self._session, self._deeds[step.deed](self, step, actor, self._stamp(step, actor)))
        hazard = orjson.loads(answer.body)["hazard"]
        self._known[step.finding.id] = hazard["version"], hazard["round"]

    def _stamp(self, step: Step, actor: Actor) -> Stamp:
        version, round_no = self._known[step.finding.id]
        is_field = step.deed in {Deed.CLAIM, Deed.PASS, Deed.FAIL}
        site = step.finding.visit.site
        action_id = uuid7()
        return Stamp(
            action_id=action_id,
            request_hash=request_hash(f"POST /hazards/{step.finding.id}/{step.deed}", actor.id, str(action_id)).hex(),
            received_at=step.at,
            at=step.at - _STATED_BEFORE if is_field else step.at,
            base_version=version,
            offset_ms=0,
            place=Place(site.latitude, site.longitude) if is_field else None,
            note=step.note if step.deed is not Deed.ASK_VOID else None,
            photo_ids=tuple(shot.id for shot in step.shots),
            base_round=round_no if is_field else None,
        )

    def _calendar(self, _session: Session) -> WorkCalendar:
        return self._desk.calendar

    def _claim(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        return claim_rectified(actor, step.finding.id, stamp)

    def _reinspect(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        verdict = Verdict(step.deed is Deed.PASS, step.reason)
        return reinspect(actor, step.finding.id, stamp, verdict=verdict, calendar_of=self._calendar)

    def _decide(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        confirms = step.deed is Deed.CONFIRM
        return decide_close_out(actor, step.finding.id, stamp, confirms=confirms, calendar_of=self._calendar)

    def _secure(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        code = step.finding.code
        measures = code.interim_zh if code is not None else _INTERIM
        return set_interim_measures(actor, step.finding.id, stamp, measures=measures)

    def _determine(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        found_on = business_date(step.finding.found_at)
        determination = judge(step.finding, found_on, is_major=step.deed is Deed.DETERMINE_MAJOR)
        return determine(actor, step.finding.id, stamp, determination=determination)

    def _ask_void(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        self._void_ids[step.finding.id] = stamp.action_id
        other = step.duplicate_of.id if step.duplicate_of is not None else None
        return ask_void(actor, step.finding.id, stamp, reason=step.note or "", duplicate_of=other)

    def _decide_void(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        void_id, grants = self._void_ids[step.finding.id], step.deed is Deed.GRANT_VOID
        return decide_void(actor, step.finding.id, stamp, void_id=void_id, grants=grants)

    def _comment(self, step: Step, actor: Actor, stamp: Stamp) -> Asked:
        return comment(actor, step.finding.id, stamp)

    _deeds: Mapping[Deed, Callable[["History", Step, Actor, Stamp], Asked]] = {
        Deed.CLAIM: _claim,
        Deed.PASS: _reinspect,
        Deed.FAIL: _reinspect,
        Deed.CONFIRM: _decide,
        Deed.REFUSE: _decide,
        Deed.SET_INTERIM: _secure,
        Deed.DETERMINE_MAJOR: _determine,
        Deed.DETERMINE_GENERAL: _determine,
        Deed.ASK_VOID: _ask_void,
        Deed.GRANT_VOID: _decide_void,
        Deed.REFUSE_VOID: _decide_void,
        Deed.COMMENT: _comment,
    }
