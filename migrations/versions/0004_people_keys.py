"""Later enrolments of people's keys, what they count for in each workspace, and their end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = [
    "studio_enrolment_challenge",
    "authority_key_revocation",
    "studio_enrolment",
    "studio_workspace_key",
    "studio_workspace_removal",
    "studio_enrolment_confirmation",
]
TENANT = [
    "studio_enrolment_challenge",
    "authority_key_revocation",
    "studio_enrolment",
    "studio_workspace_key",
    "studio_workspace_removal",
    "studio_enrolment_confirmation",
]
APPEND_ONLY = [
    "studio_enrolment_challenge",
    "authority_key_revocation",
    "studio_enrolment",
    "studio_workspace_key",
    "studio_workspace_removal",
    "studio_enrolment_confirmation",
]
UPDATES: dict[str, list[str]] = {}
DELETES: list[str] = []

READ_WHOLE = ["studio_workspace_approver", "authority_person_key"]


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    op.create_table(
        "studio_enrolment_challenge",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("challenge_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(challenge) = 32", name=op.f("studio_enrolment_challenge_challenge_size")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "actor_id"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("studio_enrolment_challenge_tenant_id_actor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "challenge_id", name=op.f("studio_enrolment_challenge_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "authority_key_revocation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("revoked_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["placet.authority_person_key.tenant_id", "placet.authority_person_key.key_id"],
            name=op.f("authority_key_revocation_tenant_id_key_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "revoked_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_key_revocation_tenant_id_revoked_by_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", name=op.f("authority_key_revocation_pkey")),
        schema="placet",
    )
    op.create_table(
        "studio_enrolment",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("challenge_id", sa.Uuid(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("studio_enrolment_environment_known"),
        ),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("studio_enrolment_public_key_size")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "actor_id"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("studio_enrolment_tenant_id_actor_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "challenge_id"],
            [
                "placet.studio_enrolment_challenge.tenant_id",
                "placet.studio_enrolment_challenge.challenge_id",
            ],
            name=op.f("studio_enrolment_tenant_id_challenge_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id"],
            ["placet.studio_workspace.tenant_id", "placet.studio_workspace.workspace_id"],
            name=op.f("studio_enrolment_tenant_id_workspace_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "enrolment_id", name=op.f("studio_enrolment_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "challenge_id", name=op.f("studio_enrolment_tenant_id_challenge_id_key")
        ),
        schema="placet",
    )
    op.create_table(
        "studio_workspace_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("confirmed_by", postgresql.JSONB(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts_from", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["placet.authority_person_key.tenant_id", "placet.authority_person_key.key_id"],
            name=op.f("studio_workspace_key_tenant_id_key_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id", "actor_id"],
            [
                "placet.studio_workspace_approver.tenant_id",
                "placet.studio_workspace_approver.workspace_id",
                "placet.studio_workspace_approver.actor_id",
            ],
            name=op.f("studio_workspace_key_tenant_id_workspace_id_actor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "workspace_id", "key_id", name=op.f("studio_workspace_key_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "studio_workspace_removal",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("removal_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("removed_by", sa.Uuid(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "removed_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("studio_workspace_removal_tenant_id_removed_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "workspace_id", "actor_id"],
            [
                "placet.studio_workspace_approver.tenant_id",
                "placet.studio_workspace_approver.workspace_id",
                "placet.studio_workspace_approver.actor_id",
            ],
            name=op.f("studio_workspace_removal_tenant_id_workspace_id_actor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "removal_id", name=op.f("studio_workspace_removal_pkey")
        ),
        schema="placet",
    )
    op.create_index(
        op.f("studio_workspace_removal_tenant_id_workspace_id_actor_id_ix"),
        "studio_workspace_removal",
        ["tenant_id", "workspace_id", "actor_id"],
        unique=False,
        schema="placet",
    )
    op.create_table(
        "studio_enrolment_confirmation",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts_from", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "decision IN ('approve', 'refuse')",
            name=op.f("studio_enrolment_confirmation_decision_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "confirmed_by"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("studio_enrolment_confirmation_tenant_id_confirmed_by_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "enrolment_id"],
            ["placet.studio_enrolment.tenant_id", "placet.studio_enrolment.enrolment_id"],
            name=op.f("studio_enrolment_confirmation_tenant_id_enrolment_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["placet.authority_person_key.tenant_id", "placet.authority_person_key.key_id"],
            name=op.f("studio_enrolment_confirmation_tenant_id_key_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "enrolment_id", name=op.f("studio_enrolment_confirmation_pkey")
        ),
        schema="placet",
    )

    _let_in_what_counted()
    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)


def _let_in_what_counted() -> None:
    """Let in every key that an approver could vote with in a workspace until now."""
    for name in READ_WHOLE:  # the owner reads every tenant's rows for this one statement
        op.execute(f"ALTER TABLE placet.{name} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO placet.studio_workspace_key (tenant_id, workspace_id, actor_id, key_id,"
        " confirmed_by, since, counts_from)"
        " SELECT a.tenant_id, a.workspace_id, a.actor_id, k.key_id, k.confirmed_by,"
        " greatest(a.since, k.enrolled_at), greatest(a.since, k.enrolled_at)"
        " FROM placet.studio_workspace_approver AS a"
        " JOIN placet.authority_person_key AS k USING (tenant_id, actor_id)"
    )
    for name in READ_WHOLE:
        op.execute(f"ALTER TABLE placet.{name} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """Drop every table of this revision."""
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
