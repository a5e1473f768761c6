"""What restores, erasures and the log still lacked, and every function anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards
from placet.storage.functions import make_all_anew, statements

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLES: list[str] = []
TENANT: list[str] = []
UPDATES: dict[str, list[str]] = {
    "authority_recovery": ["told_seq", "lost_ends"],
    "evidence_log": ["mark"],
}
DELETES: list[str] = []
SOURCES: list[tuple[str, str]] = [("placet.evidence.log", "log_rows_v1")]
FUNCTIONS: list[str] = [
    "log_taken_v1",
    "log_seals_v1",
    "log_rows_v1",
    "log_span_v1",
    "log_time_v1",
    "log_part_v1",
]
QUEUES = [
    (
        "event_log_pending",
        "tenant_id, stream_id, from_seq",
        "tenant_id, at, stream_id, from_seq",
    ),
    ("event_seal_pending", "tenant_id, stream_id", "tenant_id, at, stream_id"),
]


# What was raised so far, and is told of in a stream.
TOLD = """
UPDATE placet.authority_recovery AS r SET told_seq = e.seq
FROM placet.event AS e
WHERE e.tenant_id = r.tenant_id AND e.type = 'Restored' AND e.epoch = r.epoch
"""
# Ends that the service itself repeats after a restore: it is no actor of a tenant.
ENDED_BY = {
    "authority_key_revocation": "authority_key_revocation_tenant_id_revoked_by_fkey",
    "authority_tool_host_revocation": "authority_tool_host_revocation_tenant_id_revoked_by_fkey",
    "authority_issuer_revocation": "authority_issuer_revocation_tenant_id_revoked_by_fkey",
}


def upgrade() -> None:
    """Add what was lacking, and make every function anew."""
    _restores()
    _erasures()
    _log()
    guards.force_tenancy(op, TENANT)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    make_all_anew(op, down_revision)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Take away what was added. Functions of earlier revisions stay as they are."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    _no_log()
    _no_erasures()
    _no_restores()


def _restores() -> None:
    """Keep what an epoch was raised from, where that is told, and what people have to repeat."""
    for column in (
        sa.Column("system_identifier", sa.Text(), nullable=True),
        sa.Column("timeline", sa.BigInteger(), nullable=True),
        sa.Column("from_system_identifier", sa.Text(), nullable=True),
        sa.Column("from_timeline", sa.BigInteger(), nullable=True),
        sa.Column("told_seq", sa.BigInteger(), nullable=True),
        sa.Column("lost_ends", postgresql.JSONB(), nullable=False, server_default="[]"),
    ):
        op.add_column("authority_recovery", column, schema="placet")
    op.alter_column("authority_recovery", "lost_ends", server_default=None, schema="placet")
    op.execute(TOLD)
    for table, name in ENDED_BY.items():
        op.drop_constraint(name, table, type_="foreignkey", schema="placet")


def _no_restores() -> None:
    """Take away what restores need. Rows that name no actor stay as they are."""
    for table, name in ENDED_BY.items():
        op.execute(
            f"ALTER TABLE placet.{table} ADD CONSTRAINT {name} FOREIGN KEY (tenant_id, revoked_by)"
            " REFERENCES placet.tenancy_actor (tenant_id, actor_id) NOT VALID"
        )
    for column in (
        "lost_ends",
        "told_seq",
        "from_timeline",
        "from_system_identifier",
        "timeline",
        "system_identifier",
    ):
        op.drop_column("authority_recovery", column, schema="placet")


def _erasures() -> None:
    """Add what erasures need."""


def _no_erasures() -> None:
    """Take away what erasures need."""


def _log() -> None:
    """Have rows of the log's queues say when they were written, and be found by that.

    Heads say where a look begins instead of the stream that the last round left off at, and a
    checkpoint is found by its size.
    """
    for name, _, new in QUEUES:
        op.execute(
            f"ALTER TABLE placet.{name} ADD COLUMN at timestamptz NOT NULL DEFAULT now(),"
            f" DROP CONSTRAINT {name}_pkey, ADD CONSTRAINT {name}_pkey PRIMARY KEY ({new})"
        )
        op.execute(f"ALTER TABLE placet.{name} ALTER COLUMN at DROP DEFAULT")
    op.execute(
        "ALTER TABLE placet.evidence_log DROP COLUMN cursor_stream, ADD COLUMN mark timestamptz"
    )
    op.create_index(
        "authority_checkpoint_tenant_id_size_ix",
        "authority_checkpoint",
        ["tenant_id", "size"],
        schema="placet",
    )


def _no_log() -> None:
    """Take away what the log needs."""
    op.drop_index("authority_checkpoint_tenant_id_size_ix", "authority_checkpoint", schema="placet")
    op.execute(
        "ALTER TABLE placet.evidence_log DROP COLUMN mark, ADD COLUMN cursor_stream uuid NOT NULL"
        " DEFAULT '00000000-0000-0000-0000-000000000000'"
    )
    op.execute("ALTER TABLE placet.evidence_log ALTER COLUMN cursor_stream DROP DEFAULT")
    op.execute("GRANT UPDATE (cursor_stream) ON placet.evidence_log TO placet_app")
    for name, old, _ in QUEUES:
        op.execute(
            f"ALTER TABLE placet.{name} DROP CONSTRAINT {name}_pkey, DROP COLUMN at,"
            f" ADD CONSTRAINT {name}_pkey PRIMARY KEY ({old})"
        )
