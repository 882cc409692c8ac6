"""When something happened, as far as a device can be believed. Source: lifecycle.md, «Business time»."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.business_time import believe

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(hours=3)


@pytest.mark.parametrize(
    ("stated", "offset_ms", "counts", "suspect"),
    [
        (NOW - timedelta(hours=1), 0, NOW - timedelta(hours=1), False),
        (NOW, 0, NOW, False),
        (NOW + timedelta(milliseconds=1), 0, NOW, True),
        (NOW + timedelta(minutes=7), -420_000, NOW, False),
        (NOW - timedelta(days=30), 0, NOW - timedelta(days=30), False),
        (NOW - timedelta(days=30, milliseconds=1), 0, NOW, True),
        (NOW - timedelta(days=31), 2 * 86_400_000, NOW - timedelta(days=29), False),
        (datetime(1970, 1, 1, tzinfo=UTC), 0, NOW, True),
        (datetime(2099, 1, 1, tzinfo=UTC), 0, NOW, True),
        (datetime(9999, 12, 31, tzinfo=UTC), 86_400_000 * 2, NOW, True),
        (NOW - timedelta(hours=1), None, NOW - timedelta(hours=1), True),
        (NOW + timedelta(hours=1), None, NOW, True),
    ],
)
def test_what_is_believed(stated: datetime, offset_ms: int | None, counts: datetime, suspect: bool) -> None:
    told = believe(stated, offset_ms, received=NOW)
    assert (told.at, told.clock_suspect) == (counts, suspect)


@pytest.mark.parametrize(("shift_s", "suspect"), [(-1, True), (0, False), (1, False)])
def test_never_before_the_previous_event(shift_s: int, suspect: bool) -> None:
    told = believe(BEFORE + timedelta(seconds=shift_s), 0, received=NOW, not_before=BEFORE)
    assert told.clock_suspect is suspect
    assert told.at == (NOW if suspect else BEFORE + timedelta(seconds=shift_s))


@given(
    stated=st.datetimes(timezones=st.just(UTC)),
    offset_ms=st.none() | st.integers(-(10**15), 10**15),
    ago=st.none() | st.timedeltas(timedelta(0), timedelta(days=29)),
)
def test_the_time_that_counts_is_always_possible(
    stated: datetime, offset_ms: int | None, ago: timedelta | None
) -> None:
    not_before = NOW - ago if ago is not None else None
    told = believe(stated, offset_ms, received=NOW, not_before=not_before)
    assert NOW - timedelta(days=30) <= told.at <= NOW
    assert not_before is None or told.at >= not_before
