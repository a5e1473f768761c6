"""What was written into the tables of evidence stays as it was, whoever tries."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.conftest import Server
from tests.storage import catalog
from tests.storage.catalog import TENANT_A

from placet.schema import METADATA

# Every table, classified by hand: a new one fails until somebody has decided what it is.
NEVER_CHANGED = {
    "audit_erasure",
    "audit_export",
    "audit_export_stream",
    "authority_artifact",
    "authority_checkpoint",
    "authority_issuer",
    "authority_issuer_revocation",
    "authority_key_revocation",
    "authority_person_key",
    "authority_server_key",
    "authority_server_key_end",
    "authority_server_key_end_told",
    "authority_server_key_rotation",
    "authority_tool_host",
    "authority_tool_host_revocation",
    "event",
    "event_artifact",
    "event_artifact_link",
    "event_close",
    "event_body",
    "evidence_log_entry",
    "event_fork",
    "event_place",
    "replay_ask_edit",
    "replay_ask_vote",
    "replay_assertion",
    "replay_claim",
    "replay_execution_receipt",
    "replay_kept",
    "replay_orphan_receipt",
    "replay_session_seal",
    "replay_settlement",
    "replay_standing_use",
    "studio_approval",
    "studio_approval_vote",
    "studio_command",
    "studio_drift_receipt",
    "studio_ending",
    "studio_ending_warning",
    "studio_enrolment",
    "studio_enrolment_challenge",
    "studio_enrolment_confirmation",
    "studio_impact",
    "studio_inferred_rule",
    "studio_rule_evidence_source",
    "studio_snapshot",
    "studio_source",
    "studio_workspace_approver",
    "studio_workspace_key",
    "studio_workspace_member",
    "studio_workspace_removal",
    "tenancy_role_grant",
    "tenancy_tenant",
}
CHANGED = {
    "audit_event": "derived, and made anew",
    "audit_progress": "moves on with the log",
    "audit_term": "derived, and made anew",
    "audit_closed": "a note, which goes with the last body",
    "audit_pruned": "a count",
    "audit_retention": "a policy is set anew",
    "audit_subject_request": "is carried out, and emptied at its end",
    "audit_subject_stream": "is due, and erased",
    "api_key_lookup": "reached by functions only",
    "authority_control": "a control is lifted",
    "authority_control_gate": "counts the tenant's controls",
    "authority_lift": "another agrees, once",
    "authority_recovery": "is closed, once",
    "event_fold_checkpoint": "a cache, thinned as it grows",
    "event_log_pending": "a queue",
    "event_seal_pending": "a queue",
    "evidence_log": "the head of a log moves on",
    "evidence_log_tile": "a cache that is filled up",
    "event_stream": "the head of a stream moves on",
    "idempotency_answer": "a claim gets its answer, and is forgotten after days",
    "idempotency_stream": "goes with the answer that it stands beside",
    "plans_attachment": "the last report of an instance takes the place of the one before",
    "plans_inventory_tool": "is seen again, and forgotten beyond a bound",
    "plans_plan": "a plan moves through its states",
    "replay_allowance": "sums up what sessions take",
    "replay_amount": "an amount is committed or released",
    "replay_ask": "an ask is answered, once",
    "replay_effect_key": "an effect key is released",
    "replay_pending_call": "a call moves through its states",
    "replay_prepared_request": "is consumed, once",
    "replay_session": "lease, state and head move",
    "replay_session_snapshot": "a cache, thinned as it grows",
    "replay_slice": "is used, called back and given back",
    "replay_standing_grant": "is used, and revoked once",
    "replay_tally_mark": "is committed, and taken away when its call counts no more",
    "replay_wide_amount": "is committed or released",
    "storage_epoch": "is raised after a restore, by the migrator",
    "studio_approval_request": "is decided, once",
    "studio_draft": "commands move it on",
    "studio_break_glass": "is confirmed, and ends once",
    "studio_drift_item": "counts up, and is decided about",
    "studio_rule_evidence": "counts up",
    "studio_impact_session": "goes with the preview that it stands beside",
    "studio_shadow": "ends, once",
    "studio_shadow_cursor": "moves on with what was counted",
    "studio_shadow_tally": "counts calls",
    "studio_workspace": "its pointers move",
    "tenancy_actor": "is disabled",
    "tenancy_api_key": "is revoked",
    "webhooks_delivery": "is claimed, tried and settled",
    "webhooks_endpoint": "its status and its secret change",
    "work_due": "a queue",
}

# Of these rows an erasure that was written down takes one away, or blanks what it names. Nothing
# else does: none is written down here, and so all of them stay whoever tries.
ERASED = {
    "event_artifact": "artifact_change_v1()",
    "event_artifact_link": "body_change_v1()",
    "event_body": "body_change_v1()",
    "replay_ask_edit": "copy_change_v1('reason')",
    "replay_claim": "copy_change_v1('answer')",
    "replay_execution_receipt": "copy_change_v1('output', 'output_hash', 'external_ref', 'error',"
    " 'fingerprint', 'idempotency_key')",
    "replay_kept": "kept_change_v1()",
    "replay_settlement": "copy_change_v1('reason')",
    "studio_impact": "impact_change_v1()",
}

# Triggers that look at each new row, and whether replica mode runs them too: what such a row leads
# to is copied there with it.
INSERTS = {
    ("placet.event_artifact_link", "after_erasure"): False,
    ("placet.event_close", "stream_closed"): False,
    ("placet.event_fold_checkpoint", "after_erasure"): False,
    ("placet.event", "event_follows"): True,
    ("placet.event", "outbox_put"): False,
    ("placet.idempotency_answer", "answer_named"): False,
    ("placet.plans_plan", "plan_changed"): False,
    ("placet.replay_session_seal", "stream_closed"): False,
    ("placet.replay_session_snapshot", "snapshot_kept"): False,
    ("placet.studio_impact", "impact_named"): False,
    ("placet.tenancy_tenant", "log_begin"): False,
}

# Triggers that write beside a change of a row that may be changed.
FOLLOWED = {
    ("placet.evidence_log", "audit_due"),
    ("placet.replay_session", "session_seal"),
    ("placet.replay_session", "stream_closed"),
}

# Who tries, after which statements; the last of them is a superuser, whom no grant stops.
ROLES = {
    "app": ("placet_app", (f"SET placet.tenant = '{TENANT_A}'",)),
    "auditor": ("placet_auditor", (f"SET placet.tenant = '{TENANT_A}'",)),
    "auditor who would write": (
        "placet_auditor",
        (f"SET placet.tenant = '{TENANT_A}'", "SET default_transaction_read_only = off"),
    ),
    "migrator": ("placet_migrator", ()),
    "superuser": ("postgres", ()),
}

OF_NO_TENANT = {
    "authority_server_key": "public_key",
    "authority_server_key_end": "reason",
    "authority_server_key_rotation": "by_old",
}
"""What can be told of a row where no tenant can."""

CONTENT = {
    "update": "UPDATE placet.{table} SET {column} = {column}",
    "delete": "DELETE FROM placet.{table}",
    "truncate": "TRUNCATE placet.{table} CASCADE",
    "upsert": "{insert} ON CONFLICT ON CONSTRAINT {table}_pkey"
    " DO UPDATE SET {column} = excluded.{column}",
    "merge": "MERGE INTO placet.{table} AS t USING placet.{table} AS s ON t.{column} = s.{column}"
    " WHEN MATCHED THEN UPDATE SET {column} = s.{column}",
    "select for update": "WITH held AS (SELECT * FROM placet.{table} FOR UPDATE)"
    " UPDATE placet.{table} SET {column} = {column}",
}
SHAPE = {
    "alter": "ALTER TABLE placet.{table} ALTER COLUMN {column} SET DEFAULT NULL",
    "disable trigger": "ALTER TABLE placet.{table} DISABLE TRIGGER ALL",
    "disable policy": "ALTER TABLE placet.{table} NO FORCE ROW LEVEL SECURITY",
    "drop trigger": "DROP TRIGGER append_only ON placet.{table}",
    "rewrite the trigger": "CREATE OR REPLACE TRIGGER append_only AFTER DELETE ON placet.{table}"
    " FOR EACH ROW EXECUTE FUNCTION placet.refuse_change()",
    "drop table": "DROP TABLE placet.{table} CASCADE",
    "rename": "ALTER TABLE placet.{table} RENAME TO elsewhere",
    "rule": "CREATE RULE nothing AS ON INSERT TO placet.{table} DO INSTEAD NOTHING",
}


@pytest.fixture(params=list(ROLES))
async def role(
    request: pytest.FixtureRequest, server: Server, peopled: str
) -> "AsyncIterator[asyncpg.Connection[Any]]":
    name, prelude = ROLES[request.param]
    url = server.admin(peopled) if name == "postgres" else server.url(name, peopled)
    connection = await asyncpg.connect(url)
    for statement in prelude:
        await connection.execute(statement)
    yield connection
    await connection.close()


async def outcome(
    connection: "asyncpg.Connection[Any]", form: str, table: str, *before: str
) -> str | None:
    """Try one statement, and take it back. Returns the refusal's SQLSTATE, or None."""
    statement = form.format(
        table=table,
        column=OF_NO_TENANT.get(table, "tenant_id"),
        insert=await catalog.row_for(connection, table, TENANT_A) if "{insert}" in form else "",
    )
    transaction = connection.transaction()
    await transaction.start()
    try:
        for first in before:
            await connection.execute(first)
        await connection.execute(statement)
    except asyncpg.PostgresError as refused:
        return str(refused.sqlstate)
    finally:
        await transaction.rollback()
    return None


