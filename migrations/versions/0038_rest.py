"""What restores, erasures and the log still lacked, and every function anew."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from placet.storage import guards
from placet.storage.functions import make_all_anew, statements

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLES: list[str] = [
    "event_close",
    "audit_closed",
    "audit_pruned",
    "idempotency_stream",
    "studio_impact_session",
]
TENANT: list[str] = [
    "event_close",
    "audit_closed",
    "audit_pruned",
    "idempotency_stream",
    "studio_impact_session",
]
UPDATES: dict[str, list[str]] = {
    "authority_recovery": ["told_seq", "lost_ends"],
    "evidence_log": ["mark"],
    "audit_pruned": ["streams"],
}
DELETES: list[str] = ["audit_closed", "idempotency_stream", "studio_impact_session"]
SOURCES: list[tuple[str, str]] = [
    ("placet.evidence.log", "log_rows_v1"),
    ("placet.storage", "answer_named_v1"),
    ("placet.studio", "impact_named_v1"),
    ("placet.events", "folds_forget_v1"),
    ("placet.audit", "stream_closed_v1"),
]
FUNCTIONS: list[str] = [
    "log_taken_v1",
    "log_seals_v1",
    "log_rows_v1",
    "log_span_v1",
    "log_time_v1",
    "log_part_v1",
    "answer_named_v1",
    "impact_named_v1",
    "stream_held_v1",
    "folds_forget_v1",
    "stream_closed_v1",
    "stream_pruned_v1",
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
  AND e.stream_id = placet.tenant_stream_v1(r.tenant_id, 'authority')
"""
# Ends that the service itself repeats after a restore: it is no actor of a tenant.
ENDED_BY = {
    "authority_key_revocation": "authority_key_revocation_tenant_id_revoked_by_fkey",
    "authority_tool_host_revocation": "authority_tool_host_revocation_tenant_id_revoked_by_fkey",
    "authority_issuer_revocation": "authority_issuer_revocation_tenant_id_revoked_by_fkey",
}


# Of which bodies may be erased, in words of a column of two tables.
CLASSES = "stream_class IN ('session', 'workspace'"
CLASSED = ("audit_retention", "audit_subject_stream")

WATCHED = {
    ("answer_named", "idempotency_answer"): "AFTER INSERT OR UPDATE OF body ON {table}"
    " FOR EACH ROW WHEN (NEW.status <> 0) EXECUTE FUNCTION placet.answer_named_v1()",
    ("impact_named", "studio_impact"): "AFTER INSERT ON {table}"
    " FOR EACH ROW EXECUTE FUNCTION placet.impact_named_v1()",
    ("stream_closed", "replay_session_seal"): "AFTER INSERT ON {table}"
    " FOR EACH ROW EXECUTE FUNCTION placet.stream_closed_v1()",
    ("stream_closed", "replay_session"): "AFTER UPDATE OF next_seq ON {table}"
    " FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION placet.stream_closed_v1()",
    ("stream_closed", "event_close"): "AFTER INSERT ON {table}"
    " FOR EACH ROW EXECUTE FUNCTION placet.stream_closed_v1()",
}

# What has closed so far and has bodies, what has none left, and which streams answers name.
CLOSED_BEFORE = """
INSERT INTO placet.audit_closed (tenant_id, stream_id, stream_class, closed_at)
SELECT l.tenant_id, l.session_id, 'session', l.sealed_at
FROM placet.replay_session_seal AS l
WHERE EXISTS (
    SELECT FROM placet.event_body AS b
    WHERE b.tenant_id = l.tenant_id AND b.stream_id = l.session_id)
"""
PRUNED_BEFORE = """
INSERT INTO placet.audit_pruned (tenant_id, stream_class, streams)
SELECT l.tenant_id, 'session', count(*)
FROM placet.replay_session_seal AS l
WHERE NOT EXISTS (
    SELECT FROM placet.audit_closed AS c
    WHERE c.tenant_id = l.tenant_id AND c.stream_id = l.session_id)
GROUP BY l.tenant_id
"""
NAMED_BEFORE = """
INSERT INTO placet.idempotency_stream (tenant_id, stream_id, actor_id, route, key)
SELECT DISTINCT a.tenant_id, f.found[1]\\:\\:uuid, a.actor_id, a.route, a.key
FROM placet.idempotency_answer AS a
CROSS JOIN regexp_matches(
    encode(a.body, 'escape'),
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') AS f(found)
WHERE EXISTS (
    SELECT FROM placet.replay_session AS s
    WHERE s.tenant_id = a.tenant_id AND s.session_id = f.found[1]\\:\\:uuid)
OR EXISTS (
    SELECT FROM placet.event_stream AS t
    WHERE t.tenant_id = a.tenant_id AND t.stream_id = f.found[1]\\:\\:uuid
      AND t.kind IN ('run', 'workspace'))
"""
SHOWN_BEFORE = """
INSERT INTO placet.studio_impact_session (tenant_id, session_id, impact_id)
SELECT DISTINCT s.tenant_id, s.session_id, i.impact_id
FROM placet.studio_impact AS i
CROSS JOIN regexp_matches(
    encode(i.report_json, 'escape'),
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') AS f(found)
JOIN placet.replay_session AS s
    ON s.tenant_id = i.tenant_id AND s.session_id = f.found[1]\\:\\:uuid
"""
SWEPT_FROM_NOW = """
INSERT INTO placet.work_due (tenant_id, kind, ref, due_at)
SELECT DISTINCT a.tenant_id, 'sweep_answers', a.tenant_id, now() FROM placet.idempotency_answer AS a
"""
READ_BEFORE = [
    "replay_session_seal",
    "event_body",
    "idempotency_answer",
    "replay_session",
    "event_stream",
    "studio_impact",
]
"""Tables of which the owner reads every tenant's rows, once."""


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
    _erasure_triggers()


