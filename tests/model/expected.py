"""What must happen to hazards, written again from lifecycle.md: a model to hold the service against.

It knows people, photos and hazards as plain values and imports nothing of the service. Everything a request may lead
to is an ``Outcome``: its status and the code of its problem.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

Outcome = tuple[int, str | None]
DONE: Outcome = (201, None)
FORBIDDEN: Outcome = (403, "forbidden")
NOT_FOUND: Outcome = (404, "not-found")
ILLEGAL: Outcome = (409, "illegal-action")
ID_REUSED: Outcome = (409, "action-id-reused")
FOUR_EYES: Outcome = (409, "four-eyes")
OTHER_ROUND: Outcome = (409, "other-round")
VOID_PENDING: Outcome = (409, "void-pending")

FIELD = {"inspector", "officer"}
LEADING = {"leader", "district"}
READERS = FIELD | LEADING | {"office"}
OPEN = {"rectifying", "awaiting_reinspection", "awaiting_confirmation"}
FINAL = {"closed", "voided"}

ROLES = {
    "claim_rectified": FIELD | {"office"},
    "pass_reinspection": FIELD,
    "fail_reinspection": FIELD,
    "confirm": LEADING | {"office"},
    "refuse": LEADING | {"office"},
    "set_interim_measures": FIELD | {"office"},
    "determine_major": LEADING | {"office"},
    "determine_general": LEADING,
    "ask_void": {"office"},
    "grant_void": LEADING,
    "refuse_void": LEADING,
    "comment": READERS,
}
STATUSES = {
    "claim_rectified": {"rectifying"},
    "pass_reinspection": {"rectifying", "awaiting_reinspection"},
    "fail_reinspection": {"rectifying", "awaiting_reinspection"},
    "confirm": {"awaiting_confirmation"},
    "refuse": {"awaiting_confirmation"},
    "comment": OPEN | FINAL,
} | dict.fromkeys(
    ("set_interim_measures", "determine_major", "determine_general", "ask_void", "grant_void", "refuse_void"), OPEN
)
IN_THE_FIELD = {"claim_rectified", "pass_reinspection", "fail_reinspection", "set_interim_measures"}
ON_A_ROUND = {"claim_rectified", "pass_reinspection", "fail_reinspection"}
ON_A_VERSION = set(ROLES) - IN_THE_FIELD - {"comment"}
VOID_DECISIONS = {"grant_void", "refuse_void"}
PERSON_FOR = BELIEVED_FOR = timedelta(days=30)
VOID_WORKING_DAYS = 5


class Deed(NamedTuple):
    """Who did something, and when."""

    by: str
    at: datetime


@dataclass
class Who:
    """Somebody with an account: two names are two accounts."""

    name: str
    role: str
    areas: tuple[str, ...]
    links: dict[str, datetime] = field(default_factory=dict)
    """Accounts that may be this person's too: he made them or they made his, and when."""

    def sees(self, path: str) -> bool:
        return any(path.startswith(area) for area in self.areas)

    def did(self, deed: Deed | None) -> bool:
        """Whether this natural person did it."""
        if deed is None:
            return False
        made = self.links.get(deed.by)
        return deed.by == self.name or (made is not None and made >= deed.at - PERSON_FOR)


@dataclass(eq=False)
class Photo:
    """A photo under its id; ``is_sound`` is what decoding will tell."""

    id: str
    owner: str
    role: str
    sha256: str
    is_sound: bool = True
    is_stored: bool = False
    is_named: bool = False
    is_decoded: bool = False


class Event(NamedTuple):
    """A line of the history; ``by`` None: the system."""

    version: int
    action: str
    by: str | None
    at: datetime
    is_suspect: bool


@dataclass
class Request:
    """What was sent, when it came, and what the device's clock said."""

    who: Who
    now: datetime
    at: datetime
    offset: timedelta | None = timedelta(0)
    base: int | None = None
    """Round or version that it was decided on."""
    photos: list[Photo | None] = field(default_factory=list)
    """None: one that nobody sent."""
    reason: str | None = None
    void_id: str | None = None
    measures: str | None = None

    def moment(self, not_before: datetime | None = None) -> tuple[datetime, bool]:
        """When it was done, and whether the device's clock is suspect."""
        stated = self.at + (self.offset or timedelta(0))
        is_wrong = stated > self.now or self.now - stated > BELIEVED_FOR
        if is_wrong or (not_before is not None and stated < not_before):
            return self.now, True
        return stated, self.offset is None


