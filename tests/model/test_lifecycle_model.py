"""Random people do random things, legal and not, in any order, again and late; the API must do what the model says."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from starlette.testclient import TestClient

from app.core.clock import rfc3339
from app.jobs.sweeps import sweep
from app.main import create_app
from app.services.runtime import Runtime
from tests.factories import Street, found, visit
from tests.model import expected as model
from tests.model.expected import Deed, Hazard, Outcome, Photo, Request, Who
from tests.model.street import CLOCKS, OTHER_STREET, ROLES, STREET, Clock, Site, World
from tests.phone import Phone

LONGEST = timedelta(days=36)
"""So long an example lasts at most: within the year and its calendar."""
KINDS: dict[str, dict[str, Any]] = {
    "quick": {"finding_code": "EV-001"},
    "slow": {"finding_code": "FD-002"},
    "paper": {"finding_code": "KT-002"},
    "grave": {"finding_code": "EV-003"},  # said to be general: the catalogue raises it
    "fixed": {"finding_code": "EV-001", "fixed_on_site": True},
    "fixed, not by catalogue": {"finding_code": "FD-002", "fixed_on_site": True, "on_site_reason": "当场更换闭门器"},
}
EVIDENCE = ["none", "before", "document", "unsound", "damaged", "foreign", "unknown", "served", "copy"]
READ_AT_LAST = 4
"""So many people read each hazard at the end of an example, beside one of the district, who sees all."""
ACTS = 6
"""Acts on one hazard between two looks at it."""
WAITS = [timedelta(seconds=s) for s in (600, 5 * 3600, 86400, 3 * 86400, 8 * 86400, 31 * 86400, 0)]
WAITS.append(timedelta(microseconds=-1))
LIKELY = {"pass_reinspection": 6, "confirm": 5, "refuse": 3, "set_interim_measures": 1, "comment": 1}
"""Of what is possible; anything else 2."""
PATHS = {
    "claim_rectified": "rectifications",
    "pass_reinspection": "reinspections",
    "fail_reinspection": "reinspections",
    "confirm": "confirmations",
    "refuse": "confirmations",
    "determine_major": "determinations",
    "determine_general": "determinations",
    "set_interim_measures": "interim-measures",
    "ask_void": "voids",
    "comment": "comments",
}
JUDGED = {"standard": "GB 35181", "edition": "2025", "facts_used": ["安全出口 1 个"], "members": ["王建国"]}


class Tracked:
    """A hazard in the service, and what the model says of it."""

    def __init__(self, hazard_id: str, number: str, state: Hazard) -> None:
        self.id, self.number, self.state = hazard_id, number, state
        self.due: tuple[date, date] | None = None
        """The date that stands and the original one, as last read."""


class Sent(NamedTuple):
    """A request that was accepted, and its first answer."""

    by: str
    action: str
    hazard: Tracked | None
    method: str
    url: str
    body: dict[str, Any]
    answer: str


class Lifecycle(RuleBasedStateMachine):
    """Steps of people; after each one answer, hazard, feed and powers are held against the model."""

    def __init__(self, world: World, *, is_long: bool) -> None:
        super().__init__()
        self.world, self.is_long = world, is_long
        world.begin()
        self.tracked: list[Tracked] = []
        self.sent: list[Sent] = []
        self.touched: list[Tracked] = []
        self.readers = self._readers()
        self.steps = 0

    @property
    def now(self) -> datetime:
        return self.world.phone.clock()

    @initialize(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=3, max_size=3))
    def begin(self, kinds: list[str]) -> None:
        for name, kind in zip("abc", kinds, strict=True):
            self._report(name, 0, kind, CLOCKS[0], "before", None)

    @rule(seed=st.integers(0, 2**32))
    def something_happens(self, seed: int) -> None:
        """The seed decides what; of hazards, one that is open as long as there is any, and rarely another."""
        dice = Random(f"{self.steps} {seed}")  # small seeds come often
        open_ones = [one for one in self.tracked if one.state.status in model.OPEN]
        hazard = dice.choice(open_ones if open_ones and dice.random() < 0.9 else self.tracked)
        kinds = {self._acts: 6, self._recheck: 2, self._meanwhile: 3, self._report_by_chance: 1}
        kinds |= {self._send_again: 2, self._send_otherwise: 2} if self.sent else {}
        dice.choices(list(kinds), list(kinds.values()))[0](hazard, dice)

    def _report_by_chance(self, _hazard: Tracked, dice: Random) -> None:
        name = dice.choice(["a", "a", "b", "c", "local", "stranger", "moved", "d"])
        clock = dice.choice(CLOCKS) if dice.random() < 0.5 else CLOCKS[0]
        photos, colleague = dice.choice(["later", "before", "unsound"]), dice.choice([None, None, "b", "moved"])
        self._report(name, dice.randrange(4), dice.choice(sorted(KINDS)), clock, photos, colleague)

    def _report(self, name: str, site: int, kind: str, clock: Clock, photos: str, colleague: str | None) -> None:
        who, place, fields = self.world.people[name], self.world.sites[site], KINDS[kind]
        roles = ["before", "after"] if fields.get("fixed_on_site") else ["before"]
        taken = [self.world.take(who, role, is_sound=photos != "unsound") for role in roles]
        if photos == "before" and who.role in model.READERS:
            for photo in taken:
                self.world.deliver(photo)
        told, offset = clock.tell(self.now)
        shots = [self.world.shots[photo.id] for photo in taken]
        hazard = found(shots, told, **fields)
        body = visit(place.premises_id, told, hazards=[hazard], shots=shots, offset_ms=_ms(offset))
        names = [name]
        if colleague is not None and self._is_colleague(who, colleague):
            names.append(colleague)
            body["inspector_ids"] = [str(self.world.persons[colleague].id)]
        url = f"/inspections/{uuid4()}"
        answer = self.world.send(name, "PUT", url, body)
        outcome = model.submitting(who, place.path)
        assert (answer.status_code, answer.json().get("code")) == outcome, answer.text
        if outcome != model.DONE:
            return
        state = self._reported(who, place, kind, Request(who, self.now, told, offset), names, taken)
        accepted = answer.json()["hazards"][0]
        assert (accepted["version"], accepted["status"]) == (state.version, state.status)
        assert accepted["number"] not in self.world.numbers
        self.world.numbers.add(accepted["number"])
        made = Tracked(hazard["id"], accepted["number"], state)
        self.sent.append(Sent(name, "submit", None, "PUT", url, body, answer.text))
        self.tracked.append(made)
        self.touched.append(made)

    def _is_colleague(self, who: Who, name: str) -> bool:
        both = (who, self.world.people[name])
        return all(one.role in model.FIELD and one.areas[0].startswith(STREET) for one in both)

    def _reported(
        self, who: Who, place: Site, kind: str, request: Request, names: list[str], taken: list[Photo]
    ) -> Hazard:
        found_at, is_suspect = request.moment()
        is_fixed = kind.startswith("fixed")
        state = Hazard(
            path=place.path,
            reports=[Deed(name, self.now) for name in names],
            severity="suspected_major" if kind == "grave" else "general",
            found_at=found_at,
            photos=taken,
            is_fixed_on_site=is_fixed,
            closes_itself=kind == "fixed",
            is_paper=kind == "paper",
            status="awaiting_reinspection" if is_fixed else "rectifying",
            claim=Deed(who.name, found_at) if kind == "fixed, not by catalogue" else None,
        )
        action = "report_fixed_on_site" if is_fixed else "report"
        state.events.append(model.Event(1, action, who.name, found_at, is_suspect))
        for photo in taken:
            photo.is_named = True
        if any(photo.is_stored for photo in taken):
            model.settle(state, self.now)
        return state

    def _photos_come(self, dice: Random) -> None:
        """The next photos of a report arrive, whatever became of who took them; perhaps the worker sees them."""
        missing = [photo for photo in dice.choice(self.tracked).state.photos if not photo.is_stored]
        for photo in missing[: dice.choice([1, None])]:
            self.world.deliver(photo)
            self._settle(photo)
        if dice.random() < 0.5:
            self._decode()

    def _decode(self) -> None:
        for photo in self.world.decode():
            photo.is_decoded = True
            self._settle(photo)

    def _settle(self, photo: Photo) -> None:
        for other in self.tracked:
            if photo in other.state.photos:
                model.settle(other.state, self.now)
                self.touched.append(other)

    def _evidence(self, kind: str, who: Who, hazard: Tracked) -> list[Photo | None]:
        if kind == "none" or who.role not in model.READERS:
            return []
        if kind == "unknown":
            return [None]
        if kind == "served":
            return [hazard.state.photos[0]]
        if kind == "copy":
            served = hazard.state.photos[-1]
            content = self.world.shots[served.id].content
            return [self.world.upload(who, "after", is_sound=served.is_sound, content=content)]
        if kind == "foreign":
            return [self.world.upload(self.world.people["b" if who.name != "b" else "a"], "after")]
        role = kind if kind in {"before", "document"} else "after"
        photo = self.world.upload(who, role, is_sound=kind not in {"unsound", "damaged"})
        if kind == "damaged":
            self._decode()
        return [photo]

    def act(self, hazard: Tracked, action: str, request: Request, path: str = "", **fields: Any) -> None:
        """Send it; the answer must be the model's."""
        body = {"id": str(uuid4()), "at": rfc3339(request.at), "offset_ms": _ms(request.offset)} | fields
        if request.photos:
            body["photo_ids"] = [photo.id if photo else str(uuid4()) for photo in request.photos]
        url = f"/hazards/{hazard.id}/{path or PATHS[action]}"
        answer = self.world.send(request.who.name, "POST", url, body)
        outcome = model.do(hazard.state, request, action, self._served())
        told: Outcome = (answer.status_code, answer.json().get("code"))
        assert told == outcome, f"{request.who} {action} {body}: {answer.text}, not {outcome}"
        self.touched.append(hazard)
        if outcome != model.DONE:
            return
        self._compare(hazard, answer.json()["hazard"], request.who)
        if action == "ask_void":
            hazard.state.void_ids.append(body["id"])
        self.sent.append(Sent(request.who.name, action, hazard, "POST", url, body, answer.text))

    def _served(self) -> set[str]:
        return {photo.sha256 for hazard in self.tracked for photo in hazard.state.photos if photo.is_named}

    def _request(self, who: Who, clock: Clock = CLOCKS[0], **more: Any) -> Request:
        told, offset = clock.tell(self.now)
        return Request(who, self.now, told, offset, **more)

    def _acts(self, hazard: Tracked, dice: Random) -> None:
        for _ in range(ACTS if hazard.state.status in model.OPEN else 1):
            self._act_by_chance(hazard, dice)

    def _act_by_chance(self, hazard: Tracked, dice: Random) -> None:
        """Mostly what is allowed, or what only the rules forbid: his role, his area and the status would do."""
        who, action = self._somebody(hazard.state, dice)
        behind = int(dice.random() < 0.1)
        clock = dice.choice(CLOCKS) if dice.random() < 0.5 else CLOCKS[0]
        if action == "set_interim_measures":
            request = self._request(who, clock, measures=f"专人值守 {uuid4()}")
            self.act(hazard, action, request, measures=request.measures)
        elif action in model.ON_A_ROUND:
            self._act_on_a_round(hazard, who, action, hazard.state.round + behind, clock, dice)
        else:
            base = None if dice.random() < 0.03 else max(1, hazard.state.version - behind)
            known = [str(uuid4()), *hazard.state.void_ids]
            void_id = known[-1] if dice.random() < 0.9 else dice.choice(known)
            self._decide(hazard, action, self._request(who, base=base, void_id=void_id))

    def _somebody(self, state: Hazard, dice: Random) -> tuple[Who, str]:
        everything = [(who, action) for who in self.world.people.values() for action in model.ROLES]
        near = [pair for pair in everything if pair[0].sees(state.path) and pair[0].role in model.ROLES[pair[1]]]
        lawful = [(who, action) for who, action in near if action in model.allowed(state, who)]
        barred = [pair for pair in near if pair not in lawful and state.status in model.STATUSES[pair[1]]]
        pool = dice.choices([lawful, barred, everything], [5, 4, 1])[0] or everything
        actions = sorted({action for _, action in pool})
        action = dice.choices(actions, [LIKELY.get(action, 2) for action in actions])[0]
        return dice.choice([pair for pair in pool if pair[1] == action])

    def _act_on_a_round(self, hazard: Tracked, who: Who, action: str, base: int, clock: Clock, dice: Random) -> None:
        photos = self._evidence("after" if dice.random() < 0.6 else dice.choice(EVIDENCE), who, hazard)
        reason = dice.choice([None, "no_access"])
        fields: dict[str, Any] = {"base_round": base}
        if action != "claim_rectified":
            fields |= {"result": action.partition("_")[0], "reason_code": reason}
        request = self._request(who, clock, base=base, photos=photos, reason=reason)
        self.act(hazard, action, request, **fields)

    def _decide(self, hazard: Tracked, action: str, request: Request) -> None:
        path, fields = "", {"base_version": request.base, "decision": action.partition("_")[0]}
        if action.startswith("determine"):
            fields = {"base_version": request.base, "verdict": action.removeprefix("determine_")} | JUDGED
        elif action == "ask_void":
            fields = {"base_version": request.base, "reason": "录错"}
        elif action == "comment":
            fields = {"note": "请抓紧"}
        elif action in model.VOID_DECISIONS:
            path = f"voids/{request.void_id}/decision"
        self.act(hazard, action, request, path, **fields)

    def _recheck(self, hazard: Tracked, dice: Random) -> None:
        """A re-inspection inside a visit elsewhere: refused on its own, and then sent by the other door."""
        name, clock = dice.choice(["a", "b", "c", "local", "stranger"]), dice.choice(CLOCKS)
        base, who = hazard.state.round + int(dice.random() < 0.1), self.world.people[name]
        passes, kind = dice.random() < 0.5, "after" if dice.random() < 0.6 else dice.choice(EVIDENCE)
        photos = self._evidence(kind, who, hazard)
        request = self._request(who, clock, base=base, photos=photos, reason="no_access")
        wanted = {"result": "pass" if passes else "fail", "reason_code": "no_access", "base_round": base}
        wanted["photo_ids"] = [photo.id if photo else str(uuid4()) for photo in photos]
        one = wanted | {"action_id": str(uuid4()), "hazard_id": hazard.id}
        site = self.world.sites[3 if name == "stranger" else 0]
        body = visit(site.premises_id, request.at, hazards=[], shots=[], offset_ms=_ms(request.offset), rechecks=[one])
        url = f"/inspections/{uuid4()}"
        answer = self.world.send(name, "PUT", url, body)
        assert answer.status_code == 201, answer.text
        action = "pass_reinspection" if passes else "fail_reinspection"
        outcome = model.do(hazard.state, request, action, self._served())
        told = answer.json()["rechecks"][0]
        assert told["outcome"] == ("accepted" if outcome == model.DONE else "refused"), f"{told} not {outcome}"
        assert (told["problem"] or {}).get("code") == outcome[1]
        again = {"id": one["action_id"], "at": body["ended_at"], "offset_ms": body["offset_ms"]} | wanted
        by_door = self.world.send(name, "POST", f"/hazards/{hazard.id}/reinspections", again)
        expected = model.ID_REUSED if outcome == model.DONE else outcome
        assert (by_door.status_code, by_door.json()["code"]) == expected, by_door.text
        self.touched.append(hazard)
        self.sent.append(Sent(name, "submit", None, "PUT", url, body, answer.text))

    def _send_again(self, _hazard: Tracked, dice: Random) -> None:
        """Word for word the first answer, whatever he is now."""
        earlier = dice.choice(self.sent)
        answer = self.world.send(earlier.by, earlier.method, earlier.url, earlier.body)
        assert (answer.status_code, answer.text) == (200, earlier.answer)
        self.touched += [earlier.hazard] if earlier.hazard else []

    def _send_otherwise(self, other: Tracked, dice: Random) -> None:
        """With another content, by another person or to another hazard."""
        earlier = dice.choice(self.sent)
        who = self.world.people[dice.choice([earlier.by, *ROLES])]
        body = earlier.body if who.name != earlier.by else earlier.body | {"note": f"改过 {uuid4()}"}
        hazard, url = earlier.hazard, earlier.url
        if hazard is None:
            wrong = (409, "inspection-differs" if who.name == earlier.by else "id-taken")
            outcome = wrong if who.role in model.FIELD else model.FORBIDDEN
        else:
            if dice.random() < 0.3:
                hazard, url = other, url.replace(hazard.id, other.id)
            outcome = model.reusing(hazard.state, who, earlier.action)
        answer = self.world.send(who.name, earlier.method, url, body)
        assert (answer.status_code, answer.json()["code"]) == outcome, answer.text
        self.touched += [hazard] if hazard else []

    def _meanwhile(self, _hazard: Tracked, dice: Random) -> None:
        what = dice.choices([self._wait, self._photos_come, self._move, self._sweep], [4, 4, 1, 2])[0]
        what(dice)

    def _wait(self, dice: Random) -> None:
        """A while, or to the last microsecond of a day in Shanghai, or to the first one of the next."""
        by = dice.choice(WAITS)
        if by > timedelta(0):
            self._wait_until(self.now + by)
        else:
            self._wait_until(_end_of(model.day_of(self.now)) + by)
        self.touched += self.tracked[-1:]

    def _wait_until(self, moment: datetime) -> None:
        if self.now < moment <= self.world.first_day + LONGEST:
            self.world.phone.clock.now = moment

    def _move(self, dice: Random) -> None:
        """Somebody has another role or area from now on."""
        self.world.move("moved", dice.choice(["inspector", "office", "auditor"]), dice.choice([STREET, OTHER_STREET]))

    def _sweep(self, dice: Random) -> None:
        """The worker looks for what is due; perhaps just when a request to void lapses, or just before."""
        pending = [hazard.state.void for hazard in self.tracked if hazard.state.void is not None]
        if pending and dice.random() < 0.7:
            self._wait_until(_end_of(model.last_day(dice.choice(pending))) + dice.choice(WAITS[-2:]))
        sweep(self.world.runtime)
        for hazard in self.tracked:
            model.lapse(hazard.state, self.now)
        self.touched += self.tracked

    @invariant()
    def hazards_read_as_the_model_says(self) -> None:
        """By two people after each step, in turn; by everybody in the long run."""
        self.steps += 1
        for hazard in {id(one): one for one in self.touched}.values():
            for name in ROLES if self.is_long else (next(self.readers), next(self.readers)):
                self._read(hazard, name)

    @invariant()
    def feed_tells_the_last_version(self) -> None:
        self.world.feed.pull()
        for hazard in self.touched:
            told = self.world.feed.latest[hazard.id]
            assert (told["version"], told["data"]["status"]) == (hazard.state.version, hazard.state.status)
            assert told["op"] == ("void" if hazard.state.status == "voided" else "upsert")
        self.touched = []

    def _readers(self) -> Iterator[str]:
        while True:
            yield from ROLES

    def _read(self, hazard: Tracked, name: str) -> None:
        who = self.world.people[name]
        answer = self.world.get(name, f"/hazards/{hazard.id}")
        status, code = model.reading(hazard.state, who)
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
        if status == 200:
            self._compare(hazard, answer.json(), who)

    def _compare(self, hazard: Tracked, read: dict[str, Any], who: Who) -> None:
        state = hazard.state
        names = ("status", "severity", "round", "version", "interim_measures", "evidence_complete")
        assert tuple(read[name] for name in names) == (
            state.status,
            state.severity,
            state.round,
            state.version,
            state.measures,
            state.is_complete,
        ), read
        reason, closed_at = state.closed or (None, None)
        assert (read["close_reason"], read["closed_at"]) == (reason, closed_at and rfc3339(closed_at))
        assert (read["found_at"], read["found_on"]) == (rfc3339(state.found_at), str(model.day_of(state.found_at)))
        assert ("photo_unreadable" in read["flags"]) == state.is_damaged
        assert {photo["id"] for photo in read["photos"]} == {photo.id for photo in state.photos}
        assert (read["number"], len(read["photos"])) == (hazard.number, len(state.photos))
        assert Counter(read["allowed_actions"]) == Counter(model.allowed(state, who)), who
        self._compare_dates(hazard, read)

    def _compare_dates(self, hazard: Tracked, read: dict[str, Any]) -> None:
        """The original date never changes, the one that stands is never earlier than it was."""
        due, original = date.fromisoformat(read["due_on"]), date.fromisoformat(read["original_due_on"])
        if hazard.due is not None:
            assert (due >= hazard.due[0], original) == (True, hazard.due[1])
        hazard.due = (due, original)
        is_chased = hazard.state.status in model.OPEN
        for name, day in (("days_overdue", due), ("days_overdue_original", original)):
            assert read[name] == (max(0, (model.day_of(self.now) - day).days) if is_chased else 0)

    def teardown(self) -> None:
        """At the end: every hazard as others may see it, its whole history, and the list of what is overdue."""
        for hazard in self.tracked:
            for name in ("h", *islice(self.readers, READ_AT_LAST)):
                self._read(hazard, name)
            self._compare_history(hazard)
        self._compare_list()

    def _compare_history(self, hazard: Tracked) -> None:
        url = f"/hazards/{hazard.id}/timeline?limit=200"
        ids = {str(person.id): name for name, person in self.world.persons.items()}
        told = Counter(
            (
                line["version"],
                line["action"],
                ids[line["actor"]["id"]] if line["actor"] else None,
                line["occurred_at"],
                line["clock_suspect"],
            )
            for line in self.world.get("h", url).json()["items"]
        )
        assert told == Counter(event._replace(at=rfc3339(event.at)) for event in hazard.state.events)

    def _compare_list(self) -> None:
        mine = {hazard.id for hazard in self.tracked}
        listed, cursor = set(), ""
        while cursor is not None:
            page = self.world.get("h", f"/hazards?overdue=true&limit=200{cursor and '&cursor=' + cursor}").json()
            listed |= {item["id"] for item in page["items"]} & mine
            cursor = page["next_cursor"]
        today = model.day_of(self.now)
        assert listed == {
            hazard.id
            for hazard in self.tracked
            if hazard.state.status in model.OPEN and hazard.due is not None and hazard.due[0] < today
        }


def _end_of(day: date) -> datetime:
    """In Shanghai."""
    return datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=16)


def _ms(offset: timedelta | None) -> int | None:
    return None if offset is None else round(offset / timedelta(milliseconds=1))


@pytest.fixture
def world(committed_runtime: Runtime, committed_street: Street) -> Iterator[World]:
    """With one event loop for all requests; the shape of answers is checked elsewhere, it takes longer than they."""
    with TestClient(create_app(committed_runtime), base_url="http://testserver/api/v1") as client:
        made = World(Phone(client, committed_street, committed_runtime.clock), committed_runtime)
        yield made
        made.jobs.close()


def test_the_service_does_what_the_model_says(world: World, is_long: bool) -> None:
    run_state_machine_as_test(
        lambda: Lifecycle(world, is_long=is_long),
        settings=settings(
            max_examples=300 if is_long else 10,
            stateful_step_count=50,
            phases=list(Phase) if is_long else [Phase.generate],  # a smaller example takes minutes to find
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
