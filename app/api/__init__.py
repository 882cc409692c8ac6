"""HTTP, one module per resource; ``ROUTERS`` lists what is served."""

from fastapi import APIRouter

from app.api import (
    areas,
    auth,
    clients,
    hazard_actions,
    hazards,
    inspections,
    me,
    operations,
    photos,
    premises,
    sessions,
    users,
)
from app.api.district import changes as district_changes
from app.api.district import hazards as district_hazards

ROUTERS: tuple[APIRouter, ...] = (
    # each request asks them in this order: the most asked first
    hazards.router,
    inspections.submissions,
    inspections.router,
    photos.router,
    hazard_actions.router,
    district_changes.router,
    operations.router,
    auth.router,
    me.router,
    areas.router,
    users.router,
    sessions.own,
    sessions.router,
    clients.router,
    premises.router,
    district_hazards.router,
)
