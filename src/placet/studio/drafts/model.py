"""Drafts and commands, and what is said about them."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.foreign import Json
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Conflict, Invalid, NotFound
from placet.kernel.value import Input, Value
from placet.policy.finding import Finding
from placet.policy.model import Name as ContractName
from placet.studio.drafts.grounds.model import Ground, Spans
from placet.studio.drafts.pieces.model import Piece
from placet.studio.workspaces.model import WorkspaceId

DraftId = NewType("DraftId", UUID)

COMMENT_MAX: Final = 4_000
REASON_MAX: Final = 2_000
DOCUMENT_BYTES_MAX: Final = 1_048_576


CommentTarget = Annotated[
    str,
    msgspec.Meta(pattern=r"^(\$[.\[]|[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}(?!\n)$)", max_length=4_000),
]
"""The name of a tool, or a place of a contract."""


class DraftStatus(StrEnum):
    """Whether a draft is written to, or how that ended."""

    OPEN = "open"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    ABANDONED = "abandoned"


class CommandOrigin(StrEnum):
    """Through which door a command came."""

    STUDIO_UI = "studio_ui"
    API = "api"
    INFERENCE = "inference"
    MIGRATION = "migration"


class CommandType(StrEnum):
    """What a command does to a draft."""

    SET_SESSION = "set_session"
    SET_TOOL_CONTRACT = "set_tool_contract"
    REMOVE_TOOL_CONTRACT = "remove_tool_contract"
    IMPORT_CONTRACT = "import_contract"
    COMMENT = "comment"
    RESOLVE_COMMENT = "resolve_comment"
    REOPEN_COMMENT = "reopen_comment"
    SET_PHASE = "set_phase"
    REMOVE_PHASE = "remove_phase"
    SET_TRANSITION = "set_transition"
    REMOVE_TRANSITION = "remove_transition"
    SET_LIMITS = "set_limits"
    REMOVE_LIMIT = "remove_limit"
    SET_BINDING = "set_binding"
    REMOVE_BINDING = "remove_binding"
    SET_AGGREGATE = "set_aggregate"
    REMOVE_AGGREGATE = "remove_aggregate"
    SET_ENVELOPE = "set_envelope"
    REMOVE_ENVELOPE = "remove_envelope"
    SET_PRINCIPAL_RULE = "set_principal_rule"
    REMOVE_PRINCIPAL_RULE = "remove_principal_rule"
    SET_LABEL_RULE = "set_label_rule"
    REMOVE_LABEL_RULE = "remove_label_rule"
    SET_RISK_DEFAULT = "set_risk_default"
    REMOVE_RISK_DEFAULT = "remove_risk_default"
    SET_GATE = "set_gate"
    SET_UNMATCHED_TOOLS = "set_unmatched_tools"
    IMPORT_ARTIFACT = "import_artifact"
    RESTORE_VERSION = "restore_version"
    RESTORE_SNAPSHOT = "restore_snapshot"
    REBASE = "rebase"
    ADD_SOURCE = "add_source"
    RETIRE_SOURCE = "retire_source"
    RESOLVE_JUDGMENT = "resolve_judgment"
    REOPEN_JUDGMENT = "reopen_judgment"
    ACCEPT_INFERRED_RULE = "accept_inferred_rule"
    REJECT_INFERRED_RULE = "reject_inferred_rule"


class ValidationState(StrEnum):
    """What became of a command. Only accepted ones are kept; the others are answers."""

    ACCEPTED = "accepted"


class SetSession(Input, frozen=True, tag_field="type", tag=CommandType.SET_SESSION.value):
    """Set what holds for a session as a whole, in place of what was there."""

    session: msgspec.Raw


class SetToolContract(
    Input, frozen=True, tag_field="type", tag=CommandType.SET_TOOL_CONTRACT.value
):
    """Set the contract of one tool, in place of that tool's earlier one."""

    tool: msgspec.Raw


class RemoveToolContract(
    Input, frozen=True, tag_field="type", tag=CommandType.REMOVE_TOOL_CONTRACT.value
):
    """Take the contract of one tool out."""

    tool: ContractName


class ImportContract(Input, frozen=True, tag_field="type", tag=CommandType.IMPORT_CONTRACT.value):
    """Set the whole contract, in place of everything that was there."""

    contract: msgspec.Raw


class Comment(Input, frozen=True, tag_field="type", tag=CommandType.COMMENT.value):
    """Say something to whoever reads the draft.

    `target` is the name of a tool, a place of the draft (`$.tools.issue_refund.decision`), or
    nothing. A place survives every change of order.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=COMMENT_MAX)]
    target: CommentTarget | None = None


class ResolveComment(Input, frozen=True, tag_field="type", tag=CommandType.RESOLVE_COMMENT.value):
    """Say that an open comment of the draft's lineage is settled."""

    command_id: UUID


class ReopenComment(Input, frozen=True, tag_field="type", tag=CommandType.REOPEN_COMMENT.value):
    """Say that a settled comment is not."""

    command_id: UUID


class ImportArtifact(Input, frozen=True, tag_field="type", tag=CommandType.IMPORT_ARTIFACT.value):
    """Set the whole contract to what an approval of the same agent approved, byte for byte."""

    approval_id: UUID


class RestoreVersion(Input, frozen=True, tag_field="type", tag=CommandType.RESTORE_VERSION.value):
    """Set the whole contract to what the draft held at one of its versions."""

    version: Annotated[int, msgspec.Meta(ge=0)]


class RestoreSnapshot(Input, frozen=True, tag_field="type", tag=CommandType.RESTORE_SNAPSHOT.value):
    """Set the whole contract to what a snapshot of the draft or of one before it holds."""

    snapshot_id: UUID


