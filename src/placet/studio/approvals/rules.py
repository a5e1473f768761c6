"""Whether a snapshot can be approved now, and what an approval is made of."""

from datetime import datetime, timedelta

from placet.studio.approvals.model import ApprovalFlaw, ApprovalReason, ApprovalRefused
from placet.studio.drafts.model import BusinessDraft, DraftStatus
from placet.studio.snapshots import rules as snapshot_rules
from placet.studio.snapshots.model import BusinessDraftSnapshot, SnapshotStatus
from placet.studio.workspaces.model import ApprovalPolicy, GovernanceWorkspace, WorkspaceStatus


def check_approvable(
    workspace: GovernanceWorkspace, draft: BusinessDraft, snapshot: BusinessDraftSnapshot
) -> list[ApprovalReason]:
    """Return everything that keeps this snapshot from being approved now."""
    reasons = []
    if workspace.status is not WorkspaceStatus.ACTIVE:
        reasons.append(
            _reason(ApprovalFlaw.WORKSPACE_NOT_ACTIVE, f"the workspace is `{workspace.status}`")
        )
    if workspace.active_draft_id != draft.draft_id or draft.status is not DraftStatus.OPEN:
        reasons.append(
            _reason(ApprovalFlaw.NO_ACTIVE_DRAFT, "the draft is not the workspace's open one")
        )
    if {workspace.active_draft_snapshot_id, draft.active_snapshot_id} != {snapshot.snapshot_id}:
        reasons.append(
            _reason(
                ApprovalFlaw.SNAPSHOT_NOT_ACTIVE,
                "workspace and draft do not both point at this snapshot",
            )
        )
    if draft.current_version != snapshot.version:
        reasons.append(version_moved(snapshot, draft))
    if snapshot.status is not SnapshotStatus.READY_FOR_APPROVAL:
        reasons.append(
            _reason(ApprovalFlaw.SNAPSHOT_NOT_READY, f"the snapshot is `{snapshot.status}`")
        )
    if stopping := snapshot_rules.count_stopping(snapshot.findings, snapshot.judgments):
        reasons.append(_reason(ApprovalFlaw.BLOCKERS_OPEN, f"{stopping} findings stop an approval"))
    return reasons


def version_moved(snapshot: BusinessDraftSnapshot, draft: BusinessDraft) -> ApprovalReason:
    """Return the reason that the draft was edited after the snapshot."""
    return _reason(
        ApprovalFlaw.VERSION_MOVED,
        f"the snapshot is of version {snapshot.version}, the draft is at {draft.current_version}",
    )


def compiled_otherwise() -> ApprovalReason:
    """Return the reason that the snapshot does not compile to what was signed."""
    return _reason(
        ApprovalFlaw.COMPILED_OTHERWISE,
        "the snapshot compiles to something else than was signed; ask for approval again",
    )


def refused(reasons: list[ApprovalReason]) -> ApprovalRefused:
    """Return the refusal that names all of these reasons."""
    return ApprovalRefused(detail="; ".join(reason.detail for reason in reasons), reasons=reasons)


def expiry_of(policy: ApprovalPolicy, approved_at: datetime) -> datetime | None:
    """Return when an approval ends, or None for never."""
    if policy.validity_days is None:
        return None
    return approved_at + timedelta(days=policy.validity_days)


def _reason(code: ApprovalFlaw, detail: str) -> ApprovalReason:
    return ApprovalReason(code=code, detail=detail)
