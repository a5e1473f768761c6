"""The statements of a focus: one on a judgment, one on a drift item."""

from typing import Final
from uuid import UUID

from placet.storage.database import Reading
from placet.studio.views.focus.model import DriftFacts, JudgmentFacts
from placet.studio.views.model import ViewOf
from placet.studio.views.store import AIM, BASIS, PLACE, SCANS, SCOPE, read_facts

MENTIONS_MAX: Final = 50
"""Sources that are shown, those that name the tool most often."""


def _placed(name: str) -> str:
    """Return the SQL for the place of a tool, as a judgment names it."""
    return (
        f"CASE WHEN {name} ~ '^[A-Za-z_][A-Za-z0-9_]*$' THEN '$.tools.' || {name}"
        f" ELSE '$.tools[''' || replace(replace({name}, '\\', '\\\\'), '''', '\\''') || ''']' END"
    )


_QUESTION: Final = """
, question AS (
    SELECT j.value ->> 'place' AS place
      FROM basis b
      CROSS JOIN jsonb_array_elements(b.judgments) j
     WHERE j.value ->> 'judgment_id' = :judgment
)
"""
_MENTIONS: Final = """
    SELECT s.source_id, s.title, s.kind, t.value ->> 'kind' AS part_kind, count(*) AS parts,
           min((t.value ->> 'first_line')::bigint) AS first_line
      FROM question q
      CROSS JOIN basis b
      CROSS JOIN jsonb_array_elements(b.sources) c
      JOIN placet.studio_source s
        ON s.tenant_id = :tenant AND s.source_id = (c.value ->> 'source_id')::uuid
      CROSS JOIN jsonb_array_elements(s.parts) t
      CROSS JOIN LATERAL (SELECT t.value ->> 'label' AS name) n
     WHERE n.name IS NOT NULL
"""
_MOST: Final = """
     GROUP BY s.source_id, s.title, s.kind, t.value ->> 'kind'
     ORDER BY parts DESC, s.source_id, part_kind
     LIMIT :mentions
"""
_EVIDENCE: Final = """
    SELECT e.rule, e.tool, e.family, e.support_count, e.contradiction_count, e.last_observed_at
      FROM basis b
      JOIN placet.studio_rule_evidence e
        ON e.tenant_id = :tenant AND e.approval_id = b.approval_id
"""
JUDGMENT: Final = (
    f"{PLACE}{AIM}{BASIS}{_QUESTION} SELECT json_build_object({SCOPE},"  # noqa: S608 -- made of constants
    " 'current_version', (SELECT d.current_version FROM basis b JOIN placet.studio_draft d"
    " ON d.tenant_id = :tenant AND d.draft_id = b.draft_id),"
    " 'evidence', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ("
    f"{_EVIDENCE} JOIN question q ON q.place = {_placed('e.tool')}) f),"
    f" 'mentions', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ("
    f"{_MENTIONS} AND q.place = {_placed('n.name')} {_MOST}) f),"
    f" 'scan', (SELECT to_json(f) FROM ({SCANS} LIMIT 1) f)"
    ")::text AS facts FROM place p"
)
"""What the focus on a judgment is made of, however many judgments and sources there are."""

_ITEM: Final = """
, item AS (
    SELECT d.* FROM place p
      JOIN placet.studio_drift_item d
        ON d.tenant_id = :tenant AND d.item_id = :item AND d.workspace_id = p.workspace_id
), aim AS MATERIALIZED (
    SELECT a.approval_id, a.draft_snapshot_id AS snapshot_id
      FROM item i
      JOIN placet.studio_approval a
        ON a.tenant_id = :tenant AND a.approval_id = i.approval_id
)
"""
_DRAFT: Final = """
    SELECT d.tenant_id, d.draft_id, d.workspace_id, d.status, d.current_version,
           d.active_snapshot_id, d.parent_draft_id, d.derived_from_approval_id, d.approval_id,
           translate(encode(d.contract_json, 'base64'), E'\\n', '') AS contract_json,
           '' AS command_head, d.created_by, d.created_at
      FROM placet.studio_draft d
     WHERE d.tenant_id = :tenant AND d.draft_id = p.active_draft_id
"""
_OFFERED: Final = """
    SELECT t.* FROM item i
      JOIN placet.plans_inventory_tool t
        ON t.tenant_id = :tenant AND t.agent = p.agent AND t.environment = p.environment
       AND t.tool = i.subject ->> 'tool'
"""
DRIFT: Final = (
    f"{PLACE}{_ITEM}{BASIS} SELECT json_build_object({SCOPE},"  # noqa: S608 -- made of constants
    " 'item', (SELECT to_json(i) FROM item i),"
    f" 'draft', (SELECT to_json(f) FROM ({_DRAFT}) f),"
    f" 'offered', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_OFFERED}) f),"
    " 'evidence', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ("
    f"{_EVIDENCE} JOIN item i ON e.rule = i.subject ->> 'rule'"
    " OR e.tool = i.subject ->> 'tool') f),"
    f" 'scan', (SELECT to_json(f) FROM ({SCANS} LIMIT 1) f)"
    ")::text AS facts FROM place p"
)
"""What the focus on a drift item is made of, however many items and rules there are."""


async def find_judgment(
    tx: Reading, workspace_id: UUID, judgment_id: str, of: ViewOf
) -> JudgmentFacts | None:
    """Return what the focus on a judgment is made of, or None where there is no workspace."""
    return await read_facts(
        tx,
        JUDGMENT,
        JudgmentFacts,
        workspace=workspace_id,
        wanted=of.value,
        judgment=judgment_id,
        mentions=MENTIONS_MAX,
    )


async def find_drift(tx: Reading, workspace_id: UUID, item_id: UUID) -> DriftFacts | None:
    """Return what the focus on an item is made of, or None where there is no workspace."""
    return await read_facts(tx, DRIFT, DriftFacts, workspace=workspace_id, item=item_id)