@dataclass
class Hazard:
    """A hazard as it must stand."""

    path: str
    reports: list[Deed]
    severity: str
    found_at: datetime
    photos: list[Photo]
    is_fixed_on_site: bool = False
    closes_itself: bool = False
    is_paper: bool = False
    status: str = "rectifying"
    version: int = 1
    round: int = 1
    claim: Deed | None = None
    passed: Deed | None = None
    judgement: Deed | None = None
    void: Deed | None = None
    void_ids: list[str] = field(default_factory=list)
    is_complete: bool = False
    is_damaged: bool = False
    measures: str | None = None
    round_began: datetime | None = None
    last_at: datetime = field(init=False)
    closed: tuple[str, datetime] | None = None
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.last_at = self.found_at

    def happened(self, action: str, by: str | None, at: datetime, *, is_suspect: bool = False) -> None:
        """Everything but a comment raises the version; people's times are held against people's."""
        if action != "comment":
            self.version += 1
            self.last_at = max(self.last_at, at) if by else self.last_at
        self.events.append(Event(self.version, action, by, at, is_suspect))

    def withdraw_void(self, now: datetime) -> None:
        if self.void is not None:
            self.void = None
            self.happened("withdraw_void", None, now)

    def begin_round(self, at: datetime) -> None:
        self.status, self.round, self.round_began = "rectifying", self.round + 1, at
        self.claim = self.passed = None

    def close(self, reason: str, at: datetime) -> None:
        self.status, self.closed = "closed", (reason, at)

    def is_own_work(self, who: Who) -> bool:
        """Whether he would pass what he himself said is fixed; a report fixed on the spot says so too."""
        reported = any(map(who.did, self.reports))
        if self.claim is None:
            return reported
        return who.did(self.claim) or (reported and self.is_fixed_on_site and self.round == 1)

    def is_party(self, who: Who, action: str) -> bool:
        """Four eyes: whether what he did before bars him."""
        reported = any(map(who.did, self.reports))
        if action in {"confirm", "refuse"}:
            judged_general = self.severity == "general" and who.did(self.judgement)
            return reported or who.did(self.claim) or who.did(self.passed) or judged_general
        if action == "determine_general":
            return reported or who.did(self.claim)
        return action in VOID_DECISIONS and (reported or who.did(self.void))


def refusal(hazard: Hazard, who: Who, action: str) -> Outcome | None:
    """Why he may not do that now, whatever evidence he has; None: he may."""
    if hazard.status not in STATUSES[action] or (action in VOID_DECISIONS and hazard.void is None):
        return ILLEGAL
    if action == "determine_general" and hazard.severity == "general":
        return ILLEGAL
    if hazard.void is not None and action in ON_A_VERSION - VOID_DECISIONS:
        return VOID_PENDING
    roles = ROLES[action]
    if action in {"confirm", "refuse"} and hazard.severity != "general":
        roles = LEADING
    if action in VOID_DECISIONS | {"determine_general"} and hazard.severity == "major":
        roles = {"district"}
    if who.role not in roles:
        return FORBIDDEN
    if hazard.is_party(who, action):
        return FOUR_EYES
    if action == "confirm" and hazard.severity != "general" and hazard.judgement is None:
        return 409, "determination-missing"
    return None


def allowed(hazard: Hazard, who: Who) -> set[str]:
    return {action for action in ROLES if who.role in ROLES[action] and refusal(hazard, who, action) is None}


def reading(hazard: Hazard, who: Who) -> Outcome:
    if who.role not in READERS:
        return FORBIDDEN
    return (200, None) if who.sees(hazard.path) else NOT_FOUND


def submitting(who: Who, path: str) -> Outcome:
    """A visit to a place there."""
    if who.role not in FIELD:
        return FORBIDDEN
    return DONE if who.sees(path) else NOT_FOUND


def reusing(hazard: Hazard, who: Who, action: str) -> Outcome:
    """Another request under a used id: only who could act is told."""
    if who.role not in ROLES[action]:
        return FORBIDDEN
    return ID_REUSED if who.sees(hazard.path) else NOT_FOUND


def do(hazard: Hazard, request: Request, action: str, served: Iterable[str]) -> Outcome:
    """Take ``action`` or refuse it; ``served``: hashes of photos that are evidence already."""
    who = request.who
    wrong = (
        (FORBIDDEN if who.role not in ROLES[action] else None)
        or (None if who.sees(hazard.path) else NOT_FOUND)
        or _wrong_version(hazard, request, action)
        or _wrong_round(hazard, request, action)
        or refusal(hazard, who, action)
        or _wrong_evidence(request, set(served))
        or _wrong_content(hazard, request, action)
    )
    if wrong is not None:
        return wrong
    at, is_suspect = request.now, False
    if action in IN_THE_FIELD:
        if who.role in FIELD:
            at, is_suspect = request.moment(hazard.last_at)
        hazard.withdraw_void(request.now)
    _change(hazard, request, action, Deed(who.name, at))
    for photo in filter(None, request.photos):
        photo.is_named = True
        hazard.photos.append(photo)
    hazard.happened(action, who.name, at, is_suspect=is_suspect)
    return DONE


