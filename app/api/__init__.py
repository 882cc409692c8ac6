"""HTTP, one module per resource; ``ROUTERS`` lists what is served."""

from fastapi import APIRouter

from app.api import operations

ROUTERS: tuple[APIRouter, ...] = (operations.router,)