async def test_every_table_is_classified_and_declared_so(admin: "asyncpg.Connection[Any]") -> None:
    declared = {
        table.name
        for table in METADATA.sorted_tables
        if not table.info["updates"] and not table.info["deletes"] and table.info["app_reads"]
    }
    assert sorted([*NEVER_CHANGED, *CHANGED]) == await catalog.tables(admin)
    assert declared == NEVER_CHANGED


async def test_what_is_inserted_is_looked_at_where_an_order_must_hold(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        "SELECT tgrelid::regclass::text AS relation, tgname, tgenabled = 'A' AS always"
        " FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 4 <> 0"
    )
    assert {(row["relation"], row["tgname"]): row["always"] for row in rows} == INSERTS


async def test_only_the_end_of_a_session_is_followed_by_something(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        "SELECT tgrelid::regclass::text AS relation, tgname FROM pg_trigger"
        " WHERE NOT tgisinternal AND tgtype & 4 = 0 AND tgname NOT LIKE 'append_only%'"
    )
    assert {(row["relation"], row["tgname"]) for row in rows} == FOLLOWED


async def test_every_such_table_has_triggers_that_replica_mode_does_not_skip(
    admin: "asyncpg.Connection[Any]",
) -> None:
    rows = await admin.fetch(
        """
        SELECT c.relname, array_agg(pg_get_triggerdef(t.oid) ORDER BY t.tgname) AS told,
               bool_and(t.tgenabled = 'A') AS always
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'placet'::regnamespace AND NOT t.tgisinternal
          AND t.tgtype & 4 = 0 AND t.tgname <> ALL ($1)
        GROUP BY c.relname
        """,
        [name for _, name in FOLLOWED],
    )
    assert {row["relname"] for row in rows if row["always"]} == NEVER_CHANGED
    for row in rows:
        table = f"placet.{row['relname']}"
        refuses = ERASED.get(row["relname"], "refuse_change()")
        row_refuses = f"FOR EACH ROW EXECUTE FUNCTION placet.{refuses}"
        all_refuses = "FOR EACH STATEMENT EXECUTE FUNCTION placet.refuse_change()"
        assert row["told"] == [
            f"CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON {table} {row_refuses}",
            f"CREATE TRIGGER append_only_all BEFORE TRUNCATE ON {table} {all_refuses}",
        ]


