"""Signing in: age and history of passwords, failed sign-ins, refresh tokens that were used.

Phase: expand; the release before this one neither reads nor writes any of it and marks a used token as revoked.
Lock:  ADD COLUMN without a rewrite; the tables are new.
Data:  passwords that are there count as set now: nobody is shut out by the upgrade.
Back:  drops it all; what was failed or formerly used is forgotten, and used refresh tokens work once more.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def identifier() -> sa.types.TypeEngine[object]:
    return sa.Uuid().with_variant(sa.String(36), "sqlite")


def _now() -> datetime | str:
    now = datetime.now(UTC)
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if on_sqlite else now


def upgrade() -> None:
    op.add_column("user_account", sa.Column("password_set_at", instant(), nullable=True))
    op.add_column(
        "user_account",
        sa.Column("must_change_password", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    account = sa.table("user_account", sa.column("password_set_at", instant()))
    op.execute(account.update().values(password_set_at=_now()))
    op.add_column("token", sa.Column("used_at", instant(), nullable=True))
    op.create_table(
        "former_password",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("user_id", identifier(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_former_password_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_password")),
    )
    op.create_index(op.f("ix_former_password_user_id"), "former_password", ["user_id"])
    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("instants", sa.JSON(), nullable=False),
        sa.Column("last_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_failures")),
    )
    op.create_index(op.f("ix_sign_in_failures_last_at"), "sign_in_failures", ["last_at"])


def downgrade() -> None:
    op.drop_table("sign_in_failures")
    op.drop_table("former_password")
    op.drop_column("token", "used_at")
    with op.batch_alter_table("user_account") as account:
        account.drop_column("must_change_password")
        account.drop_column("password_set_at")
