"""Lists and counts of hazards by index, whatever is asked for.

Phase: expand; the release before this one reads with either set.
Lock:  the new indexes are built under a lock that holds writes up; there is no installation with many rows yet.
Data:  none.
Back:  the former two indexes are made again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PARTIAL = {
    "ix_hazard_undated": (["id"], "due_on IS NULL"),
    "ix_hazard_severe": (["severity", "due_on", "id"], "severity <> 'general'"),
    "ix_hazard_aside": (["status", "id"], "status IN ('suspended', 'transferred', 'voided')"),
    "ix_hazard_chased_counted": (
        ["area_path", "due_on", "status", "severity", "area_id", "category_zh"],
        "status IN ('awaiting_confirmation', 'awaiting_reinspection', 'rectifying')",
    ),
}


def upgrade() -> None:
    op.drop_index("ix_hazard_found", "hazard")
    op.drop_index("ix_hazard_due", "hazard")
    op.create_index("ix_hazard_found", "hazard", ["found_at", "id"])
    op.create_index("ix_hazard_due", "hazard", ["due_on", "id"])
    op.create_index(
        "ix_hazard_counted", "hazard", ["area_path", "status", "severity", "due_on", "area_id", "category_zh"]
    )
    for name, (columns, condition) in _PARTIAL.items():
        where = sa.text(condition)
        op.create_index(name, "hazard", columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    for name in (*_PARTIAL, "ix_hazard_counted", "ix_hazard_due", "ix_hazard_found"):
        op.drop_index(name, "hazard")
    op.create_index("ix_hazard_found", "hazard", ["area_path", "found_at", "id"])
    op.create_index("ix_hazard_due", "hazard", ["area_path", "due_on", "id"])
