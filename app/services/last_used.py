"""When sign-ins were last used, to the minute: noted by every request, written a few times a minute by a thread.

No request waits for it and none writes; what a process that dies had noted is at most ``EVERY_S`` old.
"""

import threading
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import bindparam, update

from app.core.database import Database
from app.models import SignIn

EVERY_S = 20.0
_AT_ONCE = 500


class LastUsed:
    """What this process has seen and not yet written."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen: dict[UUID, datetime] = {}
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, sign_in_id: UUID, now: datetime) -> None:
        """It is being used."""
        self._seen[sign_in_id] = now

    def write(self) -> None:
        """Write what was noted; a minute that stands there already costs nothing. Locks go in the order of ids."""
        seen, self._seen = self._seen, {}
        rows = [
            {"sign_in_id": sign_in_id, "minute": at.replace(second=0, microsecond=0)}
            for sign_in_id, at in sorted(seen.items())
        ]
        for first in range(0, len(rows), _AT_ONCE):
            with self._db.write() as session:
                session.connection().execute(_USED, rows[first : first + _AT_ONCE])

    def start(self) -> None:
        """Begin, also again after ``stop``."""
        self._is_stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write the rest and end."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join(EVERY_S)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._is_stopping.wait(EVERY_S)
            try:
                self.write()
            except Exception as error:  # the next turn has newer ones
                structlog.get_logger().warning("last_used_not_written", kind=type(error).__name__)


_sign_in = SignIn.metadata.tables["sign_in"]
_USED = (
    update(_sign_in)
    .where(_sign_in.c.id == bindparam("sign_in_id"), _sign_in.c.last_used_at < bindparam("minute"))
    .values(last_used_at=bindparam("minute"))
)
