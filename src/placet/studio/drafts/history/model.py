"""What the history of a draft tells of its rules."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from placet.kernel.ids import ActorId
from placet.kernel.value import Input, Value
from placet.studio.drafts.grounds.model import SourceSpan
from placet.studio.drafts.model import CommandType, DraftId


class Blame(Value, frozen=True):
    """The last command that set a rule. `reason` is null where none was given.

    `sources` are the spans that the command says it rests on.
    """

    draft_id: DraftId
    version: int
    command_id: UUID
    command_type: CommandType
    actor_id: ActorId
    applied_at: datetime
    reason: str | None
    sources: list[SourceSpan]


class BlamedRule(Value, frozen=True):
    """One rule of the draft as it stands; `value` is canonical JSON as text."""

    place: str
    value: str
    set_by: Blame


class BlameAnswer(Value, frozen=True):
    """Every rule of a draft at a version, by place."""

    draft_id: DraftId
    version: int
    rules: list[BlamedRule]


class Settled(Value, frozen=True):
    """The command that settled a comment."""

    command_id: UUID
    version: int
    actor_id: ActorId
    applied_at: datetime


class CommentTold(Value, frozen=True):
    """One comment, the version it made, and whether its place is still there.

    `place` is null for a comment on the draft as a whole. `settled` is null while it is open.
    """

    command_id: UUID
    draft_id: DraftId
    version: int
    actor_id: ActorId
    applied_at: datetime
    text: str
    place: str | None
    is_present: bool
    settled: Settled | None


class CommentsQuery(Input, frozen=True):
    """Which comments: those on one place, or all."""

    place: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)] | None = None


class CommentsAnswer(Value, frozen=True):
    """The comments on a draft and on what it began with, the oldest first."""

    draft_id: DraftId
    version: int
    comments: list[CommentTold]