def _wrong_version(hazard: Hazard, request: Request, action: str) -> Outcome | None:
    if action not in ON_A_VERSION or request.base == hazard.version:
        return None
    return (428, "version-missing") if request.base is None else (412, "stale-version")


def _wrong_round(hazard: Hazard, request: Request, action: str) -> Outcome | None:
    if action not in ON_A_ROUND:
        return None
    stated = request.at + (request.offset or timedelta(0))
    is_telling = request.who.role in FIELD and request.moment()[0] == stated
    lasts = [at for at in (hazard.round_began, hazard.passed and hazard.passed.at) if at is not None]
    is_before = is_telling and any(stated < at for at in lasts)
    return OTHER_ROUND if request.base != hazard.round or is_before else None


def _wrong_evidence(request: Request, served: set[str]) -> Outcome | None:
    photos = [photo for photo in request.photos if photo is not None]
    strange = [photo for photo in photos if photo.owner != request.who.name or not (photo.is_stored or photo.is_named)]
    if strange or len(photos) < len(request.photos):
        return 409, "photo-missing"
    if any(photo.is_named or photo.sha256 in served for photo in photos):
        return 409, "photo-reused"
    if any(photo.is_decoded and not photo.is_sound for photo in photos):
        return 409, "photo-unreadable"
    return None


def _wrong_content(hazard: Hazard, request: Request, action: str) -> Outcome | None:
    roles = {photo.role for photo in request.photos if photo is not None}
    proof = {"after", "document"} if hazard.is_paper else {"after"}
    if action in {"claim_rectified", "pass_reinspection"} and not roles & proof:
        return 409, "evidence-missing"
    if action == "fail_reinspection" and not roles and request.reason is None:
        return 422, "reason-missing"
    if action in VOID_DECISIONS and request.void_id != hazard.void_ids[-1]:
        return (409, "void-decided") if request.void_id in hazard.void_ids else NOT_FOUND
    return None


def _change(hazard: Hazard, request: Request, action: str, deed: Deed) -> None:
    if action == "claim_rectified":
        hazard.status, hazard.claim = "awaiting_reinspection", deed
    elif action == "pass_reinspection":
        hazard.passed = deed
        if hazard.severity != "general" or hazard.is_own_work(request.who):
            hazard.status = "awaiting_confirmation"
        else:
            hazard.close("rectified", deed.at)
    elif action in {"fail_reinspection", "refuse"}:
        hazard.begin_round(deed.at)
    elif action == "confirm":
        hazard.close("rectified", deed.at)
    elif action.startswith("determine_"):
        hazard.severity, hazard.judgement = action.removeprefix("determine_"), deed
    elif action == "ask_void":
        hazard.void = deed
    elif action in VOID_DECISIONS:
        hazard.void = None
        hazard.status = "voided" if action == "grant_void" else hazard.status
    elif action == "set_interim_measures":
        hazard.measures = request.measures


def settle(hazard: Hazard, now: datetime) -> None:
    """A photo came or was decoded: is the evidence complete, and does what was fixed on the spot close itself?"""
    is_damaged = any(photo.is_decoded and not photo.is_sound for photo in hazard.photos)
    is_complete = all(photo.is_stored for photo in hazard.photos) and not is_damaged
    if is_complete and not hazard.is_complete:
        hazard.is_complete = True
        hazard.happened("complete_evidence", None, now)
    if is_damaged and not hazard.is_damaged:
        hazard.is_complete, hazard.is_damaged = False, True
        hazard.happened("lose_evidence", None, now)
    seen = {photo.role for photo in hazard.photos if photo.is_decoded and photo.is_sound}
    untouched = hazard.status == "awaiting_reinspection" and hazard.round == 1 and hazard.claim is None
    is_shown = is_complete and {"before", "after"} <= seen
    if is_shown and hazard.closes_itself and untouched and hazard.severity == "general":
        hazard.withdraw_void(now)
        hazard.close("on_site", hazard.found_at)
        hazard.happened("close_on_site", None, now)


def last_day(void: Deed) -> date:
    """On which a request to void may still be decided: five working days (no public holiday in these weeks)."""
    last = day_of(void.at)
    for _ in range(VOID_WORKING_DAYS):
        last += timedelta(days=1)
        while last.weekday() >= 5:
            last += timedelta(days=1)
    return last


def lapse(hazard: Hazard, now: datetime) -> None:
    """The system lets a request go that nobody decided."""
    if hazard.void is not None and day_of(now) > last_day(hazard.void):
        hazard.void = None
        hazard.happened("lapse_void", None, now)


def day_of(moment: datetime) -> date:
    """The day in Shanghai."""
    return (moment + timedelta(hours=8)).date()
