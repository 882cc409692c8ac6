"""The application: ``create_app(settings)`` wires what a process holds to the routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import Depends, FastAPI

from app.api import ROUTERS
from app.api.deps import refuse_unknown_parameters
from app.api.middleware import Envelope
from app.api.problems import Problem, install_problem_handlers
from app.jobs.worker import Worker
from app.services.runtime import Runtime

DESCRIPTION = "销号: fire hazards found by sub-district safety offices, tracked until each one is closed."


def create_app(runtime: Runtime, *, worker: Worker | None = None) -> FastAPI:
    """The whole service around ``runtime``; ``worker`` runs the jobs inside it."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = runtime.settings.worker_threads
        if worker is not None:
            worker.start()
        yield
        if worker is not None:
            worker.stop()

    app = FastAPI(
        title="销号 xiaohao",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(refuse_unknown_parameters)],
        responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}},
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.runtime = runtime
    install_problem_handlers(app)
    app.add_middleware(Envelope)
    for router in ROUTERS:
        app.include_router(router)
    return app
