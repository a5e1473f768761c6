"""The one statement of an approval preview."""

from typing import Final
from uuid import UUID

from placet.storage.database import Reading
from placet.studio.views.preview.model import PreviewFacts
from placet.studio.views.store import read_facts

_ASKED: Final = """
WITH RECURSIVE asked AS (
    SELECT r.tenant_id, r.request_id, r.workspace_id, r.snapshot_id, r.status, '' AS view_json,
           r.view_hash, r.artifact_hash, r.approval_policy_hash, r.environment, r.deadline,
           r.requested_by, r.created_at, r.policy_change, r.purpose
      FROM placet.studio_approval_request r
     WHERE r.tenant_id = :tenant AND r.request_id = :request
), frozen AS (
    SELECT s.tenant_id, s.snapshot_id, s.workspace_id, s.draft_id, s.version, s.status,
           '' AS memory_json, s.snapshot_hash, s.source_snapshot_hash, s.command_history_hash,
           s.findings, s.generation_profile, s.compiler_version, s.created_by, s.created_at,
           s.sources, s.judgments
      FROM asked q
      JOIN placet.studio_snapshot s
        ON s.tenant_id = :tenant AND s.snapshot_id = q.snapshot_id
), draft AS (
    SELECT d.tenant_id, d.draft_id, d.workspace_id, d.status, d.current_version,
           d.active_snapshot_id, d.parent_draft_id, d.derived_from_approval_id, d.approval_id,
           '' AS contract_json, '' AS command_head, d.created_by, d.created_at
      FROM frozen f
      JOIN placet.studio_draft d ON d.tenant_id = :tenant AND d.draft_id = f.draft_id
), held AS (
    SELECT p.approval_id
      FROM asked q
      JOIN placet.studio_workspace w
        ON w.tenant_id = :tenant AND w.workspace_id = q.workspace_id
      JOIN placet.plans_plan p
        ON p.tenant_id = :tenant AND p.agent = w.agent AND p.environment = w.environment
     WHERE p.approval_expires_at IS NULL OR p.approval_expires_at > clock_timestamp()
), lineage AS (
    SELECT d.draft_id, d.parent_draft_id, d.created_by FROM draft d
    UNION ALL
    SELECT d.draft_id, d.parent_draft_id, d.created_by
      FROM lineage l
      JOIN placet.studio_draft d
        ON d.tenant_id = :tenant AND d.draft_id = l.parent_draft_id
       AND (d.approval_id IS NULL
            OR d.approval_id IS DISTINCT FROM (SELECT h.approval_id FROM held h))
), wrote AS (
    SELECT c.actor_id, c.command_type,
           CASE WHEN c.command_type IN ('import_artifact', 'rebase')
                THEN convert_from(c.payload_json, 'UTF8')::json END AS brought
      FROM lineage l
      JOIN placet.studio_command c ON c.tenant_id = :tenant AND c.draft_id = l.draft_id
), keys AS (
    SELECT k.tenant_id, k.workspace_id, k.actor_id, k.key_id, k.confirmed_by, k.since,
           k.counts_from, '' AS proof
      FROM asked q
      JOIN placet.studio_workspace_key k
        ON k.tenant_id = :tenant AND k.workspace_id = q.workspace_id
)
"""
_CAST: Final = """
    SELECT v.tenant_id, v.request_id, v.voter_id, v.vote_id, v.decision, v.key_id,
           '' AS envelope, v.reason, v.voted_at, v.signed_in
      FROM asked q
      JOIN placet.studio_approval_vote v
        ON v.tenant_id = :tenant AND v.request_id = q.request_id
     ORDER BY v.voted_at, v.vote_id
"""
_PEOPLE: Final = """
    SELECT a.actor_id, a.name, a.status = 'disabled' AS is_disabled,
           EXISTS (SELECT 1
                     FROM asked q
                     JOIN placet.tenancy_role_grant g
                       ON g.tenant_id = :tenant AND g.actor_id = a.actor_id
                      AND g.role = 'approver'
                      AND (g.workspace_id = q.workspace_id OR g.workspace_id IS NULL)) AS has_role
      FROM (SELECT DISTINCT actor_id FROM keys) k
      JOIN placet.tenancy_actor a ON a.tenant_id = :tenant AND a.actor_id = k.actor_id
     ORDER BY a.name, a.actor_id
"""
_IMPACT: Final = """
    SELECT i.tenant_id, i.impact_id, i.workspace_id, i.snapshot_id, i.candidate_hash,
           i.compared_with, i.against_approval_id, i.against_hash, i.since, i.until, i.calls_max,
           '' AS report_json, i.report_hash, i.computed_by, i.computed_at,
           convert_from(i.report_json, 'UTF8') AS report
      FROM asked q
      JOIN placet.studio_impact i
        ON i.tenant_id = :tenant AND i.workspace_id = q.workspace_id
       AND i.candidate_hash = q.artifact_hash
     ORDER BY i.computed_at DESC, i.impact_id DESC LIMIT 1
"""
_MEMBERS: Final = """
    SELECT m.* FROM asked q
      JOIN placet.studio_workspace_member m
        ON m.tenant_id = :tenant AND m.workspace_id = q.workspace_id
"""
_REMOVALS: Final = """
    SELECT g.* FROM asked q
      JOIN placet.studio_workspace_removal g
        ON g.tenant_id = :tenant AND g.workspace_id = q.workspace_id
"""
_REVOKED: Final = """
    SELECT r.key_id FROM keys k
      JOIN placet.authority_key_revocation r
        ON r.tenant_id = :tenant AND r.key_id = k.key_id
"""
_AUTHORS: Final = """
    SELECT w.actor_id::text AS who FROM wrote w
    UNION
    SELECT l.created_by::text FROM lineage l
    UNION
    SELECT json_array_elements_text(w.brought -> 'authors')
      FROM wrote w
     WHERE w.command_type = 'import_artifact'
        OR w.command_type = 'rebase' AND w.brought ->> 'approval_id'
           IS DISTINCT FROM (SELECT h.approval_id::text FROM held h)
"""
STATEMENT: Final = (
    f"{_ASKED} SELECT json_build_object("  # noqa: S608 -- made of constants
    " 'as_of', clock_timestamp(),"
    " 'workspace', (SELECT to_json(w) FROM placet.studio_workspace w"
    " WHERE w.tenant_id = :tenant AND w.workspace_id = q.workspace_id),"
    " 'request', to_json(q),"
    " 'frame', (SELECT convert_from(r.view_json, 'UTF8') FROM placet.studio_approval_request r"
    " WHERE r.tenant_id = :tenant AND r.request_id = q.request_id),"
    " 'snapshot', (SELECT to_json(f) FROM frozen f),"
    " 'draft', (SELECT to_json(d) FROM draft d),"
    f" 'votes', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_CAST}) f),"
    " 'keys', (SELECT coalesce(json_agg(to_json(k)), '[]') FROM keys k),"
    f" 'members', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_MEMBERS}) f),"
    f" 'removals', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_REMOVALS}) f),"
    f" 'revoked', (SELECT coalesce(json_agg(f.key_id), '[]') FROM ({_REVOKED}) f),"
    f" 'people', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_PEOPLE}) f),"
    f" 'authors', (SELECT coalesce(json_agg(f.who), '[]') FROM ({_AUTHORS}) f),"
    f" 'impact', (SELECT to_json(f) FROM ({_IMPACT}) f)"
    ")::text AS facts FROM asked q"
)
"""What a preview is made of, however many people and votes there are."""


async def find_preview(tx: Reading, request_id: UUID) -> PreviewFacts | None:
    """Return what a preview of a request is made of, or None where there is no request."""
    return await read_facts(tx, STATEMENT, PreviewFacts, request=request_id)
