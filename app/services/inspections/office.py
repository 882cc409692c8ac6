"""What the office gives to a submission: fresh numbers, its signature, its calendar."""

from dataclasses import dataclass
from datetime import datetime

from app.access.actor import Actor
from app.core.clock import business_date
from app.domain.calendar import WorkCalendar
from app.domain.vocabulary import Role
from app.queries.submissions import Met
from app.services.inspections.submission import Submission
from app.services.numbers import HAZARD, INSPECTION
from app.services.receipts import Receipts
from app.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Office:
    """For one submission."""

    inspection_number: str
    hazard_numbers: list[str]
    receipts: Receipts
    calendar: WorkCalendar
    secret: bytes


def open_office(runtime: Runtime, actor: Actor, submission: Submission, met: Met, *, now: datetime) -> Office | None:
    """What a new submission is given; None for who may not submit, or has no street to number in today.

    Called before the writing transaction: numbers are drawn in one of their own.
    """
    street = actor.street_code
    if street is None or met.earlier is not None or actor.role not in {Role.INSPECTOR, Role.OFFICER}:
        return None
    year = business_date(now).year
    [number] = runtime.numbers.take(INSPECTION, street, year, 1)
    numbers = runtime.numbers.take(HAZARD, street, year, len(submission.hazards))
    calendar = runtime.calendars.of_version(runtime.db, met.calendar_version)
    return Office(number, numbers, runtime.receipts, calendar, runtime.secret)
