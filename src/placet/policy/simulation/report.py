"""The form of the output: one line a call, and a summary at last."""

from typing import Final

from msgspec import UNSET, UnsetType

from placet.kernel.value import Value
from placet.policy.decision import Allow, Ask, Code, Decision, Deny, Reason
from placet.policy.model import Ruling

_VERDICTS: Final[dict[type[Decision], Ruling]] = {
    Allow: Ruling.ALLOW,
    Deny: Ruling.DENY,
    Ask: Ruling.ASK,
}


class ReasonLine(Value, frozen=True):
    """Why a call is not simply allowed, or not granted."""

    code: Code
    rule: str
    detail: str


class CallLine(Value, frozen=True):
    """What became of one call.

    `step` counts lines from 1. `layer` is null for an allowed call, and where the response as a
    whole was refused. `phase` is the session's before the line, `phase_after` after all of it.
    `unjudged` says why a denial may owe to what the recording could not show.
    """

    step: int
    call: str
    tool: str
    verdict: Ruling
    granted: bool
    layer: int | None
    reasons: tuple[ReasonLine, ...]
    phase: str | None
    phase_after: str | None
    unjudged: str | UnsetType = UNSET


class Summary(Value, frozen=True):
    """What all lines came to. `steps` counts lines; the others count calls, or receipts."""

    steps: int
    allow: int
    deny: int
    ask: int
    killed: bool
    kill_reason: str | None
    unjudged: int
    ignored_receipts: int


class SummaryLine(Value, frozen=True):
    """The last line."""

    summary: Summary


def verdict_of(decision: Decision) -> Ruling:
    """Return the word for a decision."""
    return _VERDICTS[type(decision)]


def reason_lines(reasons: tuple[Reason, ...]) -> tuple[ReasonLine, ...]:
    """Return reasons as they are printed."""
    if not reasons:
        return ()
    return tuple([ReasonLine(code=one.code, rule=one.rule, detail=one.detail) for one in reasons])