def downgrade() -> None:
    """Take away what was added. Functions of earlier revisions stay as they are."""
    for trigger, table in WATCHED:
        op.execute(f"DROP TRIGGER {trigger} ON placet.{table}")
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
    # The owner sees no tenant's rows while row-level security is forced.
    for name in ("authority_recovery", "event"):
        op.execute(f"ALTER TABLE placet.{name} NO FORCE ROW LEVEL SECURITY")
    op.execute(TOLD)
    for name in ("authority_recovery", "event"):
        op.execute(f"ALTER TABLE placet.{name} FORCE ROW LEVEL SECURITY")
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
    """Keep where runs end, which closed streams have bodies, and which streams answers name."""
    for table in CLASSED:
        name = f"{table}_stream_class_known"
        op.drop_constraint(op.f(name), table, type_="check", schema="placet")
        op.create_check_constraint(op.f(name), table, f"{CLASSES}, 'run')", schema="placet")
    _table(
        "event_close",
        ["tenant_id", "stream_id"],
        sa.ForeignKeyConstraint(
            ["tenant_id", "stream_id", "last_seq"],
            ["placet.event.tenant_id", "placet.event.stream_id", "placet.event.seq"],
            name=op.f("event_close_tenant_id_stream_id_last_seq_fkey"),
        ),
        columns={
            "tenant_id": sa.Uuid(),
            "stream_id": sa.Uuid(),
            "last_seq": sa.BigInteger(),
            "closed_at": sa.DateTime(timezone=True),
        },
    )
    _table(
        "audit_closed",
        ["tenant_id", "stream_id"],
        sa.CheckConstraint(f"{CLASSES}, 'run')", name=op.f("audit_closed_stream_class_known")),
        columns={
            "tenant_id": sa.Uuid(),
            "stream_id": sa.Uuid(),
            "stream_class": sa.Text(),
            "closed_at": sa.DateTime(timezone=True),
        },
    )
    _index("audit_closed", "tenant_id", "stream_class", "closed_at", "stream_id")
    _table(
        "audit_pruned",
        ["tenant_id", "stream_class"],
        sa.CheckConstraint(f"{CLASSES}, 'run')", name=op.f("audit_pruned_stream_class_known")),
        columns={
            "tenant_id": sa.Uuid(),
            "stream_class": sa.Text(),
            "streams": sa.BigInteger(),
        },
    )
    _beside("idempotency_stream", "idempotency_answer", ["actor_id", "route", "key"], "stream_id")
    _index("idempotency_answer", "tenant_id", "created_at")
    _beside("studio_impact_session", "studio_impact", ["impact_id"], "session_id")
    guards.forbid_change(op, ["event_close"])
    for statement in (CLOSED_BEFORE, PRUNED_BEFORE, NAMED_BEFORE, SHOWN_BEFORE, SWEPT_FROM_NOW):
        _for_every_tenant(statement)


def _beside(name: str, of: str, key: list[str], named: str) -> None:
    """Create notes of what a row of another table names; they go with that row."""
    columns = ["tenant_id", *key]
    _table(
        name,
        ["tenant_id", named, *key],
        sa.ForeignKeyConstraint(
            columns,
            [f"placet.{of}.{column}" for column in columns],
            name=op.f(f"{name}_{'_'.join(columns)}_fkey"),
            ondelete="CASCADE",
        ),
        columns={
            each: sa.Uuid() if each.endswith("_id") else sa.Text()
            for each in ("tenant_id", named, *key)
        },
    )
    _index(name, *columns)


def _table(
    name: str,
    key: list[str],
    *rules: sa.schema.SchemaItem,
    columns: dict[str, sa.types.TypeEngine[Any]],
) -> None:
    made = [sa.Column(column, kind, nullable=False) for column, kind in columns.items()]
    primary = sa.PrimaryKeyConstraint(*key, name=op.f(f"{name}_pkey"))
    op.create_table(name, *made, *rules, primary, schema="placet")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"{table}_{'_'.join(columns)}_ix", table, columns, schema="placet")


def _for_every_tenant(statement: str) -> None:
    for table in READ_BEFORE:
        op.execute(f"ALTER TABLE placet.{table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    for table in READ_BEFORE:
        op.execute(f"ALTER TABLE placet.{table} FORCE ROW LEVEL SECURITY")


def _erasure_triggers() -> None:
    """Have what closes, what is written late and what is answered noted."""
    for table in ("audit_closed", "audit_pruned", "idempotency_stream", "studio_impact_session"):
        op.execute(f"REVOKE INSERT ON placet.{table} FROM placet_app")
    for (trigger, table), told in WATCHED.items():
        op.execute(f"CREATE TRIGGER {trigger} {told.format(table=f'placet.{table}')}")


def _no_erasures() -> None:
    """Take away what erasures need. A policy of runs, or an erasure in one, stands in the way."""
    op.drop_index(
        "idempotency_answer_tenant_id_created_at_ix", "idempotency_answer", schema="placet"
    )
    for name in (
        "studio_impact_session",
        "idempotency_stream",
        "audit_pruned",
        "audit_closed",
        "event_close",
    ):
        op.drop_table(name, schema="placet")
    for table in CLASSED:
        name = f"{table}_stream_class_known"
        op.drop_constraint(op.f(name), table, type_="check", schema="placet")
        op.create_check_constraint(op.f(name), table, f"{CLASSES})", schema="placet")


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
