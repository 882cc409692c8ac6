"""The first tables.

Phase: expand; there is nothing before it.
Lock:  none, the tables are new.
Data:  none; the installation writes the feed's two single rows and the working calendar.
Back:  drops all tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def instant() -> sa.types.TypeEngine[object]:
    return sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def identifier() -> sa.types.TypeEngine[object]:
    return sa.Uuid().with_variant(sa.String(36), "sqlite")


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("code", sa.String(length=14), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column(
            "level",
            sa.Enum(
                "district",
                "street",
                "community",
                "grid",
                name="level",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("parent_id", identifier(), nullable=True),
        sa.Column(
            "path", sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"), nullable=False
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["area.id"], name=op.f("fk_area_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
        sa.UniqueConstraint("code", name=op.f("uq_area_code")),
        sa.UniqueConstraint("path", name=op.f("uq_area_path")),
    )
    with op.batch_alter_table("area", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_area_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "calendar_notice",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("imported_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_calendar_notice")),
    )
    with op.batch_alter_table("calendar_notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_calendar_notice_year"), ["year"], unique=False)

    op.create_table(
        "chain_head",
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("running_hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_chain_head_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_chain_head")),
    )
    op.create_table(
        "feed",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("commit_id", identifier(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "hazard",
                "inspection",
                "premises",
                "photo",
                "campaign",
                "supervision",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("object_id", identifier(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "op",
            sa.Enum(
                "upsert", "void", "removed_from_scope", name="op", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "area_path",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "moved_to",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("changed_at", instant(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_feed")),
    )
    op.create_table(
        "feed_chain",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("running_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_feed_chain")),
    )
    op.create_table(
        "job",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("run_at", instant(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", identifier(), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("done_at", instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_job_dedupe_key")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(
            "ix_job_waiting",
            ["run_at", "id"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'running')"),
            sqlite_where=sa.text("state IN ('queued', 'running')"),
        )

    op.create_table(
        "number_block",
        sa.Column("kind", sa.String(length=2), nullable=False),
        sa.Column("street_code", sa.String(length=9), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "street_code", "year", name=op.f("pk_number_block")),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=True), nullable=False
        ),
        sa.Column("commit_id", identifier(), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "hazard",
                "inspection",
                "premises",
                "photo",
                "campaign",
                "supervision",
                name="type",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("object_id", identifier(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "op",
            sa.Enum(
                "upsert", "void", "removed_from_scope", name="op", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "area_path",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "moved_to",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("changed_at", instant(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_commit", ["commit_id", "seq"], unique=False)

    op.create_table(
        "receipt_key",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("wrapped_private_key", sa.String(length=200), nullable=False),
        sa.Column("valid_from", instant(), nullable=False),
        sa.Column("valid_to", instant(), nullable=True),
        sa.Column("signed_by_id", identifier(), nullable=True),
        sa.Column("signature", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_key")),
    )
    op.create_table(
        "seal",
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("next", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("log_epoch", identifier(), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_seal_one_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_seal")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("username", sa.String(length=40), nullable=False),
        sa.Column("staff_number", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "inspector",
                "officer",
                "office",
                "leader",
                "district",
                "auditor",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("certificate_no", sa.String(length=40), nullable=True),
        sa.Column("certificate_valid_to", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("staff_number", name=op.f("uq_user_account_staff_number")),
        sa.UniqueConstraint("username", name=op.f("uq_user_account_username")),
    )
    op.create_table(
        "calendar_day",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_workday", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["calendar_notice.version"], name=op.f("fk_calendar_day_version")),
        sa.PrimaryKeyConstraint("version", "day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "credential_event",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("user_id", identifier(), nullable=False),
        sa.Column("by_id", identifier(), nullable=False),
        sa.Column("occurred_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["user_account.id"], name=op.f("fk_credential_event_by_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_credential_event_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_event")),
    )
    with op.batch_alter_table("credential_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_credential_event_by_id"), ["by_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credential_event_user_id"), ["user_id"], unique=False)

    op.create_table(
        "machine_client",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("area_id", identifier(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scope_epoch", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_machine_client_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_client")),
    )
    with op.batch_alter_table("machine_client", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_machine_client_area_id"), ["area_id"], unique=False)

    op.create_table(
        "premises",
        sa.Column("id", identifier(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "market",
                "complex",
                "restaurant",
                "street_shop",
                "nine_small",
                "three_in_one",
                "rental_housing",
                "residential",
                "elderly_care",
                "kindergarten",
                "warehouse",
                "industrial",
                "construction_site",
                "hotel",
                "office",
                "entertainment",
                "medical",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("area_id", identifier(), nullable=False),
        sa.Column(
            "area_path",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("parent_id", identifier(), nullable=True),
        sa.Column("enterprise_id", identifier(), nullable=True),
        sa.Column("floor", sa.String(length=20), nullable=True),
        sa.Column("compartment", sa.String(length=40), nullable=True),
        sa.Column("stall", sa.String(length=40), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("attributes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("contacts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "unregistered",
                "closed",
                "replaced",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registered_by_id", identifier(), nullable=True),
        sa.Column("registered_at", instant(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_premises_area_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["premises.id"], name=op.f("fk_premises_parent_id")),
        sa.ForeignKeyConstraint(["registered_by_id"], ["user_account.id"], name=op.f("fk_premises_registered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_premises")),
    )
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_premises_area_id"), ["area_id"], unique=False)
        batch_op.create_index("ix_premises_keyset", ["area_path", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_premises_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_premises_registered_by_id"), ["registered_by_id"], unique=False)

    op.create_table(
        "user_area",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("user_id", identifier(), nullable=False),
        sa.Column("area_id", identifier(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_user_area_area_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_user_area_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_area")),
    )
    with op.batch_alter_table("user_area", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_user_area_area_id"), ["area_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_user_area_user_id"), ["user_id"], unique=False)

    op.create_table(
        "inspection",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("premises_id", identifier(), nullable=False),
        sa.Column("area_id", identifier(), nullable=False),
        sa.Column(
            "area_path",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "patrol",
                "admin_inspection",
                "joint",
                "self_check",
                "reinspection",
                "complaint",
                "night_check",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reporter_id", identifier(), nullable=False),
        sa.Column("inspector_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("started_at", instant(), nullable=False),
        sa.Column("ended_at", instant(), nullable=False),
        sa.Column("stated_started_at", instant(), nullable=False),
        sa.Column("stated_ended_at", instant(), nullable=False),
        sa.Column("offset_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("device_seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("clock_suspect", sa.Boolean(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column("checklist_code", sa.String(length=40), nullable=True),
        sa.Column("checklist_version", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("received_at", instant(), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["premises_id"], ["premises.id"], name=op.f("fk_inspection_premises_id")),
        sa.ForeignKeyConstraint(["reporter_id"], ["user_account.id"], name=op.f("fk_inspection_reporter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
        sa.UniqueConstraint("number", name=op.f("uq_inspection_number")),
    )
    with op.batch_alter_table("inspection", schema=None) as batch_op:
        batch_op.create_index("ix_inspection_keyset", ["area_path", "received_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_inspection_premises_id"), ["premises_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_inspection_reporter_id"), ["reporter_id"], unique=False)

    op.create_table(
        "market",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("operator", sa.String(length=120), nullable=False),
        sa.Column("floors", sa.Integer(), nullable=False),
        sa.Column("floor_area_m2", sa.Integer(), nullable=True),
        sa.Column("built_year", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["premises.id"], name=op.f("fk_market_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market")),
    )
    op.create_table(
        "token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("family_id", identifier(), nullable=False),
        sa.Column("user_id", identifier(), nullable=True),
        sa.Column("client_id", identifier(), nullable=True),
        sa.Column("issued_at", instant(), nullable=False),
        sa.Column("expires_at", instant(), nullable=False),
        sa.Column("revoked_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["machine_client.id"], name=op.f("fk_token_client_id")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_token_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_token")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_client_id"), ["client_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_token_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_token_family_id"), ["family_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_token_user_id"), ["user_id"], unique=False)

    op.create_table(
        "answer",
        sa.Column("inspection_id", identifier(), nullable=False),
        sa.Column("item_no", sa.Integer(), nullable=False),
        sa.Column(
            "result",
            sa.Enum(
                "pass",
                "fail",
                "not_applicable",
                "not_checked",
                name="result",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("photo_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name=op.f("fk_answer_inspection_id")),
        sa.PrimaryKeyConstraint("inspection_id", "item_no", name=op.f("pk_answer")),
    )
    op.create_table(
        "hazard",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "rectifying",
                "awaiting_reinspection",
                "awaiting_confirmation",
                "transferred",
                "suspended",
                "closed",
                "voided",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "close_reason",
            sa.Enum(
                "rectified",
                "on_site",
                "transferred",
                "premises_gone",
                name="close_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "general",
                "suspected_major",
                "major",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("source_ref", sa.String(length=100), nullable=True),
        sa.Column("inspection_id", identifier(), nullable=False),
        sa.Column("premises_id", identifier(), nullable=False),
        sa.Column("area_id", identifier(), nullable=False),
        sa.Column(
            "area_path",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("finding_code", sa.String(length=10), nullable=True),
        sa.Column("category_zh", sa.String(length=20), nullable=False),
        sa.Column("immediate_fix", sa.Boolean(), nullable=False),
        sa.Column("paper_type", sa.Boolean(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=True),
        sa.Column("responsible_party", sa.String(length=120), nullable=True),
        sa.Column("interim_measures", sa.String(length=500), nullable=True),
        sa.Column("fixed_on_site", sa.Boolean(), nullable=False),
        sa.Column("on_site_reason", sa.String(length=200), nullable=True),
        sa.Column("reporter_id", identifier(), nullable=False),
        sa.Column("reporter_ids", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("handler_id", identifier(), nullable=False),
        sa.Column("claimant_id", identifier(), nullable=True),
        sa.Column("claimed_at", instant(), nullable=True),
        sa.Column("reinspector_id", identifier(), nullable=True),
        sa.Column("reinspected_at", instant(), nullable=True),
        sa.Column("determined_by_id", identifier(), nullable=True),
        sa.Column("determined_at", instant(), nullable=True),
        sa.Column("round_began_at", instant(), nullable=True),
        sa.Column("last_event_at", instant(), nullable=False),
        sa.Column("found_at", instant(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("registered_at", instant(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("original_due_on", sa.Date(), nullable=True),
        sa.Column("due_unrolled_on", sa.Date(), nullable=True),
        sa.Column("due_base_on", sa.Date(), nullable=False),
        sa.Column("due_days", sa.Integer(), nullable=False),
        sa.Column("due_counting", sa.String(length=10), nullable=False),
        sa.Column("due_on_provisional", sa.Boolean(), nullable=False),
        sa.Column("due_printed", sa.Boolean(), nullable=False),
        sa.Column("policy_code", sa.String(length=20), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("relapse_of", identifier(), nullable=True),
        sa.Column("duplicate_of", identifier(), nullable=True),
        sa.Column("evidence_complete", sa.Boolean(), nullable=False),
        sa.Column("flags", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("closed_at", instant(), nullable=True),
        sa.CheckConstraint(
            "(status = 'closed') = (close_reason IS NOT NULL)", name=op.f("ck_hazard_closed_with_reason")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_hazard_version_positive")),
        sa.ForeignKeyConstraint(["duplicate_of"], ["hazard.id"], name=op.f("fk_hazard_duplicate_of")),
        sa.ForeignKeyConstraint(["handler_id"], ["user_account.id"], name=op.f("fk_hazard_handler_id")),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name=op.f("fk_hazard_inspection_id")),
        sa.ForeignKeyConstraint(["premises_id"], ["premises.id"], name=op.f("fk_hazard_premises_id")),
        sa.ForeignKeyConstraint(["relapse_of"], ["hazard.id"], name=op.f("fk_hazard_relapse_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard")),
        sa.UniqueConstraint("number", name=op.f("uq_hazard_number")),
    )
    with op.batch_alter_table("hazard", schema=None) as batch_op:
        batch_op.create_index(
            "ix_hazard_chased_due",
            ["due_on", "id"],
            unique=False,
            postgresql_where=sa.text("status IN ('awaiting_confirmation', 'awaiting_reinspection', 'rectifying')"),
            sqlite_where=sa.text("status IN ('awaiting_confirmation', 'awaiting_reinspection', 'rectifying')"),
        )
        batch_op.create_index("ix_hazard_due", ["area_path", "due_on", "id"], unique=False)
        batch_op.create_index(
            "ix_hazard_duplicate_of",
            ["duplicate_of"],
            unique=False,
            postgresql_where=sa.text("duplicate_of IS NOT NULL"),
            sqlite_where=sa.text("duplicate_of IS NOT NULL"),
        )
        batch_op.create_index("ix_hazard_found", ["area_path", "found_at", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hazard_handler_id"), ["handler_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hazard_inspection_id"), ["inspection_id"], unique=False)
        batch_op.create_index("ix_hazard_place_code", ["premises_id", "finding_code"], unique=False)
        batch_op.create_index(
            "ix_hazard_relapse_of",
            ["relapse_of"],
            unique=False,
            postgresql_where=sa.text("relapse_of IS NOT NULL"),
            sqlite_where=sa.text("relapse_of IS NOT NULL"),
        )

    op.create_table(
        "photo",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "before",
                "after",
                "overview",
                "document",
                "signature",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum("camera", "gallery", "file", name="source", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("taken_at", instant(), nullable=False),
        sa.Column("owner_id", identifier(), nullable=False),
        sa.Column("created_at", instant(), nullable=False),
        sa.Column("named_at", instant(), nullable=True),
        sa.Column("inspection_id", identifier(), nullable=True),
        sa.Column(
            "area_path",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("stored_at", instant(), nullable=True),
        sa.Column("media_type", sa.String(length=40), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("readable", sa.Boolean(), nullable=True),
        sa.Column("thumbnail_ready", sa.Boolean(), nullable=False),
        sa.Column("exif_taken_at", sa.String(length=19), nullable=True),
        sa.Column("exif_latitude", sa.Float(), nullable=True),
        sa.Column("exif_longitude", sa.Float(), nullable=True),
        sa.Column("exif_make", sa.String(length=100), nullable=True),
        sa.Column("exif_model", sa.String(length=100), nullable=True),
        sa.Column("exif_orientation", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspection.id"], name=op.f("fk_photo_inspection_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["user_account.id"], name=op.f("fk_photo_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo")),
    )
    with op.batch_alter_table("photo", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_photo_inspection_id"), ["inspection_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_photo_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(
            "ix_photo_unnamed",
            ["created_at", "id"],
            unique=False,
            postgresql_where=sa.text("named_at IS NULL"),
            sqlite_where=sa.text("named_at IS NULL"),
        )
        batch_op.create_index(
            "uq_photo_named_sha256",
            ["sha256"],
            unique=True,
            postgresql_where=sa.text("named_at IS NOT NULL"),
            sqlite_where=sa.text("named_at IS NOT NULL"),
        )

    op.create_table(
        "hazard_event",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("hazard_id", identifier(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("actor_id", identifier(), nullable=True),
        sa.Column("actor_role", sa.String(length=20), nullable=True),
        sa.Column("occurred_at", instant(), nullable=False),
        sa.Column("recorded_at", instant(), nullable=False),
        sa.Column("stated_at", instant(), nullable=True),
        sa.Column("offset_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("accuracy_m", sa.Float(), nullable=True),
        sa.Column(
            "from_status",
            sa.Enum(
                "rectifying",
                "awaiting_reinspection",
                "awaiting_confirmation",
                "transferred",
                "suspended",
                "closed",
                "voided",
                name="from_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "to_status",
            sa.Enum(
                "rectifying",
                "awaiting_reinspection",
                "awaiting_confirmation",
                "transferred",
                "suspended",
                "closed",
                "voided",
                name="to_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("was_stale", sa.Boolean(), nullable=False),
        sa.Column("clock_suspect", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazard.id"], name=op.f("fk_hazard_event_hazard_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_event")),
    )
    with op.batch_alter_table("hazard_event", schema=None) as batch_op:
        batch_op.create_index("ix_hazard_event_timeline", ["hazard_id", "recorded_at", "id"], unique=False)

    op.create_table(
        "void_request",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("hazard_id", identifier(), nullable=False),
        sa.Column("asked_by_id", identifier(), nullable=False),
        sa.Column("asked_at", instant(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("duplicate_of", identifier(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("decided_at", instant(), nullable=True),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazard.id"], name=op.f("fk_void_request_hazard_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_void_request")),
    )
    with op.batch_alter_table("void_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_void_request_hazard_id"), ["hazard_id"], unique=False)
        batch_op.create_index(
            "uq_void_request_pending",
            ["hazard_id"],
            unique=True,
            postgresql_where=sa.text("state = 'pending'"),
            sqlite_where=sa.text("state = 'pending'"),
        )

    op.create_table(
        "hazard_photo",
        sa.Column("hazard_id", identifier(), nullable=False),
        sa.Column("photo_id", identifier(), nullable=False),
        sa.Column("event_id", identifier(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "before",
                "after",
                "overview",
                "document",
                "signature",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["hazard_event.id"], name=op.f("fk_hazard_photo_event_id")),
        sa.ForeignKeyConstraint(["hazard_id"], ["hazard.id"], name=op.f("fk_hazard_photo_hazard_id")),
        sa.ForeignKeyConstraint(["photo_id"], ["photo.id"], name=op.f("fk_hazard_photo_photo_id")),
        sa.PrimaryKeyConstraint("hazard_id", "photo_id", name=op.f("pk_hazard_photo")),
    )
    with op.batch_alter_table("hazard_photo", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hazard_photo_event_id"), ["event_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_hazard_photo_photo_id"), ["photo_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("hazard_photo", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hazard_photo_photo_id"))
        batch_op.drop_index(batch_op.f("ix_hazard_photo_event_id"))

    op.drop_table("hazard_photo")
    with op.batch_alter_table("void_request", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_void_request_pending",
            postgresql_where=sa.text("state = 'pending'"),
            sqlite_where=sa.text("state = 'pending'"),
        )
        batch_op.drop_index(batch_op.f("ix_void_request_hazard_id"))

    op.drop_table("void_request")
    with op.batch_alter_table("hazard_event", schema=None) as batch_op:
        batch_op.drop_index("ix_hazard_event_timeline")

    op.drop_table("hazard_event")
    with op.batch_alter_table("photo", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_photo_named_sha256",
            postgresql_where=sa.text("named_at IS NOT NULL"),
            sqlite_where=sa.text("named_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_photo_unnamed", postgresql_where=sa.text("named_at IS NULL"), sqlite_where=sa.text("named_at IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_photo_owner_id"))
        batch_op.drop_index(batch_op.f("ix_photo_inspection_id"))

    op.drop_table("photo")
    with op.batch_alter_table("hazard", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_hazard_relapse_of",
            postgresql_where=sa.text("relapse_of IS NOT NULL"),
            sqlite_where=sa.text("relapse_of IS NOT NULL"),
        )
        batch_op.drop_index("ix_hazard_place_code")
        batch_op.drop_index(batch_op.f("ix_hazard_inspection_id"))
        batch_op.drop_index(batch_op.f("ix_hazard_handler_id"))
        batch_op.drop_index("ix_hazard_found")
        batch_op.drop_index(
            "ix_hazard_duplicate_of",
            postgresql_where=sa.text("duplicate_of IS NOT NULL"),
            sqlite_where=sa.text("duplicate_of IS NOT NULL"),
        )
        batch_op.drop_index("ix_hazard_due")
        batch_op.drop_index(
            "ix_hazard_chased_due",
            postgresql_where=sa.text("status IN ('awaiting_confirmation', 'awaiting_reinspection', 'rectifying')"),
            sqlite_where=sa.text("status IN ('awaiting_confirmation', 'awaiting_reinspection', 'rectifying')"),
        )

    op.drop_table("hazard")
    op.drop_table("answer")
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_token_user_id"))
        batch_op.drop_index(batch_op.f("ix_token_family_id"))
        batch_op.drop_index(batch_op.f("ix_token_expires_at"))
        batch_op.drop_index(batch_op.f("ix_token_client_id"))

    op.drop_table("token")
    op.drop_table("market")
    with op.batch_alter_table("inspection", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inspection_reporter_id"))
        batch_op.drop_index(batch_op.f("ix_inspection_premises_id"))
        batch_op.drop_index("ix_inspection_keyset")

    op.drop_table("inspection")
    with op.batch_alter_table("user_area", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_user_area_user_id"))
        batch_op.drop_index(batch_op.f("ix_user_area_area_id"))

    op.drop_table("user_area")
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_premises_registered_by_id"))
        batch_op.drop_index(batch_op.f("ix_premises_parent_id"))
        batch_op.drop_index("ix_premises_keyset")
        batch_op.drop_index(batch_op.f("ix_premises_area_id"))

    op.drop_table("premises")
    with op.batch_alter_table("machine_client", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_machine_client_area_id"))

    op.drop_table("machine_client")
    with op.batch_alter_table("credential_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credential_event_user_id"))
        batch_op.drop_index(batch_op.f("ix_credential_event_by_id"))

    op.drop_table("credential_event")
    op.drop_table("calendar_day")
    op.drop_table("user_account")
    op.drop_table("seal")
    op.drop_table("receipt_key")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_commit")

    op.drop_table("outbox")
    op.drop_table("number_block")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_job_waiting",
            postgresql_where=sa.text("state IN ('queued', 'running')"),
            sqlite_where=sa.text("state IN ('queued', 'running')"),
        )

    op.drop_table("job")
    op.drop_table("feed_chain")
    op.drop_table("feed")
    op.drop_table("chain_head")
    with op.batch_alter_table("calendar_notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_calendar_notice_year"))

    op.drop_table("calendar_notice")
    with op.batch_alter_table("area", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_area_parent_id"))

    op.drop_table("area")
