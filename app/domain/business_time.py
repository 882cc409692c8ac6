"""When something happened: the device's clock with its measured offset, as far as it can be believed.

Source: lifecycle.md, «Business time», «Deadlines» (``found_at``).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

BELIEVED_FOR = timedelta(days=30)
"""A device is believed up to this long before the receipt."""


@dataclass(frozen=True, slots=True)
class BusinessTime:
    """The instant that counts, and whether the device's clock was not believed."""

    at: datetime
    clock_suspect: bool


def believe(
    stated: datetime, offset_ms: int | None, *, received: datetime, not_before: datetime | None = None
) -> BusinessTime:
    """``stated`` (device clock, aware) + ``offset_ms``, else the receipt time and ``clock_suspect``.

    Not believed: later than the receipt, more than 30 days before it, or before ``not_before`` (the
    hazard's previous event). Without a measured offset the time is taken but suspect.
    """
    try:
        moment = stated + timedelta(milliseconds=offset_ms or 0)
    except OverflowError:
        return BusinessTime(received, clock_suspect=True)
    if moment > received or moment < received - BELIEVED_FOR:
        return BusinessTime(received, clock_suspect=True)
    if not_before is not None and moment < not_before:
        return BusinessTime(received, clock_suspect=True)
    return BusinessTime(moment, clock_suspect=offset_ms is None)
