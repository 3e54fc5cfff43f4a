"""The audit log is a chain of hashes, and only ever appended to; what is kept for a time is found by it."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from store.chain import FIRST, seal

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PAGE = 1_000

_APPEND_ONLY = """
CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit_log is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege',
    HINT = 'What was recorded stays; record what corrects it.';
END $$"""
# ALWAYS: also for a session that calls itself a replica, which ordinary triggers do not fire for.
_TRIGGERS = (
    """CREATE TRIGGER audit_log_rows BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_is_append_only()""",
    """CREATE TRIGGER audit_log_all BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only()""",
    "ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_rows",
    "ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_all",
)
_INDEXES = (
    ("ix_interactions_stray", "interactions", "at", "message_id IS NULL"),
    ("ix_events_data", "events", "planned_at", "data <> '{}'"),
    ("ix_popups_content", "popups", "expires_at", "content <> '{}'"),
)
# The last hours that somebody chose on the preference page. Files overwrote them until now: they are put back, and the evidence says so.
_CHOSEN = """
CREATE TEMP TABLE chosen_hours ON COMMIT DROP AS
SELECT DISTINCT ON (person_id) person_id, recorded_at, contact_hours FROM (
  SELECT person_id, id, recorded_at, source, contact_hours,
         contact_hours IS DISTINCT FROM lag(contact_hours) OVER (PARTITION BY person_id ORDER BY recorded_at, id) AS moved
  FROM permissions WHERE person_id IN (SELECT person_id FROM permissions WHERE source = 'preferences')) h
WHERE source = 'preferences' AND moved ORDER BY person_id, recorded_at DESC, id DESC"""
_PUT_BACK = """
INSERT INTO permissions (person_id, recorded_at, source, timezone, contact_hours, consents)
SELECT p.id, now(), 'preferences', p.timezone, c.contact_hours, p.consents
FROM people p JOIN chosen_hours c ON c.person_id = p.id WHERE p.contact_hours IS DISTINCT FROM c.contact_hours"""
_HOLD = """
UPDATE people p SET contact_hours = c.contact_hours, hours_chosen_at = c.recorded_at FROM chosen_hours c WHERE c.person_id = p.id"""
_ROWS = sa.text("SELECT id, at, actor, action, detail FROM audit_log WHERE id > :after ORDER BY id LIMIT :limit")
_CHAIN = sa.text("UPDATE audit_log SET prev_hash = :prev_hash, hash = :hash WHERE id = :id")


def upgrade() -> None:
    op.execute("ALTER TABLE audit_log ALTER COLUMN id DROP IDENTITY")
    op.add_column("audit_log", sa.Column("prev_hash", sa.Text(), nullable=True))
    op.add_column("audit_log", sa.Column("hash", sa.Text(), nullable=True))
    _chain()
    op.alter_column("audit_log", "prev_hash", nullable=False)
    op.alter_column("audit_log", "hash", nullable=False)
    op.create_unique_constraint(op.f("uq_audit_log_prev_hash"), "audit_log", ["prev_hash"])
    for statement in (_APPEND_ONLY, *_TRIGGERS):
        op.execute(statement)
    op.add_column("people", sa.Column("hours_chosen_at", sa.DateTime(timezone=True), nullable=True))
    for statement in (_CHOSEN, _PUT_BACK, _HOLD):
        op.execute(statement)
    op.add_column("people", sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True))
    _tombstones()
    for name, table, column, where in _INDEXES:
        op.create_index(name, table, [column], postgresql_where=sa.text(where))


def _tombstones() -> None:
    when = sa.DateTime(timezone=True)
    op.create_table(
        "tombstones",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("forgotten_at", when, nullable=False),
        sa.Column("forgotten_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("readmitted_at", when, nullable=True),
        sa.Column("readmitted_by", sa.Text(), nullable=True),
        sa.Column("readmit_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(readmitted_at IS NULL) = (readmitted_by IS NULL) AND (readmitted_at IS NULL) = (readmit_reason IS NULL)",
            name=op.f("ck_tombstones_readmitted"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_tombstones_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstones")),
    )
    op.create_index("uq_tombstones_key", "tombstones", ["key"], unique=True, postgresql_where=sa.text("readmitted_at IS NULL"))
    op.create_table(
        "erasure_key",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("inner_pad", sa.LargeBinary(), nullable=False),
        sa.Column("outer_pad", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_erasure_key_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_erasure_key")),
    )
    key = secrets.token_bytes(64)  # a block of SHA-256, as RFC 2104 wants it
    pads = {"inner": bytes(byte ^ 0x36 for byte in key), "outer": bytes(byte ^ 0x5C for byte in key)}
    op.get_bind().execute(sa.text("INSERT INTO erasure_key (inner_pad, outer_pad) VALUES (:inner, :outer)"), pads)


def _chain() -> None:
    """What was recorded before is taken as it stands now."""
    connection, after, previous = op.get_bind(), -(2**63), FIRST
    while page := connection.execute(_ROWS, {"after": after, "limit": PAGE}).all():
        chained = []
        for row in page:
            sealed = seal(previous, row.id, row.at, row.actor, row.action, row.detail)
            chained.append({"id": row.id, "prev_hash": previous, "hash": sealed})
            after, previous = row.id, sealed
        connection.execute(_CHAIN, chained)


def downgrade() -> None:
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table)
    op.drop_table("erasure_key")
    op.drop_table("tombstones")
    op.drop_column("people", "forgotten_at")
    op.drop_column("people", "hours_chosen_at")
    op.execute("DROP TRIGGER audit_log_rows ON audit_log")
    op.execute("DROP TRIGGER audit_log_all ON audit_log")
    op.execute("DROP FUNCTION audit_log_is_append_only()")
    op.drop_constraint(op.f("uq_audit_log_prev_hash"), "audit_log")
    op.drop_column("audit_log", "hash")
    op.drop_column("audit_log", "prev_hash")
    op.execute("ALTER TABLE audit_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY")
    op.execute("SELECT setval(pg_get_serial_sequence('audit_log', 'id'), max(id)) FROM audit_log HAVING max(id) IS NOT NULL")