@pytest.mark.parametrize("way", CONTENT)
async def test_no_role_can_change_a_row(role: "asyncpg.Connection[Any]", way: str) -> None:
    for table in sorted(NEVER_CHANGED):
        assert await outcome(role, CONTENT[way], table) in {"42501", "25006"}, table


@pytest.mark.parametrize("way", CONTENT)
async def test_replica_mode_opens_nothing(role: "asyncpg.Connection[Any]", way: str) -> None:
    mode = "SET LOCAL session_replication_role = replica"
    for table in sorted(NEVER_CHANGED):
        assert await outcome(role, CONTENT[way], table, mode) in {"42501", "25006"}, table


@pytest.mark.parametrize("way", SHAPE)
async def test_no_role_of_ours_can_take_the_guards_away(
    role: "asyncpg.Connection[Any]", way: str
) -> None:
    is_superuser = await role.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = session_user")
    for table in sorted(NEVER_CHANGED):
        # A superuser can; what that leaves behind is for the chain of hashes to show.
        wanted = {None} if is_superuser else {"42501", "25006"}
        assert await outcome(role, SHAPE[way], table) in wanted, table


async def test_the_owner_finds_no_row_to_change_and_may_not_empty_a_table(
    server: Server, peopled: str
) -> None:
    connection = await asyncpg.connect(server.url("placet_migrator", peopled))
    await connection.execute("SET ROLE placet_owner")
    for table in sorted(NEVER_CHANGED - OF_NO_TENANT.keys()):
        assert await connection.execute(f"DELETE FROM placet.{table}") == "DELETE 0", table  # noqa: S608 -- named above
    for table in sorted(NEVER_CHANGED):
        assert await outcome(connection, CONTENT["truncate"], table) == "42501", table
    await connection.close()


async def test_copying_rows_in_changes_none_that_is_there(
    role: "asyncpg.Connection[Any]",
) -> None:
    for table in sorted(NEVER_CHANGED):
        columns = (await catalog.columns(role))[table]
        values = await role.fetchrow(
            "SELECT "
            + ", ".join(
                catalog.OTHERWISE.get((table, name), catalog.ANYTHING[kind])
                for name, kind, _, _ in columns
            )
        )
        told = [
            TENANT_A if column[0] == "tenant_id" else value
            for column, value in zip(columns, values or (), strict=True)
        ]
        transaction = role.transaction()
        await transaction.start()
        # Row-level security, a missing grant, or the row that is there already.
        with pytest.raises(
            (
                asyncpg.FeatureNotSupportedError,
                asyncpg.InsufficientPrivilegeError,
                asyncpg.ReadOnlySQLTransactionError,
                asyncpg.UniqueViolationError,
            )
        ):
            await role.copy_records_to_table(table, schema_name="placet", records=[told])
        await transaction.rollback()
