"""How often a sign-in may fail, against the list of everything that ever failed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lockout import Limit, locked_until, network_of, with_failure

BEGAN = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@given(
    failures=st.integers(1, 6),
    within=st.integers(1, 900),
    pauses=st.lists(st.integers(0, 400), max_size=60),
)
def test_no_window_ever_holds_more_failures_than_the_limit(failures: int, within: int, pauses: list[int]) -> None:
    """Whoever tries, whenever, is let in exactly while fewer than ``failures`` fell into the window behind him."""
    limit, now = Limit(failures, timedelta(seconds=within)), BEGAN
    ever: list[datetime] = []
    kept: list[datetime] = []
    for pause in pauses:
        now += timedelta(seconds=pause)
        recent = [at for at in ever if at > now - limit.within]
        until = locked_until(kept, limit, now=now)
        assert (until is not None) == (len(recent) >= failures)
        if until is None:
            ever.append(now)
            kept = with_failure(kept, limit, now=now)
            assert len(kept) <= failures
        else:
            assert until == recent[-failures] + limit.within
            assert locked_until(kept, limit, now=until) is None
            assert locked_until(kept, limit, now=until - timedelta(microseconds=1)) == until


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_stands_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
