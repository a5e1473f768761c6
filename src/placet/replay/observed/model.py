"""Calls under one artifact, counted."""

from datetime import datetime
from uuid import UUID

from placet.kernel.value import Value
from placet.replay.calls.model import Verdict


class CallWindow(Value, frozen=True):
    """The calls of the sessions that are pinned to one artifact, within a time."""

    artifact_id: UUID
    after: datetime
    until: datetime


class DecidedCalls(Value, frozen=True):
    """How often calls of a tool were decided alike. `codes` and `rules` are those of the reasons.

    `layer` is null for a call that was allowed, or refused with its whole response.
    """

    tool: str
    verdict: Verdict
    layer: int | None
    codes: list[str]
    rules: list[str]
    times: int
    last_at: datetime


class ToolCalls(Value, frozen=True):
    """How many calls of a tool came to the same, and when the last of them did."""

    tool: str
    times: int
    last_at: datetime
