"""The event store in full: places, forks, fold checkpoints and artifacts."""

import sqlalchemy as sa
from alembic import op

from placet.storage import guards
from placet.storage.functions import statements

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

TABLES = [
    "event_artifact",
    "event_fold_checkpoint",
    "event_place",
    "event_artifact_link",
    "event_fork",
]
TENANT = TABLES
APPEND_ONLY = ["event_artifact", "event_place", "event_artifact_link", "event_fork"]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = ["event_fold_checkpoint"]
SOURCES = [("placet.events", "event_known_v1"), ("placet.events", "event_place_v1")]
FUNCTIONS = ["event_place_v1", "event_known_v1"]


def upgrade() -> None:
    """Create the tables, and the functions that write them."""
    op.create_table(
        "event_artifact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "digest", name=op.f("event_artifact_pkey")),
        schema="placet",
    )
    op.create_table(
        "event_fold_checkpoint",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("fold", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("event_fold_checkpoint_seq_counts")),
        sa.PrimaryKeyConstraint(
            "tenant_id", "stream_id", "fold", "seq", name=op.f("event_fold_checkpoint_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "event_place",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("seq >= 1", name=op.f("event_place_seq_counts")),
        sa.PrimaryKeyConstraint(
            "tenant_id", "stream_id", "event_id", name=op.f("event_place_pkey")
        ),
        schema="placet",
    )
    op.create_index(
        op.f("event_place_tenant_id_stream_id_parent_id_seq_ix"),
        "event_place",
        ["tenant_id", "stream_id", "parent_id", "seq"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_table(
        "event_artifact_link",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "digest"],
            ["placet.event_artifact.tenant_id", "placet.event_artifact.digest"],
            name=op.f("event_artifact_link_tenant_id_digest_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "stream_id", "seq"],
            ["placet.event.tenant_id", "placet.event.stream_id", "placet.event.seq"],
            name=op.f("event_artifact_link_tenant_id_stream_id_seq_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "stream_id", "seq", "name", name=op.f("event_artifact_link_pkey")
        ),
        schema="placet",
    )
    op.create_index(
        op.f("event_artifact_link_tenant_id_digest_ix"),
        "event_artifact_link",
        ["tenant_id", "digest"],
        unique=False,
        schema="placet",
    )
    op.create_table(
        "event_fork",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=False),
        sa.Column("origin_seq", sa.BigInteger(), nullable=False),
        sa.Column("origin_leaf", sa.LargeBinary(), nullable=False),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.Column("is_read_only", sa.Boolean(), nullable=False),
        sa.Column("forked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("depth >= 1", name=op.f("event_fork_depth_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "origin_id", "origin_seq"],
            ["placet.event.tenant_id", "placet.event.stream_id", "placet.event.seq"],
            name=op.f("event_fork_tenant_id_origin_id_origin_seq_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "stream_id"],
            ["placet.event_stream.tenant_id", "placet.event_stream.stream_id"],
            name=op.f("event_fork_tenant_id_stream_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "stream_id", name=op.f("event_fork_pkey")),
        schema="placet",
    )
    op.create_index(
        op.f("event_fork_tenant_id_origin_id_origin_seq_ix"),
        "event_fork",
        ["tenant_id", "origin_id", "origin_seq"],
        unique=False,
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


def downgrade() -> None:
    """Drop everything of this revision."""
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{name}")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
