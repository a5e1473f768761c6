"""What a session's facts need beside its state."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards
from placet.storage.functions import statements

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLES = ["replay_amount", "replay_kept"]
TENANT = ["replay_amount", "replay_kept"]
APPEND_ONLY = ["replay_kept"]
UPDATES: dict[str, list[str]] = {"replay_amount": ["committed_at", "released_at"]}
DELETES: list[str] = []
COLUMNS: dict[str, dict[str, tuple[sa.types.TypeEngine[Any], str | None]]] = {
    "replay_session": {
        "labels": (postgresql.JSONB(), "'{}'"),
        "filtered": (postgresql.JSONB(), "'[]'"),
        "waiting_since": (sa.DateTime(timezone=True), None),
        "waited_us": (sa.BigInteger(), "0"),
        "compromised_at": (sa.DateTime(timezone=True), None),
        "stopped_by_call": (sa.Uuid(), None),
    },
    "replay_pending_call": {
        "counts": (sa.Boolean(), "false"),
        "phase_at_grant": (sa.Text(), None),
        "cost_micros": (sa.BigInteger(), None),
    },
}
BEFORE = """
(status IN ('blocked', 'held', 'awaiting_approval', 'denied', 'expired', 'cancelled', 'superseded',
            'shadowed')
    AND execution_state = 'not_started' AND commit_state = 'not_required')
"""
AFTER = """
(status IN ('blocked', 'held', 'awaiting_approval', 'denied', 'expired', 'cancelled', 'superseded')
    AND execution_state = 'not_started' AND commit_state = 'not_required')
OR (status = 'shadowed' AND execution_state <> 'started')
"""
ALWAYS = """
OR (status = 'granted'
    AND execution_state IN ('not_started', 'started', 'succeeded', 'failed', 'unknown')
    AND commit_state IN ('awaiting_evidence', 'not_required'))
OR (status = 'unknown' AND execution_state = 'unknown'
    AND commit_state IN ('awaiting_evidence', 'not_required'))
OR (status = 'settled' AND execution_state = 'succeeded'
    AND commit_state IN ('committed', 'not_required'))
OR (status = 'settled' AND execution_state = 'failed'
    AND commit_state IN ('refused', 'not_required'))
OR (status = 'abandoned' AND execution_state = 'not_started'
    AND commit_state IN ('refused', 'not_required'))
"""
SOURCES = [("placet.replay", "session_leave_v1")]
FUNCTIONS = [
    "session_asks_end_v1(placet.replay_session, timestamptz)",
    "session_waits_v1(placet.replay_session, timestamptz)",
    "session_finish_v1(placet.replay_session, text, text, uuid, timestamptz)",
    "session_leave_v1(placet.replay_session, jsonb, timestamptz)",
]


def upgrade() -> None:
    """Add what sessions and calls remember, and the rows that commits leave."""
    for table, columns in COLUMNS.items():
        for name, (kind, default) in columns.items():
            made = sa.Column(
                name, kind, nullable=default is None, server_default=default and sa.text(default)
            )
            op.add_column(table, made, schema="placet")
            if default is not None:
                op.execute(f"ALTER TABLE placet.{table} ALTER COLUMN {name} DROP DEFAULT")
        op.execute(f"GRANT UPDATE ({', '.join(columns)}) ON placet.{table} TO placet_app")
    cost = sa.Column("cost_micros", sa.BigInteger(), nullable=True)
    op.add_column("replay_execution_receipt", cost, schema="placet")
    _allow(AFTER)
    _create_tables()
    _take_over_open_sessions()
    guards.force_tenancy(op, TENANT)
    guards.forbid_change(op, APPEND_ONLY)
    guards.grant_app(op, TABLES, UPDATES, DELETES)
    for package, name in SOURCES:
        for statement in statements(package, name):
            op.execute(statement.replace(":", "\\:"))


OPEN = """
SELECT s.tenant_id, s.session_id, s.state, (
    SELECT count(DISTINCT c.prepared_request_id) FROM placet.replay_pending_call AS c
    WHERE c.tenant_id = s.tenant_id AND c.session_id = s.session_id AND c.counts) AS steps
