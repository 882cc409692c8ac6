"""``/metrics``: what this process counted, what waits in the database, and nobody's data."""

import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import Session
from starlette.testclient import TestClient

from app.core.database import Database, make_engine
from app.core.metrics import Metrics
from app.jobs.worker import drain
from app.models import Job, Photo
from app.queries.backlog_gauges import BacklogGauges
from app.services.installation import seed
from app.services.runtime import Runtime
from app.services.sealer import extend_chain, seal
from tests.conftest import FakeClock, serve
from tests.factories import found, shoot, visit
from tests.phone import Phone

Told = Callable[..., float | None]


@pytest.fixture
def told(client: TestClient, clock: FakeClock) -> Told:
    """The value of one series now; None when there is none."""

    def ask(name: str, **labels: str) -> float | None:
        clock.move(seconds=5)
        answer = client.get("http://testserver/metrics")
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.text)
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return next((sample.value for sample in samples if sample.labels == labels), None)

    return ask


class TestRequests:
    def test_are_counted_by_route_and_status_class(self, phone: Phone, told: Told) -> None:
        hazard = phone.report()
        for _ in range(2):
            phone.read(hazard["id"])
        phone.client.get(f"/hazards/{phone.street.shop.id}", headers=phone.street.inspector.headers)
        route = {"method": "GET", "route": "/api/v1/hazards/{hazard_id}"}
        assert told("xiaohao_requests_total", **route, status="2xx") == 3
        assert told("xiaohao_requests_total", **route, status="4xx") == 1
        assert told("xiaohao_request_seconds_count", **route) == 4
        assert told("xiaohao_request_seconds_bucket", **route, le="+Inf") == 4

    @pytest.mark.parametrize(
        ("method", "path"), [("GET", "/wp-login.php"), ("BREW", "/pot/17"), ("GET", "/api/v1/x/1")]
    )
    def test_unknown_ones_share_a_label(self, client: TestClient, told: Told, method: str, path: str) -> None:
        client.request(method, f"http://testserver{path}")
        known = method if method == "GET" else "other"
        assert told("xiaohao_requests_total", method=known, route="other", status="4xx") == 1

    def test_a_method_that_somebody_made_up_is_forgotten(self) -> None:
        class Method(str):
            """Text that can be watched."""

            __slots__ = ("__weakref__",)

        method, metrics = Method("BREW"), Metrics()
        watched = weakref.ref(method)
        metrics.count_request(method, None, 404, 0.001)
        del method
        assert watched() is None

    def test_names_and_ids_stay_out(self, phone: Phone) -> None:
        hazard = phone.report()
        text = phone.client.get("http://testserver/metrics").text
        person = phone.street.inspector
        for secret in (hazard["id"], hazard["number"], str(person.id), person.headers["Authorization"][7:], "工作人员"):
            assert secret not in text

    def test_the_process_tells_of_itself(self, told: Told) -> None:
        assert (told("process_resident_memory_bytes") or 0) > 10**6
        assert (told("process_start_time_seconds") or 0) > 10**9
        assert told("process_cpu_seconds_total") is not None


