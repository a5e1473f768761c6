"""The outbox: webhook endpoints, deliveries, and the trigger that writes them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards
from placet.storage.functions import statements

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ["webhooks_endpoint", "webhooks_delivery"]
UPDATES: dict[str, list[str]] = {
    "webhooks_endpoint": [
        "status",
        "secret_number",
        "secret_key_id",
        "previous_key_id",
        "previous_until",
    ],
    "webhooks_delivery": [
        "status",
        "attempts",
        "first_tried_at",
        "next_at",
        "claim_number",
        "claim_until",
        "last_status",
        "last_fault",
        "settled_at",
    ],
}
SOURCES = [("placet.webhooks", "outbox_put_v1"), ("placet.webhooks", "outbox_turns_v1")]
TYPES = [
    "ApprovalRequested",
    "VoteCast",
    "ApprovalGranted",
    "ApprovalRequestClosed",
    "ApprovalRevoked",
    "ApprovalExpired",
    "ApprovalExpiring",
    "DriftOpened",
    "SessionStopped",
    "ControlSet",
]


def upgrade() -> None:
    """Create the tables, force row-level security, set grants, and have events fill the outbox."""
    op.create_table(
        "webhooks_endpoint",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("secret_number", sa.BigInteger(), nullable=False),
        sa.Column("secret_key_id", sa.Text(), nullable=False),
        sa.Column("previous_key_id", sa.Text(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'disabled', 'removed')",
            name=op.f("webhooks_endpoint_status_known"),
        ),
        sa.CheckConstraint(
            "secret_number > 0", name=op.f("webhooks_endpoint_secret_number_positive")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("webhooks_endpoint_tenant_id_created_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "endpoint_id", name=op.f("webhooks_endpoint_pkey")),
        schema="placet",
    )
    op.create_table(
        "webhooks_delivery",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("first_tried_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim_number", sa.BigInteger(), nullable=False),
        sa.Column("claim_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("last_fault", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "event_type IN ('ApprovalRequested', 'VoteCast', 'ApprovalGranted', 'ApprovalRequestClosed', 'ApprovalRevoked', 'ApprovalExpired', 'ApprovalExpiring', 'DriftOpened', 'SessionStopped', 'ControlSet')",
            name=op.f("webhooks_delivery_event_type_known"),
        ),
        sa.CheckConstraint(
            "last_fault IN ('status', 'timeout', 'name_unknown', 'address_not_public', 'not_connected', 'tls', 'protocol')",
            name=op.f("webhooks_delivery_last_fault_known"),
        ),
        sa.CheckConstraint(
            "status IN ('due', 'delivered', 'dead', 'skipped', 'dropped')",
            name=op.f("webhooks_delivery_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["placet.webhooks_endpoint.tenant_id", "placet.webhooks_endpoint.endpoint_id"],
            name=op.f("webhooks_delivery_tenant_id_endpoint_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "stream_id", "seq"],
            ["placet.event.tenant_id", "placet.event.stream_id", "placet.event.seq"],
            name=op.f("webhooks_delivery_tenant_id_stream_id_seq_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "endpoint_id", "event_id", name=op.f("webhooks_delivery_pkey")
        ),
        schema="placet",
    )
    op.create_index(
        "webhooks_delivery_due_ix",
        "webhooks_delivery",
        ["tenant_id", "endpoint_id", "next_at"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("status = 'due'"),
    )
    op.create_index(
        "webhooks_delivery_open_ix",
        "webhooks_delivery",
        ["tenant_id", "endpoint_id", "stream_id", "seq"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("status IN ('due', 'dead')"),
    )
    op.create_index(
        op.f("webhooks_delivery_tenant_id_endpoint_id_status_event_id_ix"),
        "webhooks_delivery",
        ["tenant_id", "endpoint_id", "status", "event_id"],
        unique=False,
        schema="placet",
    )
    op.create_index(
        "webhooks_delivery_settled_ix",
        "webhooks_delivery",
        ["tenant_id", "settled_at"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("status IN ('delivered', 'skipped', 'dropped')"),
    )

    guards.force_tenancy(op, TABLES)
    guards.grant_app(op, TABLES, UPDATES, ["webhooks_delivery"])
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))
    told = ", ".join(f"'{name}'" for name in TYPES)
    op.execute(
        "CREATE TRIGGER outbox_put AFTER INSERT ON placet.event FOR EACH ROW"
        f" WHEN (NEW.type IN ({told})) EXECUTE FUNCTION placet.outbox_put_v1()"
    )


def downgrade() -> None:
    """Drop the trigger, its function, and every table of this revision."""
    op.execute("DROP TRIGGER outbox_put ON placet.event")
    op.execute("DROP FUNCTION placet.outbox_put_v1()")
    op.execute("DROP FUNCTION placet.outbox_take_v1(uuid[], int, int)")
    op.execute("DROP FUNCTION placet.outbox_clear_v1(int)")
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
