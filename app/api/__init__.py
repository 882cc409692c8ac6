"""HTTP, one module per resource; ``ROUTERS`` lists what is served."""

from fastapi import APIRouter

from app.api import areas, auth, clients, hazard_actions, hazards, inspections, me, operations, photos, premises, users

ROUTERS: tuple[APIRouter, ...] = (
    operations.router,
    auth.router,
    me.router,
    areas.router,
    users.router,
    clients.router,
    premises.router,
    inspections.router,
    photos.router,
    hazards.router,
    hazard_actions.router,
)
