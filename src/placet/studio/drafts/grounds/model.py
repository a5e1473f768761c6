"""The commands on what a draft stands on, and the spans of sources that a command rests on."""

from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.value import Input, Value
from placet.policy.model import SideEffect
from placet.studio.sources.model import PartKind, SourceId

SPANS_MAX: Final = 50
DRAFT_SOURCES_MAX: Final = 200

JudgmentId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}(?!\n)$")]
"""How a question about a draft is told from the others."""


class NameSpan(Input, frozen=True):
    """A part of a source, as its index names it."""

    source_id: UUID
    part_id: Annotated[str, msgspec.Meta(pattern=r"^p[1-9][0-9]{0,5}(?!\n)$")]


Spans = Annotated[tuple[NameSpan, ...], msgspec.Meta(max_length=SPANS_MAX)]


class AddDraftSource(Input, frozen=True, tag_field="type", tag="add_source"):
    """Let a source of the workspace count for the draft."""

    source_id: UUID


class RetireDraftSource(Input, frozen=True, tag_field="type", tag="retire_source"):
    """Let a source of the draft count no longer."""

    source_id: UUID


class ResolveJudgment(Input, frozen=True, tag_field="type", tag="resolve_judgment"):
    """Answer an open question about the draft. The command's `reason` is the answer."""

    judgment_id: JudgmentId


class ReopenJudgment(Input, frozen=True, tag_field="type", tag="reopen_judgment"):
    """Take an answer back. The command's `reason` says why."""

    judgment_id: JudgmentId


class AcceptInferredRule(Input, frozen=True, tag_field="type", tag="accept_inferred_rule"):
    """Set what an inferred rule proposes.

    `side_effect` is for a proposed tool, and required there: what a tool does to the world cannot
    be seen in its calls.
    """

    inferred_rule_id: UUID
    side_effect: SideEffect | None = None


class RejectInferredRule(Input, frozen=True, tag_field="type", tag="reject_inferred_rule"):
    """Say that what an inferred rule proposes is not wanted. The command's `reason` says why."""

    inferred_rule_id: UUID


Ground = (
    AddDraftSource
    | RetireDraftSource
    | ResolveJudgment
    | ReopenJudgment
    | AcceptInferredRule
    | RejectInferredRule
)


class SourceSpan(Value, frozen=True):
    """A part of a source that a command rests on, as it was when the command was written.

    Lines count from 1 in the stored content that has this hash.
    """

    source_id: SourceId
    content_hash: HexDigest
    part_id: str
    kind: PartKind
    path: str | None
    label: str | None
    first_line: int
    last_line: int
