"""What a running process holds and hands down: no module builds an engine, a client or a key at import."""

from dataclasses import dataclass

from app.core.clock import Clock
from app.core.config import Settings
from app.core.database import Database
from app.core.metrics import Metrics
from app.core.storage import Storage
from app.services.calendar import Calendars
from app.services.last_used import LastUsed
from app.services.numbers import Numbers
from app.services.receipts import Receipts


@dataclass(frozen=True, slots=True)
class Runtime:
    """One process's database, storage, clock, keys and counters."""

    settings: Settings
    db: Database
    storage: Storage
    clock: Clock
    secret: bytes
    numbers: Numbers
    receipts: Receipts
    calendars: Calendars
    metrics: Metrics
    last_used: LastUsed
    takes_heic: bool
    """Whether iPhone photos are accepted: the extra ``heic`` is installed."""
