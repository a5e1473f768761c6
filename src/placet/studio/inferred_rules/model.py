"""A proposal, and how it is asked for and shown."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import NotFound, Unavailable
from placet.kernel.value import Input, Value
from placet.studio.drafts.grounds.model import SourceSpan
from placet.studio.drafts.model import DraftId
from placet.studio.drafts.standing import Said
from placet.studio.workspaces.model import WorkspaceId

InferredRuleId = NewType("InferredRuleId", UUID)

CALLS_MAX: Final = 20_000
BYTES_MAX: Final = 64 * 1024 * 1024
RULES_MAX: Final = 1_000
SPANS_SHOWN: Final = 10


class InferredKind(StrEnum):
    """What a proposal would set."""

    TOOL = "tool"
    INPUT_SCHEMA = "input_schema"
    ARGUMENT = "argument"


class InferredBasis(StrEnum):
    """Whether a proposal says what a tool list declares, or what calls had."""

    DECLARED = "declared"
    OBSERVED = "observed"


class Proposal(Value, frozen=True):
    """What calls suggest: `proposal_json` are the keys of the tool's contract that it would set."""

    kind: InferredKind
    tool: str
    path: str | None
    proposal_json: bytes
    basis: InferredBasis
    sample_size: int
    spans: list[SourceSpan]


class InferredRule(Value, frozen=True):
    """A proposal as it is kept, and the sources that it was inferred from."""

    tenant_id: TenantId
    inferred_rule_id: InferredRuleId
    workspace_id: WorkspaceId
    source_snapshot_hash: HexDigest
    rule_hash: HexDigest
    kind: InferredKind
    tool: str
    path: str | None
    proposal_json: bytes
    basis: InferredBasis
    sample_size: int
    spans: list[SourceSpan]
    inferred_by: ActorId
    inferred_at: datetime


class InferRules(Input, frozen=True):
    """Look at what the sources of a draft of the expected version suggest."""

    expected_draft_version: Annotated[int, msgspec.Meta(ge=0)]


class Inferred(Value, frozen=True):
    """What was looked at and what came of it.

    `rules_new` of `rules` were not proposed from these sources before. `is_partial` says that there
    was more than is looked at.
    """

    draft_id: DraftId
    version: int
    source_snapshot_hash: HexDigest
    calls: int
    rules: int
    rules_new: int
    is_partial: bool


class InferredRuleAnswer(Value, frozen=True):
    """A proposal as it is shown. `ruling` is the command that decided on it, null if none did."""

    inferred_rule_id: InferredRuleId
    workspace_id: WorkspaceId
    source_snapshot_hash: HexDigest
    rule_hash: HexDigest
    kind: InferredKind
    tool: str
    path: str | None
    proposal: msgspec.Raw
    basis: InferredBasis
    sample_size: int
    spans: list[SourceSpan]
    inferred_by: ActorId
    inferred_at: datetime
    ruling: Said | None


class InferredRuleNotFound(NotFound):
    """There is no such inferred rule here."""


class InferenceBusy(Unavailable):
    """The sources of another draft are being looked at."""

    hint = "send the same request again after the time in Retry-After"


class RulesInferred(Value, frozen=True):
    """Event: what the sources of a draft suggest was looked at."""

    draft_id: DraftId
    version: int
    source_snapshot_hash: HexDigest
    calls: int
    rules: int
    rules_new: int