class Rebase(Input, frozen=True, tag_field="type", tag=CommandType.REBASE.value):
    """Bring what the active approval changed into the draft, rule by rule."""

    approval_id: UUID


Whole = ImportArtifact | RestoreVersion | RestoreSnapshot | Rebase
"""Commands that set the whole contract to what stands elsewhere."""

Command = (
    SetSession
    | SetToolContract
    | RemoveToolContract
    | ImportContract
    | Comment
    | ResolveComment
    | ReopenComment
    | Piece
    | Whole
    | Ground
)


class OpenDraft(Input, frozen=True):
    """Open a draft: empty, with what a parent of the same workspace holds, or with an approval's.

    An approval of this workspace is reopened: its draft becomes the parent. One of another
    workspace of the same agent is promoted: its contract is the first command. With both fields,
    the parent is superseded if it is open, and the approval is the first command.
    """

    parent_draft_id: UUID | None = None
    from_approval_id: UUID | None = None


class ApplyCommand(Input, frozen=True):
    """Change a draft that still has the expected version.

    `reason`, and the spans of the draft's `sources` that the change rests on, are kept with it.
    """

    expected_draft_version: Annotated[int, msgspec.Meta(ge=0)]
    command: Command
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)] | None = None
    sources: Spans = ()


class BusinessDraft(Value, frozen=True):
    """A contract under work. `contract_json` and `command_head` are what the commands made.

    `derived_from_approval_id` is the approval that its contract stems from: the one it began with,
    or was last rebased on. `approval_id` is the one that closed it.
    """

    tenant_id: TenantId
    draft_id: DraftId
    workspace_id: WorkspaceId
    status: DraftStatus
    current_version: int
    active_snapshot_id: UUID | None
    parent_draft_id: UUID | None
    derived_from_approval_id: UUID | None
    approval_id: UUID | None
    contract_json: bytes
    command_head: bytes
    created_by: ActorId
    created_at: datetime


class BusinessCommand(Value, frozen=True):
    """One accepted change. `payload_json` is the command with everything it set."""

    tenant_id: TenantId
    draft_id: DraftId
    version: int
    command_id: UUID
    command_type: CommandType
    payload_json: bytes
    expected_draft_version: int
    origin: CommandOrigin
    actor_id: ActorId
    idempotency_key: str
    validation_state: ValidationState
    applied_at: datetime
    chain_hash: bytes


class Brought(Value, frozen=True):
    """A whole contract that a command takes from elsewhere, and the approval it stems from now.

    `authors` wrote it where it was imported.
    """

    contract: bytes
    derived_from_approval_id: UUID | None
    authors: tuple[ActorId, ...] = ()


class DraftChange(Value, frozen=True):
    """A command on a draft as it was read, with what it takes from elsewhere.

    `found` are fields that are kept with the command: what it names, as it stands there.
    """

    draft: BusinessDraft
    asked: ApplyCommand
    idempotency_key: str
    brought: Brought | None = None
    found: Mapping[str, Json] = MappingProxyType({})


class CommandHeader(Value, frozen=True):
    """What a chain hash covers beside the payload."""

    tenant_id: TenantId
    workspace_id: WorkspaceId
    draft_id: DraftId
    version: int
    command_id: UUID
    command_type: CommandType
    actor_id: ActorId
    origin: CommandOrigin


class DraftAnswer(Value, frozen=True):
    """A draft as it is shown: the contract as JSON, the head of its commands as hex."""

    draft_id: DraftId
    workspace_id: WorkspaceId
    status: DraftStatus
    current_version: int
    active_snapshot_id: UUID | None
    parent_draft_id: UUID | None
    derived_from_approval_id: UUID | None
    approval_id: UUID | None
    contract: msgspec.Raw
    command_history_hash: HexDigest
    created_by: ActorId
    created_at: datetime


class AppliedCommand(Value, frozen=True):
    """The answer to an accepted command: the version that it made."""

    draft_id: DraftId
    command_id: UUID
    command_type: CommandType
    version: int
    chain_hash: HexDigest
    applied_at: datetime


class DraftNotFound(NotFound):
    """There is no such draft here."""


@dataclasses.dataclass(kw_only=True, eq=False)
class DraftVersionConflict(Conflict):
    """The draft has moved on from that version."""

    hint = "read the draft again and send the command on its current version"
    current_version: int


@dataclasses.dataclass(kw_only=True, eq=False)
class DraftClosed(Conflict):
    """The draft is no longer open."""

    hint = "open a new draft with this one as its parent"
    draft_status: DraftStatus


@dataclasses.dataclass(kw_only=True, eq=False)
class DraftAlreadyOpen(Conflict):
    """The workspace has an open draft."""

    hint = "work in the open draft, or name it as the parent to supersede it"
    draft_id: UUID | None


@dataclasses.dataclass(kw_only=True, eq=False)
class ContractInvalid(Invalid):
    """This is no readable part of a contract."""

    hint = "each finding names the place and what is wrong there"
    findings: list[Finding]


class CommentNotFound(NotFound):
    """There is no such comment on this draft."""


class CommandNotFound(NotFound):
    """The draft has no such version."""


class DraftOpened(Value, frozen=True):
    """Event: a draft was opened, in place of its parent if that was still open."""

    draft_id: DraftId
    parent_draft_id: UUID | None
    derived_from_approval_id: UUID | None
    command_history_hash: HexDigest


class DraftSuperseded(Value, frozen=True):
    """Event: an open draft gave way to one that began with its contract."""

    draft_id: DraftId
    by_draft_id: DraftId


class DraftCommandApplied(Value, frozen=True):
    """Event: a command was accepted. The chain hash covers what it set."""

    draft_id: DraftId
    version: int
    command_id: UUID
    command_type: CommandType
    origin: CommandOrigin
    chain_hash: HexDigest
