"""The one statement of conformance findings."""

from typing import Final
from uuid import UUID

from placet.storage.database import Reading
from placet.studio.views.conformance.model import SCANS_MAX, ConformanceFacts
from placet.studio.views.model import ITEMS_MAX, ViewOf
from placet.studio.views.store import AIM, BASIS, GRAVEST, LIVE, PLACE, SCANS, SCOPE, read_facts

_EVIDENCE: Final = """
    SELECT e.rule, e.tool, e.family, e.support_count, e.contradiction_count, e.last_observed_at
      FROM basis b
      JOIN placet.studio_rule_evidence e
        ON e.tenant_id = :tenant AND e.approval_id = b.approval_id
     ORDER BY e.rule
"""
STATEMENT: Final = (
    f"{PLACE}{AIM}{BASIS}, live AS ({LIVE})"  # noqa: S608 -- made of constants
    f" SELECT json_build_object({SCOPE},"
    f" 'scans', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({SCANS} LIMIT :scans) f),"
    " 'drift', (SELECT coalesce(json_agg(to_json(f)), '[]')"
    f" FROM (SELECT * FROM live {GRAVEST} LIMIT :items) f),"
    " 'drift_total', (SELECT count(*) FROM live),"
    " 'open_total', (SELECT count(*) FROM live l WHERE l.status = 'open'),"
    f" 'evidence', (SELECT coalesce(json_agg(to_json(f)), '[]') FROM ({_EVIDENCE}) f)"
    ")::text AS facts FROM place p"
)
"""What conformance findings are made of, however many scans and rules there are."""


async def find_conformance(tx: Reading, workspace_id: UUID) -> ConformanceFacts | None:
    """Return what conformance findings are made of, or None where there is no workspace."""
    return await read_facts(
        tx,
        STATEMENT,
        ConformanceFacts,
        workspace=workspace_id,
        wanted=ViewOf.APPROVED.value,
        scans=SCANS_MAX,
        items=ITEMS_MAX,
    )
