"""Sign-ins: from where and by what app one signed in, and when it was last used.

Phase: expand; the release before this one does not know of it, and its sign-ins are listed without these particulars.
Lock:  none, the table is new.
Data:  none; what was signed in before is listed without particulars until its next refresh.
Back:  drops the table; nobody is signed out.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    def instant() -> sa.types.TypeEngine[object]:
        return sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

    op.create_table(
        "sign_in",
        sa.Column("id", sa.Uuid().with_variant(sa.String(36), "sqlite"), nullable=False),
        sa.Column("app", sa.String(length=120), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("signed_in_at", instant(), nullable=False),
        sa.Column("last_used_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
    )


def downgrade() -> None:
    op.drop_table("sign_in")
