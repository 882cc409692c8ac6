"""The one clock, and how instants and business dates are written.

Instants are aware UTC datetimes; dates of business are days in Asia/Shanghai, which is not a setting.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
_SHANGHAI_OFFSET = timedelta(hours=8)  # without daylight saving since 1992

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def business_date(instant: datetime) -> date:
    """The day in Asia/Shanghai on which ``instant`` falls; days end at 24:00 there."""
    return (instant.astimezone(UTC) + _SHANGHAI_OFFSET).date()


def rfc3339(instant: datetime) -> str:
    """RFC 3339 in UTC with ``Z`` and six decimals, the same text for both databases."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
