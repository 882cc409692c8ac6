"""Making the plan of the demo street."""

import random
from datetime import date

from app.domain.calendar import WorkCalendar
from app.services.demo.fates import Fates
from app.services.demo.plan import SEED, Days, Plan
from app.services.demo.sites import make_sites
from app.services.demo.visits import make_visits


def make_plan(today: date, calendar: WorkCalendar) -> Plan:
    """The street as it stands on ``today``; the same but for ids and dates on every day."""
    r = random.Random(SEED)  # noqa: S311  a fixed seed, no secret
    days = Days(today)
    sites = make_sites(r)
    plan = Plan(days, sites, make_visits(r, days, sites))
    Fates(r, plan, calendar).decide()
    return plan
