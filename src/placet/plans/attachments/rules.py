"""Whether an instance runs what is in force, and whether it still reports."""

from datetime import datetime, timedelta
from typing import Final

from placet.plans.attachments.model import (
    SILENT_SECONDS,
    Attachment,
    AttachmentStatus,
    AttachmentView,
)

SILENT_AFTER: Final = timedelta(seconds=SILENT_SECONDS)


def is_converged(status: AttachmentStatus, compiled_hash: str | None, in_force: str | None) -> bool:
    """Return whether an instance runs what is in force, or found no plan where there is none."""
    if in_force is None:
        return status is AttachmentStatus.NO_PLAN
    return status is AttachmentStatus.ATTACHED and compiled_hash == in_force


def view_of(attachment: Attachment, in_force: str | None, now: datetime) -> AttachmentView:
    """Return an instance as it stands at `now`, beside the hash that is in force."""
    return AttachmentView(
        instance_id=attachment.instance_id,
        status=attachment.status,
        compiled_hash=attachment.compiled_hash,
        reason=attachment.reason,
        sdk_version=attachment.sdk_version,
        tool_count=attachment.tool_count,
        is_converged=is_converged(attachment.status, attachment.compiled_hash, in_force),
        is_silent=now - attachment.last_seen_at >= SILENT_AFTER,
        since=attachment.since,
        first_seen_at=attachment.first_seen_at,
        last_seen_at=attachment.last_seen_at,
    )
