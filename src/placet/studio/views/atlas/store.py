"""The one statement of an Atlas."""

from typing import Final
from uuid import UUID

from placet.plans.attachments.model import SILENT_SECONDS
from placet.storage.database import Reading
from placet.studio.views.atlas.model import AtlasFacts
from placet.studio.views.model import ViewOf
from placet.studio.views.store import (
    AIM,
    BASIS,
    GROUPED,
    LIVE,
    OFFERED,
    PLACE,
    SCANS,
    SCOPE,
    read_facts,
)

_WORK: Final = """
       'draft', (
           SELECT to_json(f) FROM (
               SELECT d.draft_id, d.status, d.current_version
                 FROM placet.studio_draft d
                WHERE d.tenant_id = :tenant AND d.draft_id = p.active_draft_id) f),
       'snapshot', (
           SELECT to_json(f) FROM (
               SELECT s.snapshot_id, s.snapshot_hash, s.version, s.status,
                      (SELECT count(*) FROM jsonb_array_elements(s.findings) e
                        WHERE e ->> 'severity' = 'error') AS errors,
                      (SELECT count(*) FROM jsonb_array_elements(s.judgments) j
                        WHERE j ->> 'severity' = 'blocker' AND j ->> 'status' = 'open'
                      ) AS open_blockers,
                      (SELECT count(*) FROM jsonb_array_elements(s.judgments) j
                        WHERE j ->> 'severity' = 'advisory' AND j ->> 'status' = 'open'
                      ) AS open_advisories
                 FROM placet.studio_snapshot s
                WHERE s.tenant_id = :tenant AND s.snapshot_id = p.active_draft_snapshot_id) f),
       'request', (
           SELECT to_json(f) FROM (
               SELECT r.request_id, r.snapshot_id, r.purpose, r.deadline,
                      CASE WHEN r.status = 'open' AND r.deadline <= p.as_of THEN 'expired'
                           ELSE r.status END AS status,
                      (SELECT count(*) FROM placet.studio_approval_vote v
                        WHERE v.tenant_id = :tenant AND v.request_id = r.request_id) AS votes
                 FROM placet.studio_approval_request r
                WHERE r.tenant_id = :tenant AND r.workspace_id = p.workspace_id
                ORDER BY r.request_id DESC LIMIT 1) f)
"""
_RUN: Final = """
       'plan', (
           SELECT to_json(n) FROM placet.plans_plan n
            WHERE n.tenant_id = :tenant AND n.agent = p.agent AND n.environment = p.environment),
       'instances', (
           SELECT coalesce(json_agg(to_json(f)), '[]') FROM (
               SELECT t.status, t.compiled_hash, count(*) AS instances,
                      count(*) FILTER (
                          WHERE t.last_seen_at <= p.as_of - make_interval(secs => :silent)
                      ) AS silent
                 FROM placet.plans_attachment t
                WHERE t.tenant_id = :tenant AND t.agent = p.agent
                  AND t.environment = p.environment
                GROUP BY t.status, t.compiled_hash) f)
"""
_SEEN: Final = """
       'drift', (
           SELECT coalesce(json_agg(to_json(f)), '[]') FROM (
               SELECT l.tool, l.severity, l.status, count(*) AS items
                 FROM live l GROUP BY l.tool, l.severity, l.status) f),
       'evidence', (
           SELECT coalesce(json_agg(to_json(f)), '[]') FROM (
               SELECT e.tool, count(*) AS rules,
                      count(*) FILTER (WHERE e.last_observed_at IS NULL) AS unobserved,
                      max(e.support_count + e.contradiction_count) AS observed,
                      max(e.last_observed_at) AS last_observed_at
                 FROM basis b
                 JOIN placet.studio_rule_evidence e
                   ON e.tenant_id = :tenant AND e.approval_id = b.approval_id
                GROUP BY e.tool) f)
"""
STATEMENT: Final = (
    f"{PLACE}{AIM}{BASIS}, live AS ({LIVE}), offered AS ({OFFERED}{GROUPED})"  # noqa: S608 -- made of constants
    f" SELECT json_build_object({SCOPE},{_WORK},{_RUN},{_SEEN},"
    " 'offered', (SELECT coalesce(json_agg(to_json(o)), '[]') FROM offered o),"
    f" 'scan', (SELECT to_json(f) FROM ({SCANS} LIMIT 1) f)"
    ")::text AS facts FROM place p"
)
"""What an Atlas is made of, whatever the size of the workspace."""


async def find_atlas(tx: Reading, workspace_id: UUID, of: ViewOf | None) -> AtlasFacts | None:
    """Return what an Atlas of a workspace is made of, or None where there is no workspace."""
    return await read_facts(
        tx,
        STATEMENT,
        AtlasFacts,
        workspace=workspace_id,
        wanted=of.value if of else "any",
        silent=float(SILENT_SECONDS),
    )
