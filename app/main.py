"""The application and its process: ``create_app(runtime)`` wires what a process holds to the routes."""

import fcntl
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any  # JSON

import anyio.to_thread
import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy import make_url

from app.api import ROUTERS
from app.api.deps import refuse_unknown_parameters
from app.api.hazard_actions import ACTIONS
from app.api.inspections import SUBMISSIONS
from app.api.lane import Lane
from app.api.middleware import Envelope
from app.api.openapi import complete_document
from app.api.problems import Problem, install_problem_handlers
from app.core.config import Settings
from app.core.memory import keep_freed_memory
from app.jobs.worker import Worker
from app.services.runtime import Runtime

DESCRIPTION = "销号: fire hazards found by sub-district safety offices, tracked until each one is closed."
GRACE_S = 10
"""How long requests under way may still take when the server stops."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class CannotServe(Exception):
    """This process cannot serve; the message is one line that says why."""


class _Service(FastAPI):
    """FastAPI with the document that we promise."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = complete_document(super().openapi())
        return self.openapi_schema


def create_app(runtime: Runtime, *, worker: Worker | None = None) -> FastAPI:
    """The whole service around ``runtime``; ``worker`` runs the jobs inside it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = runtime.settings.threads
        lanes = app.state.lanes = make_lanes(runtime)
        for lane in lanes.values():
            lane.start()
        runtime.last_used.start()
        if worker is not None:
            worker.start()
        try:
            yield
        finally:
            for lane in lanes.values():
                lane.stop()
            runtime.last_used.stop()
            if worker is not None:
                worker.stop()

    app = build_routes(lifespan)
    app.state.runtime = runtime
    return app


def make_lanes(runtime: Runtime) -> dict[str, Lane]:
    """What a process writes together, by kind."""
    return {work.name: Lane(work, runtime) for work in (SUBMISSIONS, ACTIONS)}


def build_routes(lifespan: Lifespan | None = None) -> FastAPI:
    """The routes without a process behind them: enough to describe the service."""
    app = _Service(
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
    app.state.lanes = {}
    install_problem_handlers(app)
    app.add_middleware(Envelope)
    for router in ROUTERS:
        app.include_router(router)
    return app


@contextmanager
def only_server(settings: Settings) -> Iterator[None]:
    """Hold the embedded database against a second server; nothing happens with PostgreSQL.

    The lock lies beside the database and ends with the process, however that ends. Raises ``CannotServe``.
    """
    database = make_url(settings.sqlalchemy_url).database if settings.is_embedded else None
    if database is None:
        yield
        return
    path = Path(f"{database}.serve.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotServe(
                f"{database} is served already: the embedded database takes one server. Stop that one, "
                "or set XIAOHAO_DATABASE_URL to a PostgreSQL."
            ) from error
        yield
    finally:
        os.close(descriptor)


def open_port(host: str, port: int) -> socket.socket:
    """The bound socket of ``host`` and ``port`` (0: any that is free). Raises ``CannotServe``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotServe(f"cannot listen on {host}: {error.strerror}") from error
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise CannotServe(f"cannot listen on {host} port {port}: {error.strerror}; set XIAOHAO_PORT") from error
    return bound


def serve(app: FastAPI, listener: socket.socket, *, on_ready: Callable[[str], None]) -> None:
    """Answer on ``listener`` until SIGTERM or Ctrl-C, then end what is under way; ``on_ready`` gets the address."""
    proxies: str = app.state.runtime.settings.trusted_proxies
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, lambda: on_ready(url_of(listener)))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.end)
    keep_freed_memory()
    server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    def end(self, *_: object) -> None:
        """For signals that come before uvicorn listens to them, and those it raises again when it has stopped."""
        self.should_exit = True


def url_of(listener: socket.socket) -> str:
    """Where it answers."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_worker(worker: Worker, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Run the worker in a process of its own until SIGTERM or Ctrl-C."""
    numbers = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)  # before the threads, which inherit it
    keep_freed_memory()
    worker.start()
    on_ready()
    signal.sigwait(numbers)
    worker.stop()
