"""Drafts and commands as lists show them: without contracts and payloads."""

from datetime import datetime
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId
from placet.kernel.value import Value
from placet.studio.drafts.grounds.model import SourceSpan
from placet.studio.drafts.model import (
    CommandOrigin,
    CommandType,
    DraftId,
    DraftStatus,
)
from placet.studio.workspaces.model import WorkspaceId


class DraftSummary(Value, frozen=True):
    """A draft without its contract."""

    draft_id: DraftId
    workspace_id: WorkspaceId
    status: DraftStatus
    current_version: int
    active_snapshot_id: UUID | None
    parent_draft_id: UUID | None
    derived_from_approval_id: UUID | None
    approval_id: UUID | None
    created_by: ActorId
    created_at: datetime


class CommandSummary(Value, frozen=True):
    """A command without what it set: who made which version of a draft, when and why.

    `sources` are the spans that it rests on, `payload_bytes` the size of what it set.
    """

    draft_id: DraftId
    version: int
    command_id: UUID
    command_type: CommandType
    origin: CommandOrigin
    actor_id: ActorId
    applied_at: datetime
    reason: str | None
    sources: list[SourceSpan]
    payload_bytes: int


class CommandAnswer(Value, frozen=True):
    """A command with all that its chain hash covers, and the hash before it.

    `payload` is the command as it is kept: its bytes here are those that are hashed.
    """

    workspace_id: WorkspaceId
    draft_id: DraftId
    version: int
    command_id: UUID
    command_type: CommandType
    origin: CommandOrigin
    actor_id: ActorId
    applied_at: datetime
    payload: msgspec.Raw
    previous_hash: HexDigest
    chain_hash: HexDigest
