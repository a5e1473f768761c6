"""A focus, and what is read for one."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from placet.kernel.principal import Scope
from placet.kernel.value import Value
from placet.plans.inventory.model import InventoryTool
from placet.studio.drafts.model import BusinessDraft, CommandType
from placet.studio.drift.model import DriftAnswer, DriftItem
from placet.studio.judgments.model import Judgment
from placet.studio.snapshots.model import SnapshotStatus
from placet.studio.sources.model import PartKind, SourceId, SourceKind
from placet.studio.views.control.model import RuleSupport
from placet.studio.views.model import Basis, EvidenceFacts, ScanLine, ScopeFacts, WorkspaceHead


class Mention(Value, frozen=True):
    """That a source names the tool: in how many parts of one kind, and from which line on."""

    source_id: SourceId
    title: str
    kind: SourceKind
    part_kind: PartKind
    parts: int
    first_line: int


class JudgmentFacts(ScopeFacts, frozen=True):
    """What is read for the focus on a judgment, in one statement.

    `current_version` is the draft's, which may be ahead of the snapshot.
    """

    current_version: int | None
    evidence: list[EvidenceFacts]
    mentions: list[Mention]
    scan: ScanLine | None


class DriftFacts(ScopeFacts, frozen=True):
    """What is read for the focus on a drift item, in one statement.

    `draft` is the workspace's open one, without the head of its commands.
    """

    item: DriftItem | None
    draft: BusinessDraft | None
    offered: list[InventoryTool]
    evidence: list[EvidenceFacts]
    scan: ScanLine | None


class AnswerKind(StrEnum):
    """What somebody can do about what is in focus."""

    RESOLVE_JUDGMENT = "resolve_judgment"
    REOPEN_JUDGMENT = "reopen_judgment"
    CHANGE_CONTRACT = "change_contract"
    LEAVE = "leave"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    WAIVE = "waive"
    ACCEPT = "accept"


class Consequence(Value, frozen=True):
    """What one answer would lead to, as things are. `needs` is any one of these scopes.

    `snapshot_status` is what the next snapshot would be, where the answer decides that. `command`
    and `command_type` are those that a draft would be changed by, null where there is none.
    """

    answer: AnswerKind
    needs: list[Scope]
    leads_to: str
    says: str
    snapshot_status: SnapshotStatus | None = None
    command_type: CommandType | None = None
    command: msgspec.Raw


class FocusRule(Value, frozen=True):
    """A rule that what is in focus is about, in words, and what observed calls say of it."""

    rule: str
    layer: int | None
    says: str
    support: RuleSupport | None


class Focus(Value, frozen=True):
    """One judgment or one drift item, as of one moment; the other of the two is null.

    `mentions` are the sources of the snapshot that name the tool. `says` tells what is not known.
    """

    as_of: datetime
    workspace: WorkspaceHead
    basis: Basis
    judgment: Judgment | None
    drift: DriftAnswer | None
    tool: str | None
    rules: list[FocusRule]
    mentions: list[Mention]
    last_scan: ScanLine | None
    consequences: list[Consequence]
    says: list[str]


class Suggested(Value, frozen=True):
    """The command that taking a drift item up would put into a draft, and into which."""

    command_type: CommandType
    command: msgspec.Raw
    draft_id: UUID | None
