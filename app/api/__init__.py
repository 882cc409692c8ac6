"""HTTP, one module per resource; ``ROUTERS`` lists what is served."""

from fastapi import APIRouter

from app.api import areas, auth, clients, me, operations, premises, users

ROUTERS: tuple[APIRouter, ...] = (
    operations.router,
    auth.router,
    me.router,
    areas.router,
    users.router,
    clients.router,
    premises.router,
)