FROM placet.replay_session AS s WHERE s.status IN ('active', 'closing')
"""
COUNT = """
UPDATE placet.replay_pending_call AS c SET counts = true, phase_at_grant = s.current_phase
FROM placet.replay_session AS s
WHERE s.tenant_id = c.tenant_id AND s.session_id = c.session_id
  AND (c.status IN ('granted', 'unknown')
       OR (c.status = 'settled' AND c.execution_state = 'succeeded'))
"""
KEEP = """
INSERT INTO placet.replay_kept (
    tenant_id, session_id, kind, name, number, call_id, value, kept_at)
SELECT c.tenant_id, c.session_id, 'memory', c.tool_name, :number, c.call_id, :value,
       coalesce(c.committed_at, c.proposed_at)
FROM placet.replay_pending_call AS c
WHERE c.tenant_id = :tenant AND c.session_id = :session AND c.call_id = CAST(:call AS uuid)
"""
STATE = """
UPDATE placet.replay_session SET state = :state
WHERE tenant_id = :tenant AND session_id = :session
"""


def _take_over_open_sessions() -> None:
    """Let calls count as they did, and move what commits left from the state into rows.

    In which phase a call was granted is not known any more; it is taken for the present one.
    """
    read = ("replay_session", "replay_pending_call")
    for name in read:  # the owner reads every tenant's rows for these statements
        op.execute(f"ALTER TABLE placet.{name} NO FORCE ROW LEVEL SECURITY")
    op.execute(COUNT)
    bind = op.get_bind()
    for row in bind.execute(sa.text(OPEN)).all():
        place = {"tenant": row.tenant_id, "session": row.session_id}
        before = json.loads(row.state)
        state = {key: before[key] for key in ("phase", "counted") if before[key] != {}}
        number = 0
        for tool, memories in sorted(before["committed"].items()):
            for memory in memories:
                number += 1
                kept = {"number": number, "value": _canonical(memory), "call": memory["call_id"]}
                bind.execute(sa.text(KEEP), place | kept)
            state["remembered"] = {**state.get("remembered", {}), tool: number}
        state |= {"commits": number} if number else {}
        state |= {"steps": row.steps} if row.steps else {}
        bind.execute(sa.text(STATE), place | {"state": _canonical(state)})
    for name in read:
        op.execute(f"ALTER TABLE placet.{name} FORCE ROW LEVEL SECURITY")


def _canonical(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def downgrade() -> None:
    """Drop it all. Refused by the database where a session that only records has outcomes."""
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION placet.{signature}")
    for name in TABLES:
        op.drop_table(name, schema="placet")
    op.drop_column("replay_execution_receipt", "cost_micros", schema="placet")
    _allow(BEFORE)
    for table, columns in COLUMNS.items():
        for name in reversed(columns):
            op.drop_column(table, name, schema="placet")


def _allow(triples: str) -> None:
    name = "replay_pending_call_legal_triple"
    op.execute(f"ALTER TABLE placet.replay_pending_call DROP CONSTRAINT {name}")
    op.execute(
        f"ALTER TABLE placet.replay_pending_call ADD CONSTRAINT {name} CHECK ({triples + ALWAYS})"
    )


def _create_tables() -> None:
    op.create_table(
        "replay_amount",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_amount_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "call_id", "name", name=op.f("replay_amount_pkey")
        ),
        schema="placet",
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "replay_kept",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('memory', 'slot', 'first')", name=op.f("replay_kept_kind_known")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "session_id", "call_id"],
            [
                "placet.replay_pending_call.tenant_id",
                "placet.replay_pending_call.session_id",
                "placet.replay_pending_call.call_id",
            ],
            name=op.f("replay_kept_tenant_id_session_id_call_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "session_id", "kind", "name", "number", name=op.f("replay_kept_pkey")
        ),
        schema="placet",
    )
