"""Commands on single rules, comments that are settled, and contracts brought from elsewhere."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CHECK = "studio_command_command_type_known"
BEFORE = [
    "set_session",
    "set_tool_contract",
    "remove_tool_contract",
    "import_contract",
    "comment",
]
AFTER = [
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


def upgrade() -> None:
    """Let a command be of any of these types, and a rebase say what a draft stems from."""
    _allow(AFTER)
    op.execute("GRANT UPDATE (derived_from_approval_id) ON placet.studio_draft TO placet_app")


def downgrade() -> None:
    """Allow the first types only. Refused by the database where there are commands of others."""
    op.execute("REVOKE UPDATE (derived_from_approval_id) ON placet.studio_draft FROM placet_app")
    _allow(BEFORE)


def _allow(types: list[str]) -> None:
    known = ", ".join(f"'{name}'" for name in types)
    op.execute(f"ALTER TABLE placet.studio_command DROP CONSTRAINT {CHECK}")
    op.execute(
        f"ALTER TABLE placet.studio_command ADD CONSTRAINT {CHECK}"
        f" CHECK (command_type IN ({known}))"
    )
