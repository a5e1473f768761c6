"""The one statement of a control path."""

from typing import Final
from uuid import UUID

from placet.storage.database import Reading
from placet.studio.views.control.model import SESSIONS_MAX, ControlFacts, ControlQuery
from placet.studio.views.model import ITEMS_MAX
from placet.studio.views.store import (
    AIM,
    BASIS,
    GRAVEST,
    GROUPED,
    LIVE,
    OFFERED,
    PLACE,
    SCANS,
    SCOPE,
    read_facts,
)

_RECENT: Final = """
    SELECT s.session_id
      FROM place p
      LEFT JOIN basis b ON true
      JOIN placet.replay_session s
        ON s.tenant_id = :tenant AND s.agent = p.agent AND s.environment = p.environment
       AND s.created_at > p.as_of - make_interval(days => :days)
       AND (b.artifact_id IS NULL OR s.artifact_id = b.artifact_id)
     ORDER BY s.created_at DESC, s.session_id DESC
     LIMIT :sessions + 1
"""
_VERDICTS: Final = """
    SELECT c.verdict, c.layer, count(*) AS calls, max(c.proposed_at) AS last_at
      FROM (SELECT session_id FROM recent LIMIT :sessions) r
      JOIN placet.replay_pending_call c
        ON c.tenant_id = :tenant AND c.session_id = r.session_id AND c.tool_name = :tool
       AND c.status <> 'superseded'
     GROUP BY c.verdict, c.layer
     ORDER BY calls DESC, c.verdict, c.layer
"""
_EVIDENCE: Final = """
    SELECT e.rule, e.tool, e.family, e.support_count, e.contradiction_count, e.last_observed_at
      FROM basis b
      JOIN placet.studio_rule_evidence e
        ON e.tenant_id = :tenant AND e.approval_id = b.approval_id
       AND (e.tool = :tool OR e.tool IS NULL)
"""
_VOTES: Final = """
    SELECT v.voter_id, v.key_id, v.decision, v.signed_in, v.voted_at
      FROM basis b
      JOIN placet.studio_approval_vote v
        ON v.tenant_id = :tenant AND v.request_id = b.request_id
     ORDER BY v.voted_at, v.vote_id
"""
STATEMENT: Final = (
    f"{PLACE}{AIM}{BASIS}, recent AS MATERIALIZED ({_RECENT}),"  # noqa: S608 -- made of constants
    f" live AS ({LIVE} AND d.subject ->> 'tool' = :tool)"
    f" SELECT json_build_object({SCOPE},"
    f" 'offered', (SELECT to_json(f) FROM ({OFFERED} AND i.tool = :tool {GROUPED}) f),"
    f" 'evidence', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_EVIDENCE}) f),"
    f" 'votes', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_VOTES}) f),"
    " 'view_hash', (SELECT q.view_hash FROM basis b JOIN placet.studio_approval_request q"
    " ON q.tenant_id = :tenant AND q.request_id = b.request_id),"
    " 'drift', (SELECT coalesce(json_agg(to_json(f)), '[]')"
    f" FROM (SELECT * FROM live {GRAVEST} LIMIT :items) f),"
    " 'drift_total', (SELECT count(*) FROM live),"
    f" 'verdicts', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_VERDICTS}) f),"
    " 'sessions', (SELECT count(*) FROM recent),"
    f" 'scan', (SELECT to_json(f) FROM ({SCANS} LIMIT 1) f)"
    ")::text AS facts FROM place p"
)
"""What a control path is made of, however many tools and calls there are."""


async def find_control(
    tx: Reading, workspace_id: UUID, tool: str, asked: ControlQuery
) -> ControlFacts | None:
    """Return what a control path is made of, or None where there is no workspace."""
    return await read_facts(
        tx,
        STATEMENT,
        ControlFacts,
        workspace=workspace_id,
        wanted=asked.of.value if asked.of else "any",
        tool=tool,
        days=asked.days,
        sessions=SESSIONS_MAX,
        items=ITEMS_MAX,
    )
