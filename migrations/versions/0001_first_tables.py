"""The first tables, and who may do what to them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = [
    "api_key_lookup",
    "authority_artifact",
    "authority_control",
    "authority_control_gate",
    "authority_server_key",
    "event",
    "event_body",
    "event_log_pending",
    "event_stream",
    "idempotency_answer",
    "studio_workspace",
    "tenancy_actor",
    "tenancy_tenant",
    "work_due",
    "authority_person_key",
    "plans_plan",
    "replay_session",
    "tenancy_api_key",
    "tenancy_role_grant",
    "replay_prepared_request",
    "replay_pending_call",
    "replay_effect_key",
    "replay_execution_receipt",
    "replay_settlement",
]
TENANT = [
    "authority_artifact",
    "authority_control",
    "authority_control_gate",
    "event",
    "event_body",
    "event_log_pending",
    "event_stream",
    "idempotency_answer",
    "studio_workspace",
    "tenancy_actor",
    "tenancy_tenant",
    "authority_person_key",
    "plans_plan",
    "replay_session",
    "tenancy_api_key",
    "tenancy_role_grant",
    "replay_prepared_request",
    "replay_pending_call",
    "replay_effect_key",
    "replay_execution_receipt",
    "replay_settlement",
]
APPEND_ONLY = [
    "authority_artifact",
    "authority_server_key",
    "event",
    "event_body",
    "tenancy_tenant",
    "authority_person_key",
    "tenancy_role_grant",
    "replay_execution_receipt",
    "replay_settlement",
]
UPDATES = {
    "authority_control": ["lifted_epoch"],
    "authority_control_gate": ["control_epoch"],
    "event_stream": ["next_seq", "head", "last_at"],
    "idempotency_answer": ["status", "body"],
    "studio_workspace": [
        "status",
        "runtime_authority_kind",
        "active_draft_id",
        "active_draft_snapshot_id",
        "active_approval_id",
    ],
    "tenancy_actor": ["status"],
    "plans_plan": [
        "status",
        "version",
        "artifact_id",
        "compiled_hash",
        "approval_id",
        "approved_at",
        "approval_expires_at",
        "updated_at",
    ],
    "replay_session": [
        "status",
        "state_version",
        "control_revision",
        "current_phase",
        "total_tool_calls",
        "total_step_count",
        "state",
        "holder",
        "fence",
        "lease_request_id",
        "lease_expires_at",
        "next_request_seq",
        "next_seq",
        "head",
        "last_event_at",
        "next_due_at",
        "ended_at",
        "ended_why",
    ],
    "tenancy_api_key": ["revoked_at"],
    "replay_prepared_request": [
        "consumed_at",
        "consumed_epoch",
        "consumed_fence",
        "consumed_holder",
        "decided_version",
        "proposal_hash",
        "answer",
    ],
    "replay_pending_call": [
        "evidence_level",
        "execution_state",
        "commit_state",
        "status",
        "blocked_why",
        "granted_at",
        "grant_expires_at",
        "grant_epoch",
        "grant_fence",
        "grant_control_epoch",
        "grant_control_revision",
        "start_id",
        "started_at",
        "settled_at",
        "committed_at",
        "settled_by",
    ],
    "replay_effect_key": ["released_at"],
}
DELETES = ["event_log_pending", "idempotency_answer"]
HIDDEN = ["api_key_lookup", "work_due"]


def upgrade() -> None:
    """Create the tables, force row-level security, set grants and append-only triggers."""
    guards.create_foundations(op)
    op.create_table(
        "api_key_lookup",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("api_key_lookup_pkey")),
        schema="placet",
    )
    op.create_table(
        "authority_artifact",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("artifact_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("compiled_hash", sa.Text(), nullable=False),
        sa.Column("contract_hash", sa.Text(), nullable=False),
        sa.Column("compiler_version", sa.Text(), nullable=False),
        sa.Column("review_projection_json", sa.LargeBinary(), nullable=False),
        sa.Column("runtime_projection_json", sa.LargeBinary(), nullable=False),
        sa.Column("compat_projection_json", sa.LargeBinary(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "artifact_id", name=op.f("authority_artifact_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "approval_id", name=op.f("authority_artifact_tenant_id_approval_id_key")
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "artifact_id",
            "compiled_hash",
            name=op.f("authority_artifact_tenant_id_artifact_id_compiled_hash_key"),
        ),
        schema="placet",
    )
    op.create_index(
        op.f("authority_artifact_tenant_id_compiled_hash_ix"),
        "authority_artifact",
        ["tenant_id", "compiled_hash"],
        unique=False,
        schema="placet",
    )
    op.create_table(
        "authority_control",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("control_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_epoch", sa.BigInteger(), nullable=False),
        sa.Column("lifted_epoch", sa.BigInteger(), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("effect IN ('kill')", name=op.f("authority_control_effect_known")),
        sa.CheckConstraint("kind IN ('tenant')", name=op.f("authority_control_kind_known")),
        sa.PrimaryKeyConstraint("tenant_id", "control_id", name=op.f("authority_control_pkey")),
        schema="placet",
    )
    op.create_index(
        "authority_control_in_force_ix",
        "authority_control",
        ["tenant_id", "kind"],
        unique=False,
        schema="placet",
        postgresql_where=sa.text("lifted_epoch IS NULL"),
    )
    op.create_table(
        "authority_control_gate",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("control_epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("authority_control_gate_pkey")),
        schema="placet",
    )
    op.create_table(
        "authority_server_key",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('grant', 'artifact', 'checkpoint')",
            name=op.f("authority_server_key_purpose_known"),
        ),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("authority_server_key_public_key_size")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("authority_server_key_pkey")),
        schema="placet",
    )
    op.create_table(
        "event",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("control_epoch", sa.BigInteger(), nullable=False),
        sa.Column("control_revision", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "stream_id", "seq", name=op.f("event_pkey")),
        schema="placet",
    )
    op.create_table(
        "event_body",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "stream_id", "seq", name=op.f("event_body_pkey")),
        schema="placet",
    )
    op.create_table(
        "event_log_pending",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "stream_id", "from_seq", name=op.f("event_log_pending_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "event_stream",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("stream_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('tenancy', 'authority', 'control', 'workspace', 'session')",
            name=op.f("event_stream_kind_known"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "stream_id", name=op.f("event_stream_pkey")),
        schema="placet",
    )
    op.create_table(
        "idempotency_answer",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "actor_id", "route", "key", name=op.f("idempotency_answer_pkey")
        ),
        schema="placet",
    )
    op.create_table(
        "studio_workspace",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("runtime_authority_kind", sa.Text(), nullable=False),
        sa.Column("active_draft_id", sa.Uuid(), nullable=True),
        sa.Column("active_draft_snapshot_id", sa.Uuid(), nullable=True),
        sa.Column("active_approval_id", sa.Uuid(), nullable=True),
        sa.Column("enforcement", sa.Text(), nullable=False),
        sa.Column("unplanned", sa.Text(), nullable=False),
        sa.Column("approval_policy", postgresql.JSONB(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "enforcement IN ('report', 'block')", name=op.f("studio_workspace_enforcement_known")
        ),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("studio_workspace_environment_known"),
        ),
        sa.CheckConstraint(
            "runtime_authority_kind IN ('none', 'plan', 'artifact')",
            name=op.f("studio_workspace_runtime_authority_kind_known"),
        ),
        sa.CheckConstraint(
            "status IN ('active', 'archived')", name=op.f("studio_workspace_status_known")
        ),
        sa.CheckConstraint(
            "unplanned IN ('deny', 'capture')", name=op.f("studio_workspace_unplanned_known")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "workspace_id", name=op.f("studio_workspace_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "agent",
            "environment",
            name=op.f("studio_workspace_tenant_id_agent_environment_key"),
        ),
        schema="placet",
    )
    op.create_table(
        "tenancy_actor",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('person', 'agent', 'service')", name=op.f("tenancy_actor_kind_known")
        ),
        sa.CheckConstraint(
            "status IN ('active', 'disabled')", name=op.f("tenancy_actor_status_known")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "actor_id", name=op.f("tenancy_actor_pkey")),
        schema="placet",
    )
    op.create_table(
        "tenancy_tenant",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("tenancy_tenant_pkey")),
        schema="placet",
    )
    op.create_table(
        "work_due",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "ref", name=op.f("work_due_pkey")),
        schema="placet",
    )
    op.create_index(
        op.f("work_due_kind_due_at_ix"),
        "work_due",
        ["kind", "due_at"],
        unique=False,
        schema="placet",
    )
    op.create_table(
        "authority_person_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_by", postgresql.JSONB(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(public_key) = 32", name=op.f("authority_person_key_public_key_size")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "actor_id"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("authority_person_key_tenant_id_actor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", name=op.f("authority_person_key_pkey")),
        schema="placet",
    )
    op.create_index(
        op.f("authority_person_key_tenant_id_actor_id_ix"),
        "authority_person_key",
        ["tenant_id", "actor_id"],
        unique=False,
        schema="placet",
    )
    op.create_table(
        "plans_plan",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("artifact_id", sa.Uuid(), nullable=True),
        sa.Column("compiled_hash", sa.Text(), nullable=True),
        sa.Column("approval_id", sa.Uuid(), nullable=True),
        sa.Column("enforcement", sa.Text(), nullable=False),
        sa.Column("unplanned", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approval_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status IN ('APPROVED', 'ENFORCING')) = (artifact_id IS NOT NULL AND compiled_hash IS NOT NULL AND approval_id IS NOT NULL AND approved_at IS NOT NULL)",
            name=op.f("plans_plan_in_force_has_artifact"),
        ),
        sa.CheckConstraint(
            "enforcement IN ('report', 'block')", name=op.f("plans_plan_enforcement_known")
        ),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("plans_plan_environment_known"),
        ),
        sa.CheckConstraint(
            "status IN ('LEARNING', 'READY', 'APPROVED', 'ENFORCING')",
            name=op.f("plans_plan_status_known"),
        ),
        sa.CheckConstraint(
            "unplanned IN ('deny', 'capture')", name=op.f("plans_plan_unplanned_known")
        ),
        sa.CheckConstraint(
            "(artifact_id IS NULL) = (compiled_hash IS NULL)",
            name=op.f("plans_plan_artifact_has_hash"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "artifact_id", "compiled_hash"],
            [
                "placet.authority_artifact.tenant_id",
                "placet.authority_artifact.artifact_id",
                "placet.authority_artifact.compiled_hash",
            ],
            name=op.f("plans_plan_tenant_id_artifact_id_compiled_hash_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "plan_id", name=op.f("plans_plan_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "agent",
            "environment",
            name=op.f("plans_plan_tenant_id_agent_environment_key"),
        ),
        schema="placet",
    )
    op.create_table(
        "replay_session",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("artifact_id", sa.Uuid(), nullable=False),
        sa.Column("compiled_session_hash", sa.LargeBinary(), nullable=False),
        sa.Column("contract_hash", sa.LargeBinary(), nullable=False),
        sa.Column("state_version", sa.BigInteger(), nullable=False),
        sa.Column("control_revision", sa.BigInteger(), nullable=False),
        sa.Column("current_phase", sa.Text(), nullable=True),
        sa.Column("total_tool_calls", sa.BigInteger(), nullable=False),
        sa.Column("total_step_count", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_request_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_request_seq", sa.BigInteger(), nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('active', 'closing')) = (ended_at IS NULL)",
            name=op.f("replay_session_end_told"),
        ),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("replay_session_environment_known"),
        ),
        sa.CheckConstraint("mode IN ('enforce', 'shadow')", name=op.f("replay_session_mode_known")),
        sa.CheckConstraint(
            "status IN ('active', 'closing', 'completed', 'killed', 'compromised', 'expired')",
            name=op.f("replay_session_status_known"),
        ),
        sa.CheckConstraint(
            "tier IN ('monitor', 'protect', 'govern')", name=op.f("replay_session_tier_known")
        ),
        sa.CheckConstraint("fence >= 0 AND epoch >= 1", name=op.f("replay_session_fence_order")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "artifact_id"],
            ["placet.authority_artifact.tenant_id", "placet.authority_artifact.artifact_id"],
            name=op.f("replay_session_tenant_id_artifact_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "session_id", name=op.f("replay_session_pkey")),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "tenancy_api_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("tenancy_api_key_environment_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "actor_id"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("tenancy_api_key_tenant_id_actor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", name=op.f("tenancy_api_key_pkey")),
        schema="placet",
    )
    op.create_table(
        "tenancy_role_grant",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Uuid(), nullable=True),
        sa.Column("granted_by", sa.Uuid(), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('viewer', 'author', 'approver', 'operator', 'auditor', 'admin')",
            name=op.f("tenancy_role_grant_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "actor_id"],
            ["placet.tenancy_actor.tenant_id", "placet.tenancy_actor.actor_id"],
            name=op.f("tenancy_role_grant_tenant_id_actor_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "grant_id", name=op.f("tenancy_role_grant_pkey")),
        schema="placet",
    )
    op.create_table(
        "replay_prepared_request",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("prepared_request_id", sa.Uuid(), nullable=False),
        sa.Column("request_seq", sa.BigInteger(), nullable=False),
        sa.Column("state_version", sa.BigInteger(), nullable=False),
        sa.Column("control_epoch", sa.BigInteger(), nullable=False),
        sa.Column("control_revision", sa.BigInteger(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("prepared_request_json", postgresql.JSONB(), nullable=False),
        sa.Column("narrowing_json", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consumed_epoch", sa.BigInteger(), nullable=True),
        sa.Column("consumed_fence", sa.BigInteger(), nullable=True),
        sa.Column("consumed_holder", sa.Text(), nullable=True),
        sa.Column("decided_version", sa.BigInteger(), nullable=True),
        sa.Column("proposal_hash", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(consumed_at IS NULL) = (answer IS NULL)",
            name=op.f("replay_prepared_request_consumed_answered"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id"],
            ["placet.replay_session.tenant_id", "placet.replay_session.session_id"],
            name=op.f("replay_prepared_request_tenant_id_session_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id",
            "session_id",
            "prepared_request_id",
            name=op.f("replay_prepared_request_pkey"),
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "session_id",
            "request_seq",
            name=op.f("replay_prepared_request_tenant_id_session_id_request_seq_key"),
        ),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "replay_pending_call",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("prepared_request_id", sa.Uuid(), nullable=False),
        sa.Column("step_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("tool_call_id", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("arguments_hash", sa.LargeBinary(), nullable=False),
        sa.Column("arguments", sa.LargeBinary(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("layer", sa.BigInteger(), nullable=True),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("blocked_why", sa.Text(), nullable=True),
        sa.Column("effect_key", sa.LargeBinary(), nullable=True),
        sa.Column("commit_requirement", sa.Text(), nullable=False),
        sa.Column("start_required", sa.Boolean(), nullable=False),
        sa.Column("evidence_level", sa.Text(), nullable=False),
        sa.Column("execution_state", sa.Text(), nullable=False),
        sa.Column("commit_state", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grant_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("grant_epoch", sa.BigInteger(), nullable=True),
        sa.Column("grant_fence", sa.BigInteger(), nullable=True),
        sa.Column("grant_control_epoch", sa.BigInteger(), nullable=True),
        sa.Column("grant_control_revision", sa.BigInteger(), nullable=True),
        sa.Column("start_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(status IN ('granted', 'unknown', 'settled', 'abandoned')) = (granted_at IS NOT NULL)",
            name=op.f("replay_pending_call_granted_told"),
        ),
        sa.CheckConstraint(
            "\n(status IN ('blocked', 'held', 'awaiting_approval', 'denied', 'expired', 'cancelled', 'superseded',\n            'shadowed')\n    AND execution_state = 'not_started' AND commit_state = 'not_required')\nOR (status = 'granted'\n    AND execution_state IN ('not_started', 'started', 'succeeded', 'failed', 'unknown')\n    AND commit_state IN ('awaiting_evidence', 'not_required'))\nOR (status = 'unknown' AND execution_state = 'unknown'\n    AND commit_state IN ('awaiting_evidence', 'not_required'))\nOR (status = 'settled' AND execution_state = 'succeeded'\n    AND commit_state IN ('committed', 'not_required'))\nOR (status = 'settled' AND execution_state = 'failed'\n    AND commit_state IN ('refused', 'not_required'))\nOR (status = 'abandoned' AND execution_state = 'not_started'\n    AND commit_state IN ('refused', 'not_required'))\n",
            name=op.f("replay_pending_call_legal_triple"),
        ),
        sa.CheckConstraint(
            "blocked_why IN ('rule', 'response_refused', 'phase_conflict', 'race')",
            name=op.f("replay_pending_call_blocked_why_known"),
        ),
        sa.CheckConstraint(
            "commit_requirement IN ('acknowledged', 'none')",
            name=op.f("replay_pending_call_commit_requirement_known"),
        ),
        sa.CheckConstraint(
            "commit_state IN ('not_required', 'awaiting_evidence', 'committed', 'refused')",
            name=op.f("replay_pending_call_commit_state_known"),
        ),
        sa.CheckConstraint(
            "evidence_level IN ('none', 'model_claimed', 'client_reported', 'executor_attested', 'externally_verified')",
            name=op.f("replay_pending_call_evidence_level_known"),
        ),
        sa.CheckConstraint(
            "execution_state IN ('not_started', 'started', 'succeeded', 'failed', 'unknown')",
            name=op.f("replay_pending_call_execution_state_known"),
        ),
        sa.CheckConstraint(
            "status IN ('blocked', 'held', 'awaiting_approval', 'denied', 'expired', 'cancelled', 'superseded', 'granted', 'unknown', 'settled', 'abandoned', 'shadowed')",
            name=op.f("replay_pending_call_status_known"),
        ),
        sa.CheckConstraint(
            "verdict IN ('allow', 'deny', 'ask')", name=op.f("replay_pending_call_verdict_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "prepared_request_id"],
            [
                "placet.replay_prepared_request.tenant_id",
                "placet.replay_prepared_request.session_id",
                "placet.replay_prepared_request.prepared_request_id",
            ],
            name=op.f("replay_pending_call_tenant_id_session_id_prepared_request_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "call_id", name=op.f("replay_pending_call_pkey")
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "session_id",
            "prepared_request_id",
            "ordinal",
            name=op.f("replay_pending_call_tenant_id_session_id_prepared_request_id_ordinal_key"),
        ),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "replay_effect_key",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("effect_key", sa.LargeBinary(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "environment IN ('development', 'staging', 'production')",
            name=op.f("replay_effect_key_environment_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_effect_key_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "call_id", name=op.f("replay_effect_key_pkey")
        ),
        schema="placet",
    )
    op.create_index(
        "replay_effect_key_taken_ix",
        "replay_effect_key",
        ["tenant_id", "agent", "environment", "effect_key"],
        unique=True,
        schema="placet",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "replay_execution_receipt",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("pending_call_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("evidence_level", sa.Text(), nullable=False),
        sa.Column("arguments_hash", sa.LargeBinary(), nullable=False),
        sa.Column("output_hash", sa.LargeBinary(), nullable=True),
        sa.Column("output", sa.LargeBinary(), nullable=True),
        sa.Column("external_ref", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("conflicting", sa.Boolean(), nullable=False),
        sa.Column("reported_by", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "evidence_level IN ('none', 'model_claimed', 'client_reported', 'executor_attested', 'externally_verified')",
            name=op.f("replay_execution_receipt_evidence_level_known"),
        ),
        sa.CheckConstraint(
            "status IN ('succeeded', 'failed', 'timed_out', 'unknown')",
            name=op.f("replay_execution_receipt_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "pending_call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_execution_receipt_tenant_id_session_id_pending_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "receipt_id", name=op.f("replay_execution_receipt_pkey")
        ),
        sa.UniqueConstraint(
            "tenant_id",
            "session_id",
            "pending_call_id",
            "idempotency_key",
            name=op.f(
                "replay_execution_receipt_tenant_id_session_id_pending_call_id_idempotency_key_key"
            ),
        ),
        schema="placet",
    )
    op.create_table(
        "replay_settlement",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("settlement_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=True),
        sa.Column("evidence_level", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("settled_by", sa.Uuid(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "evidence_level IN ('none', 'model_claimed', 'client_reported', 'executor_attested', 'externally_verified')",
            name=op.f("replay_settlement_evidence_level_known"),
        ),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'failed', 'timed_out', 'unknown')",
            name=op.f("replay_settlement_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_settlement_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "settlement_id", name=op.f("replay_settlement_pkey")
        ),
        schema="placet",
    )

    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, [name for name in TABLES if name not in HIDDEN], UPDATES, DELETES)
    guards.hide(op, HIDDEN)


def downgrade() -> None:
    """Drop every table of this revision."""
    for name in reversed(TABLES):
        op.drop_table(name, schema="placet")
    guards.drop_foundations(op)
