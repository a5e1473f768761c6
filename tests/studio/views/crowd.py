"""Many workspaces beside one: rows copied from a desk that really works, and marked `crowd-N`.

The copies are made by the admin without triggers and foreign keys, and hold together by their ids:
kind, workspace and number stand in each. They are for reading only.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

_ID: Final = """
CREATE FUNCTION pg_temp.u(kind int, w bigint, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT ('02' || lpad(to_hex(kind), 2, '0') || lpad(to_hex(w), 12, '0') || '7'
            || lpad(to_hex(n), 15, '0'))::uuid
$$
"""
_GIVEN: Final = """
CREATE TEMPORARY TABLE given AS SELECT w, n FROM generate_series($1::bigint, $2::bigint) w,
    generate_series(1, $3::bigint) n
"""

# Of each table: which rows are copied (once a workspace, or for each number), and what is new.
_ONCE: Final = {
    "studio_workspace": "workspace_id = $2 | workspace_id=u(1,w,0), agent='crowd-'||w,"
    " active_draft_id=u(2,w,0), active_draft_snapshot_id=u(3,w,$3), active_approval_id=u(5,w,$3)",
    "studio_draft": "workspace_id = $2 | draft_id=u(2,w,0), workspace_id=u(1,w,0), status='open',"
    " approval_id=null, active_snapshot_id=u(3,w,$3), current_version=$3",
    "plans_plan": "agent = 'refund-desk' | plan_id=u(10,w,0), agent='crowd-'||w,"
    " artifact_id=u(6,w,$3), approval_id=u(5,w,$3)",
    "plans_attachment": "agent = 'refund-desk' | agent='crowd-'||w",
    "plans_inventory_tool": "agent = 'refund-desk' | agent='crowd-'||w",
    "studio_rule_evidence": "workspace_id = $2 | approval_id=u(5,w,$3), workspace_id=u(1,w,0)",
    "studio_workspace_approver": "workspace_id = $2 | workspace_id=u(1,w,0)",
    "studio_workspace_key": "workspace_id = $2 | workspace_id=u(1,w,0)",
    "tenancy_role_grant": "workspace_id = $2 | grant_id=u(11,w,0), workspace_id=u(1,w,0)",
    "replay_session": "agent = 'refund-desk' | session_id=u(12,w,0), agent='crowd-'||w,"
    " artifact_id=u(6,w,$3)",
    "replay_pending_call": "session_id IN (SELECT session_id FROM placet.replay_session"
    " WHERE agent = 'refund-desk') | session_id=u(12,w,0)",
    "studio_command": "draft_id IN (SELECT draft_id FROM placet.studio_draft"
    " WHERE workspace_id = $2) | draft_id=u(2,w,0), command_id=u(14,w,(s.t).version)",
}
_EACH: Final = {
    "studio_snapshot": "workspace_id = $2 | snapshot_id=u(3,w,n), workspace_id=u(1,w,0),"
    " draft_id=u(2,w,0), version=n",
    "studio_approval_request": "workspace_id = $2 | request_id=u(4,w,n), workspace_id=u(1,w,0),"
    " snapshot_id=u(3,w,n), status=(CASE WHEN n = $3 THEN 'open' ELSE 'granted' END)",
    "studio_approval": "workspace_id = $2 | approval_id=u(5,w,n), workspace_id=u(1,w,0),"
    " draft_snapshot_id=u(3,w,n), request_id=u(4,w,n), artifact_id=u(6,w,n), approval_version=n",
    "authority_artifact": "true | artifact_id=u(6,w,n), approval_id=u(5,w,n)",
    "studio_approval_vote": "true | request_id=u(4,w,n), vote_id=u(7,w,n)",
    "studio_drift_item": "workspace_id = $2 | item_id=u(8,w,n), workspace_id=u(1,w,0),"
    " approval_id=u(5,w,$3), fingerprint=lpad(to_hex(n),64,'0'),"
    " status=(CASE WHEN n % 2 = 0 THEN 'open' ELSE 'resolved' END)",
    "studio_drift_receipt": "workspace_id = $2 | receipt_id=u(9,w,n), workspace_id=u(1,w,0),"
    " approval_id=u(5,w,$3), window_from=(s.t).window_from - make_interval(hours => n::int)",
    "studio_source": "workspace_id = $2 | source_id=u(13,w,n), workspace_id=u(1,w,0),"
    " content_hash=lpad(to_hex(n),64,'0')",
}


@dataclass(frozen=True)
class Crowd:
    """The ids of one copied workspace, for asking."""

    workspace_id: UUID
    request_id: UUID
    item_id: UUID
    agent: str


async def crowd(admin_url: str, desk: UUID, workspaces: range, snapshots: int) -> Crowd:
    """Copy a desk's workspace once for each number, with so many snapshots, and return the last."""
    connection = await asyncpg.connect(admin_url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(_ID)
            await connection.execute(_GIVEN, workspaces[0], workspaces[-1], snapshots)
            tenant = await connection.fetchval(
                "SELECT tenant_id FROM placet.studio_workspace WHERE workspace_id = $1", desk
            )
            for many, tables in ((False, _ONCE), (True, _EACH)):
                for name, told in tables.items():
                    await connection.execute(
                        _copying(name, told, snapshots, many=many), tenant, desk
                    )
            await connection.execute("DROP TABLE given")
            await connection.execute("DROP FUNCTION pg_temp.u")
        await connection.execute("VACUUM ANALYZE")
        last = workspaces[-1]
        return Crowd(
            workspace_id=_uuid(1, last, 0),
            request_id=_uuid(4, last, snapshots),
            item_id=_uuid(8, last, 2),
            agent=f"crowd-{last}",
        )
    finally:
        await connection.close()


def _uuid(kind: int, workspace: int, number: int) -> UUID:
    return UUID(f"02{kind:02x}{workspace:012x}7{number:015x}")


def _copying(name: str, told: str, snapshots: int, *, many: bool) -> str:
    where, _, changes = told.replace("$3", str(snapshots)).partition(" | ")
    pairs = [change.strip().split("=", 1) for change in _split(changes)]
    new = ", ".join(f"'{column}', {_to(value)}" for column, value in pairs)
    given = "given" if many else "(SELECT DISTINCT w FROM given)"
    limit = " LIMIT 1" if many else ""
    return (
        f"INSERT INTO placet.{name} SELECT r.*"  # noqa: S608 -- names of ours
        f" FROM (SELECT t FROM placet.{name} t WHERE tenant_id = $1 AND ({where})"
        f" AND ($2::uuid IS NOT NULL){limit}) s CROSS JOIN {given} g"
        f" CROSS JOIN LATERAL jsonb_populate_record(s.t, jsonb_build_object({new})) r"
    )


def _to(value: str) -> str:
    return value.replace("u(", "pg_temp.u(")


def _split(changes: str) -> list[str]:
    """Return the changes, which commas inside brackets do not part."""
    parts, depth, begin = [], 0, 0
    for at, letter in enumerate(changes):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(changes[begin:at])
            begin = at + 1
    return [*parts, changes[begin:]]
