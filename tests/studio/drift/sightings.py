"""What a test says was seen under an approval."""

from datetime import datetime

from placet.studio.approvals.model import GovernanceApproval
from placet.studio.drift.model import DriftKind, DriftSeverity, DriftSubject, Sighting


def new_tool(
    approval: GovernanceApproval,
    tool: str = "wire_money",
    *,
    seen_at: datetime | None = None,
    severity: DriftSeverity = DriftSeverity.MINOR,
    times: int = 1,
) -> Sighting:
    """Return that a tool was seen which the approval does not know."""
    return Sighting(
        workspace_id=approval.workspace_id,
        approval_id=approval.approval_id,
        kind=DriftKind.TOOL_NEW,
        subject=DriftSubject(tool=tool),
        severity=severity,
        summary=f"the agent offers `{tool}`",
        seen_at=seen_at or approval.approved_at,
        times=times,
    )
