"""One suppression list in place of opt-outs and of dropped addresses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_OPTOUTS = """
INSERT INTO suppressions (kind, channel, person_id, at, recorded_at, source, code, evidence, lifted_at, lifted_by, lift_evidence)
SELECT 'opt_out', channel, person_id, at, at,
       CASE WHEN evidence = 'one-click' THEN 'one-click' WHEN evidence LIKE 'provider:%' THEN 'provider'
            WHEN evidence LIKE 'receipt:%' THEN 'receipt' ELSE 'operator' END,
       CASE WHEN evidence LIKE 'provider:%' THEN split_part(evidence, ':', 2) END, evidence,
       withdrawn_at, CASE WHEN withdrawn_at IS NOT NULL THEN 'customer' END,
       CASE WHEN withdrawn_at IS NOT NULL THEN 'opted in again; recorded before version 0006' END
FROM optouts ORDER BY at, id"""
_DROPPED = """
INSERT INTO suppressions (kind, sort, value, at, recorded_at, source, code, evidence)
SELECT DISTINCT ON (sort, address) 'address', sort, address, dropped_at, dropped_at, 'provider', drop_reason,
       'dropped before version 0006: ' || coalesce(drop_reason, 'no code')
FROM (SELECT *, CASE WHEN sort = 'email' THEN lower(value) ELSE value END AS address FROM addresses WHERE dropped_at IS NOT NULL) dead
ORDER BY sort, address, dropped_at"""
_OPTOUTS_BACK = """
INSERT INTO optouts (person_id, channel, at, evidence, withdrawn_at)
SELECT DISTINCT ON (person_id, channel, lifted_at) person_id, channel, at, evidence, lifted_at FROM (
  SELECT person_id, channel, recorded_at AS at, evidence, lifted_at FROM suppressions WHERE person_id IS NOT NULL
  UNION ALL
  SELECT a.person_id, x.channel, x.recorded_at, x.evidence, x.lifted_at FROM suppressions x
  JOIN addresses a ON a.sort = x.sort AND CASE WHEN a.sort = 'email' THEN lower(a.value) ELSE a.value END = x.value
  WHERE x.kind <> 'address') word
ORDER BY person_id, channel, lifted_at, at"""
_DROPPED_BACK = """
UPDATE addresses a SET dropped_at = x.recorded_at, drop_reason = coalesce(x.code, x.source) FROM suppressions x
WHERE x.kind = 'address' AND x.lifted_at IS NULL AND x.sort = a.sort
  AND x.value = CASE WHEN a.sort = 'email' THEN lower(a.value) ELSE a.value END"""


def upgrade() -> None:
    _create()
    op.execute(_OPTOUTS)
    op.execute(_DROPPED)
    op.drop_table("optouts")
    op.drop_column("addresses", "drop_reason")
    op.drop_column("addresses", "dropped_at")


def _create() -> None:
    op.create_table(
        "suppressions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("person_id", sa.BigInteger(), nullable=True),
        sa.Column("sort", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lift_evidence", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('address', 'opt_out', 'complaint')", name=op.f("ck_suppressions_kind")),
        sa.CheckConstraint(
            "(person_id IS NULL) = (value IS NOT NULL) AND (value IS NULL) = (sort IS NULL)", name=op.f("ck_suppressions_whom")
        ),
        sa.CheckConstraint(
            "CASE WHEN kind = 'address' THEN value IS NOT NULL AND channel IS NULL ELSE channel IS NOT NULL END",
            name=op.f("ck_suppressions_what"),
        ),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_evidence IS NULL)",
            name=op.f("ck_suppressions_lift"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_suppressions_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressions")),
    )
    live = "lifted_at IS NULL AND "
    _index("uq_suppressions_person", ["person_id", "channel", "kind"], f"{live}person_id IS NOT NULL", unique=True)
    _index("uq_suppressions_dead", ["value", "sort"], f"{live}kind = 'address'", unique=True)
    _index("uq_suppressions_word", ["value", "sort", "channel", "kind"], f"{live}kind <> 'address' AND value IS NOT NULL", unique=True)
    _index("ix_suppressions_person_id", ["person_id"], "person_id IS NOT NULL")
    _index("ix_suppressions_value", ["value"], "value IS NOT NULL")


def _index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, "suppressions", columns, unique=unique, postgresql_where=sa.text(where))


def downgrade() -> None:
    op.add_column("addresses", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("addresses", sa.Column("drop_reason", sa.Text(), nullable=True))
    op.create_table(
        "optouts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_optouts_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_optouts")),
    )
    op.create_index("uq_optouts_live", "optouts", ["person_id", "channel"], unique=True, postgresql_where=sa.text("withdrawn_at IS NULL"))
    op.execute(_OPTOUTS_BACK)
    op.execute(_DROPPED_BACK)
    op.drop_table("suppressions")
