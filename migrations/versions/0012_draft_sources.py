"""What a draft stands on: its sources, the answers to judgments, and inferred rules."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CHECK = "studio_command_command_type_known"
BEFORE = [
    "set_session",
    "set_tool_contract",
    "remove_tool_contract",
    "import_contract",
    "comment",
    "resolve_comment",
    "reopen_comment",
    "set_phase",
    "remove_phase",
    "set_transition",
    "remove_transition",
    "set_limits",
    "remove_limit",
    "set_binding",
    "remove_binding",
    "set_aggregate",
    "remove_aggregate",
    "set_envelope",
    "remove_envelope",
    "set_principal_rule",
    "remove_principal_rule",
    "set_label_rule",
    "remove_label_rule",
    "set_risk_default",
    "remove_risk_default",
    "set_gate",
    "set_unmatched_tools",
    "import_artifact",
    "restore_version",
    "restore_snapshot",
    "rebase",
]
LISTS = {
    "studio_draft": "draft_id",
    "studio_snapshot": "snapshot_id",
}
AFTER = [
    *BEFORE,
    "add_source",
    "retire_source",
    "resolve_judgment",
    "reopen_judgment",
    "accept_inferred_rule",
    "reject_inferred_rule",
]


def upgrade() -> None:
    """Let a command be of any of these types, and a snapshot hold sources and judgments."""
    _allow(AFTER)
    for column in ("sources", "judgments"):
        op.execute(
            f"ALTER TABLE placet.studio_snapshot ADD COLUMN {column} jsonb NOT NULL DEFAULT '[]'"
        )
        op.execute(f"ALTER TABLE placet.studio_snapshot ALTER COLUMN {column} DROP DEFAULT")
    for table, key in LISTS.items():
        op.create_index(
            f"{table}_list_ix", table, ["tenant_id", "workspace_id", key], schema="placet"
        )


def downgrade() -> None:
    """Allow the earlier types only. Refused by the database where there are commands of others."""
    for table in LISTS:
        op.drop_index(f"{table}_list_ix", table, schema="placet")
    for column in ("sources", "judgments"):
        op.execute(f"ALTER TABLE placet.studio_snapshot DROP COLUMN {column}")
    _allow(BEFORE)


def _allow(types: list[str]) -> None:
    known = ", ".join(f"'{name}'" for name in types)
    op.execute(f"ALTER TABLE placet.studio_command DROP CONSTRAINT {CHECK}")
    op.execute(
        f"ALTER TABLE placet.studio_command ADD CONSTRAINT {CHECK}"
        f" CHECK (command_type IN ({known}))"
    )
