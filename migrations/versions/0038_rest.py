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
UPDATES: dict[str, list[str]] = {"authority_recovery": ["told_seq", "lost_ends"]}
DELETES: list[str] = []
SOURCES: list[tuple[str, str]] = []
FUNCTIONS: list[str] = []


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
    """Add what the log needs."""


def _no_log() -> None:
    """Take away what the log needs."""
