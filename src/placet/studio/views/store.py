"""The parts of statements that several views are made of, and how one is asked.

A view is one statement: it begins with `PLACE` (the workspace and the moment), names in `aim` the
snapshot and the approval that it speaks of, goes on with `BASIS`, and ends with one JSON object.
"""

from typing import Final, TypeVar

import msgspec
import sqlalchemy as sa

from placet.kernel.value import Value
from placet.storage.database import Reading

F = TypeVar("F", bound=Value)

PLACE: Final = """
WITH place AS (
    SELECT w.tenant_id, w.workspace_id, w.agent, w.environment, w.active_draft_id,
           w.active_draft_snapshot_id, w.active_approval_id, to_json(w) AS workspace,
           clock_timestamp() AS as_of
      FROM placet.studio_workspace w
     WHERE w.tenant_id = :tenant AND w.workspace_id = :workspace
)
"""
"""The workspace that is asked about. Without it the statement has no row."""

AIM: Final = """
, aim AS MATERIALIZED (
    SELECT a.approval_id, coalesce(
               a.draft_snapshot_id,
               CASE WHEN :wanted <> 'approved' THEN p.active_draft_snapshot_id END
           ) AS snapshot_id
      FROM place p
      LEFT JOIN placet.studio_approval a
        ON a.tenant_id = :tenant AND a.approval_id = p.active_approval_id
       AND :wanted <> 'draft'
)
"""
"""What is in force, or else the snapshot under review. `wanted` is `any` or a value of `ViewOf`.

It is computed by itself, so that the snapshot is then looked up by its id and not sought.
"""

BASIS: Final = """
, basis AS (
    SELECT s.snapshot_id, s.snapshot_hash, s.version AS snapshot_version,
           s.status AS snapshot_status, s.draft_id, s.sources,
           convert_from(s.memory_json, 'UTF8') AS memory, s.findings, s.judgments,
           a.approval_id, a.approval_version, a.request_id, a.purpose, a.approved_by,
           a.approved_at, a.expires_at, a.artifact_id, x.compiled_hash,
           a.approval_id IS NOT NULL AND a.approval_id = p.active_approval_id AS is_pointed_at,
           (SELECT coalesce(json_agg(to_json(e)), '[]')
              FROM placet.studio_ending e
             WHERE e.tenant_id = :tenant AND e.approval_id = a.approval_id) AS endings
      FROM place p
      CROSS JOIN aim
      JOIN placet.studio_snapshot s
        ON s.tenant_id = :tenant AND s.snapshot_id = aim.snapshot_id
      LEFT JOIN placet.studio_approval a
        ON a.tenant_id = :tenant AND a.approval_id = aim.approval_id
      LEFT JOIN placet.authority_artifact x
        ON x.tenant_id = :tenant AND x.artifact_id = a.artifact_id
)
"""
"""The snapshot that the view speaks of, and its approval."""

SCOPE: Final = """
       'as_of', p.as_of, 'workspace', p.workspace,
       'basis', (SELECT to_json(b) FROM basis b)
"""
"""What every view of a workspace begins with."""

LIVE: Final = """
    SELECT d.item_id, d.approval_id, d.kind, d.target_ref, d.subject ->> 'tool' AS tool,
           d.severity, d.summary, d.seen_count, d.last_seen_at,
           CASE WHEN d.status = 'waived' AND d.waived_until <= p.as_of THEN 'open'
                ELSE d.status END AS status
      FROM place p
      JOIN placet.studio_drift_item d
        ON d.tenant_id = :tenant AND d.workspace_id = p.workspace_id
       AND d.status IN ('open', 'acknowledged', 'accepted', 'waived')
"""
"""Every drift item of the workspace that is neither resolved nor superseded, as it counts now."""

GRAVEST: Final = """
     ORDER BY array_position(ARRAY['critical', 'major', 'minor', 'info'], severity), item_id DESC
"""
"""Puts the gravest drift items first, and of those the newest."""

OFFERED: Final = """
    SELECT i.tool, count(*) AS versions, min(i.first_seen_at) AS first_seen_at,
           max(i.last_seen_at) AS last_seen_at,
           EXISTS (SELECT 1 FROM placet.plans_attachment t
                    WHERE t.tenant_id = :tenant AND t.agent = p.agent
                      AND t.environment = p.environment AND t.status = 'attached') AS is_attached
      FROM place p
      JOIN placet.plans_inventory_tool i
        ON i.tenant_id = :tenant AND i.agent = p.agent AND i.environment = p.environment
"""
"""The tools that processes of the agent offer; to be grouped."""

GROUPED: Final = " GROUP BY i.tool, p.agent, p.environment ORDER BY i.tool"

SCANS: Final = """
    SELECT r.receipt_id, r.approval_id, r.window_from, r.window_to, r.call_count, r.tool_count,
           r.rule_count, r.opened_count, r.live_count, r.live_count = 0 AS is_clean, r.checked_at
      FROM basis b
      JOIN placet.studio_drift_receipt r
        ON r.tenant_id = :tenant AND r.approval_id = b.approval_id
     ORDER BY r.window_from DESC
"""
"""The scans for the approval that the view speaks of, the newest first; to be limited."""


async def read_facts(tx: Reading, statement: str, into: type[F], **given: object) -> F | None:
    """Run the one statement of a view and return its object, or None where there is no row."""
    rows = await tx.rows(sa.text(statement).bindparams(tenant=tx.tenant_id, **given))
    return msgspec.json.decode(rows[0].facts, type=into) if rows else None