class TestBacklog:
    def test_photos_are_pending_until_stored_and_decoded(
        self, phone: Phone, told: Told, runtime: Runtime, clock: FakeClock
    ) -> None:
        def pending() -> tuple[float | None, ...]:
            clock.move(seconds=60)
            return tuple(told("xiaohao_shared_photos_pending", state=state) for state in ("awaited", "undecoded"))

        shot = shoot(at=clock())
        body = visit(phone.street.shop.id, clock(), hazards=[found([shot], clock())], shots=[shot])
        assert phone.submit(phone.street.inspector, body).status_code == 201
        assert pending() == (1, 0)
        phone.upload(phone.street.inspector, shot)
        assert pending() == (0, 1)
        drain(runtime)
        assert pending() == (0, 0)
        assert told("xiaohao_job_attempts_total", kind="thumbnail", outcome="done") == 1

    def test_jobs_by_kind_and_state_and_the_oldest_one_due(
        self, phone: Phone, told: Told, runtime: Runtime, clock: FakeClock
    ) -> None:
        phone.stored(phone.street.inspector)
        clock.move(seconds=25)
        assert told("xiaohao_shared_jobs", kind="thumbnail", state="queued") == 1
        assert told("xiaohao_shared_job_lag_seconds") == 35
        for original in (runtime.storage.path(sha256) for sha256 in _originals(runtime)):
            original.unlink()
        drain(runtime)
        assert told("xiaohao_shared_jobs", kind="thumbnail", state="queued") is None
        assert told("xiaohao_shared_jobs", kind="thumbnail", state="retrying") == 1
        assert told("xiaohao_job_attempts_total", kind="thumbnail", outcome="retried") == 1

    def test_a_job_given_up_is_dead(self, session: Session, told: Told, clock: FakeClock) -> None:
        session.add(Job(kind="thumbnail", dedupe_key="x", state="dead", run_at=clock(), created_at=clock()))
        session.commit()
        assert told("xiaohao_shared_jobs", kind="thumbnail", state="dead") == 1
        assert told("xiaohao_shared_job_lag_seconds") == 0

    def test_feed_lag_lasts_until_the_hash_is_there(
        self, phone: Phone, told: Told, runtime: Runtime, clock: FakeClock
    ) -> None:
        phone.report(upload=False)
        waiting = ("xiaohao_shared_feed_unsealed", "xiaohao_shared_feed_unchained")
        seals_itself = runtime.db.dialect == "sqlite"
        told("xiaohao_shared_up")
        assert [told(name) or 0 for name in waiting] == ([0, 3] if seals_itself else [3, 0])
        assert told("xiaohao_shared_feed_lag_seconds") == 20
        seal(runtime.db)
        assert [told(name) for name in waiting] == [0, 3]
        assert told("xiaohao_shared_feed_lag_seconds") == 35
        extend_chain(runtime.db)
        assert [told(name) for name in (*waiting, "xiaohao_shared_feed_lag_seconds")] == [0, 0, 0]

    def test_is_asked_once_in_five_seconds(self, client: TestClient, phone: Phone, clock: FakeClock) -> None:
        def queued() -> bool:
            return 'state="queued"' in client.get("http://testserver/metrics").text

        assert not queued()
        phone.stored(phone.street.inspector)
        clock.move(seconds=4)
        assert not queued()
        clock.move(seconds=1)
        assert queued()

    def test_without_the_database_the_process_still_tells(
        self, app: FastAPI, runtime: Runtime, clock: FakeClock, tmp_path: Path
    ) -> None:
        gone = Database(make_engine(f"sqlite:///{tmp_path}/no/such/folder.db", pool_size=3))
        metrics = Metrics()
        metrics.registry.register(BacklogGauges(gone, clock))
        text = serve(app, replace(runtime, metrics=metrics)).get("http://testserver/metrics").text
        assert "xiaohao_shared_up 0.0" in text
        assert "xiaohao_pool_connections 3.0" in text
        assert "xiaohao_shared_jobs" not in text

    def test_what_cannot_be_counted_says_nothing_of_the_rest_and_is_not_tried_at_once(
        self, app: FastAPI, runtime: Runtime, clock: FakeClock, tmp_path: Path
    ) -> None:
        engine = make_engine(f"sqlite:///{tmp_path}/uncounted.db", pool_size=1)
        photo = Photo.metadata.tables["photo"]
        Photo.metadata.create_all(engine, tables=[table for table in photo.metadata.sorted_tables if table != photo])
        with Database(engine).write() as session:
            seed(session, runtime.secret, clock=clock)
        metrics = Metrics()
        metrics.registry.register(BacklogGauges(Database(engine), clock))
        client = serve(app, replace(runtime, metrics=metrics))

        def is_counted() -> bool:
            text = client.get("http://testserver/metrics").text
            assert "xiaohao_shared_up 1.0" in text
            return "xiaohao_shared_photos_pending" in text

        assert not is_counted()
        Photo.metadata.create_all(engine, tables=[photo])
        clock.move(seconds=59)
        assert not is_counted()
        clock.move(seconds=1)
        assert is_counted()
        engine.dispose()

    def test_the_pool_is_that_of_the_process(self, committed_runtime: Runtime, app: FastAPI, clock: FakeClock) -> None:
        with committed_runtime.db.read() as session:
            session.connection()
            text = serve(app, committed_runtime).get("http://testserver/metrics").text
        assert "xiaohao_pool_connections 40.0" in text
        assert "xiaohao_pool_connections_in_use 1.0" in text


def _originals(runtime: Runtime) -> list[str]:
    return [path.name for path in runtime.storage.root.rglob("*") if path.is_file() and len(path.name) == 64]
