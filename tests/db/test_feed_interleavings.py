"""The promise of the feed over any interleaving: nothing missed, nothing twice, in order, pages as in the contract."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, note, settings

from app.core.config import Settings
from app.core.database import make_engine
from app.services.installation import open_runtime
from app.services.runtime import Runtime
from tests.factories import Street
from tests.interleavings import PLANS, Plan, Stage
from tests.mortal import impatient

TOLD = [("work", 0, 0, 0), ("end", 0, 0, 0)]
PULLED = [("pull", 0, 0, 0)]
FORK = Plan(1, 5000, 2000, 20_000, [(0, 0, 1000)], [*TOLD, *PULLED, ("fail_over", 0, 0, 0), *PULLED, *TOLD, *PULLED])
"""Behind at first, then forked."""


@pytest.fixture
def stage(settings: Settings, clock, committed_runtime: Runtime, committed_street: Street) -> Iterator[Stage]:
    engine = impatient(make_engine(settings.sqlalchemy_url, pool_size=40))
    with committed_runtime.db.write() as session:
        committed_street.session = session
        _ = committed_street.inspector
    made = Stage(open_runtime(settings, clock=clock, bind=engine), engine, committed_street)
    yield made
    made.mortal.close()
    engine.dispose()


def test_any_interleaving(stage: Stage, is_long: bool) -> None:
    """300 drawn interleavings, 10,000 in the long run; on failure the steps of the smallest one are shown."""
    asked = 10_000 if is_long else 300
    played = 0

    @settings(max_examples=asked, suppress_health_check=list(HealthCheck))
    @given(PLANS)
    @example(FORK)
    def play(plan: Plan) -> None:
        nonlocal played
        played += 1
        note(repr(plan))
        with pytest.MonkeyPatch.context() as patch:
            stage.play(plan, patch)

    play()
    assert played >= asked
    rare = {"given up", "cut pages", "held a hash", "killed", "moved", "submitted together"}
    if not stage.is_sqlite:
        rare |= {"cut", "held a seal", "killed while held"}
    assert {kind for kind in rare if not stage.seen[kind]} == set()
    assert stage.seen["forked"] > 0
    assert stage.seen["behind"] > 0
