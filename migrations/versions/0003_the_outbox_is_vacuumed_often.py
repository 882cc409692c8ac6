"""The outbox is vacuumed often: every change passes through it, and it is empty when nothing waits.

Phase: expand; any release runs with it.
Lock:  share update exclusive on the outbox, for an instant.
Data:  none.
Back:  the database's own settings again.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SETTINGS = {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "10000"}
_SETTINGS |= {"autovacuum_vacuum_cost_delay": "0"}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        settings = [f"{prefix}{name} = {value}" for prefix in ("", "toast.") for name, value in _SETTINGS.items()]
        op.execute(f"ALTER TABLE outbox SET ({', '.join(settings)})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        names = [f"{prefix}{name}" for prefix in ("", "toast.") for name in _SETTINGS]
        op.execute(f"ALTER TABLE outbox RESET ({', '.join(names)})")
