"""What voters are shown, and what each of them signs."""

from datetime import datetime
from typing import cast

import msgspec
from msgspec.structs import replace

from placet.evidence.vote import CheckpointSeen
from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.studio.requests.model import (
    ApprovalFrame,
    ApprovalRequest,
    RequestStatus,
    RequestSummary,
    VoteFields,
)
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.workspaces.model import ApprovalPolicy


def freeze_view(frame: ApprovalFrame, review: bytes) -> bytes:
    """Return the bytes that voters see: the frame with the review projection beside it."""
    shown = cast("dict[str, Json]", msgspec.to_builtins(frame))
    return foreign.encode({**shown, "review": foreign.parse(review)})


def hash_view(view: bytes) -> str:
    """Return the hash of a view in hex."""
    return digest("approval_view", view).hex()


def hash_policy(policy: ApprovalPolicy) -> str:
    """Return the hash of an approval policy in hex."""
    return digest("approval_policy", canonical(policy)).hex()


def status_at(request: ApprovalRequest | RequestSummary, now: datetime) -> RequestStatus:
    """Return what a request counts for at `now`."""
    if request.status is RequestStatus.OPEN and request.deadline <= now:
        return RequestStatus.EXPIRED
    return request.status


def as_it_counts(request: RequestSummary, now: datetime) -> RequestSummary:
    """Return a request in a list with what it counts for at `now`."""
    return replace(request, status=status_at(request, now))


def fields_to_sign(
    request: ApprovalRequest, snapshot: BusinessDraftSnapshot, latest: CheckpointSeen | None
) -> VoteFields:
    """Return what every vote on a request says. `latest` is the newest checkpoint of the log."""
    return VoteFields(
        purpose=request.purpose,
        tenant_id=request.tenant_id,
        workspace_id=request.workspace_id,
        environment=request.environment,
        request_id=request.request_id,
        snapshot_id=request.snapshot_id,
        snapshot_hash=snapshot.snapshot_hash,
        view_hash=request.view_hash,
        source_hash=snapshot.source_snapshot_hash,
        command_history_hash=snapshot.command_history_hash,
        compiler_version=snapshot.compiler_version,
        artifact_hash=request.artifact_hash,
        approval_policy_hash=request.approval_policy_hash,
        latest_checkpoint=latest,
    )
