"""A recording told as the steps of a simulation."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Final

from placet.kernel import foreign
from placet.policy.loaded import Policy
from placet.policy.simulation.late import leaves_any
from placet.policy.simulation.lines import FunctionCall, Line, ToolCall
from placet.replay.calls.model import CallStatus, ExecutionState, ReceiptStatus, Verdict
from placet.replay.recordings.model import RecordedCall, Recording

_PROPOSED: Final = 0
_APPROVED: Final = 1
_SETTLED: Final = 2
_ENDS: Final = {
    ExecutionState.SUCCEEDED: ReceiptStatus.SUCCEEDED,
    ExecutionState.FAILED: ReceiptStatus.FAILED,
}
_MALFORMED: Final = " "
"""Stands for arguments of no length, since an empty text says that nobody knows them."""


def outcome_of(call: RecordedCall, until: datetime) -> tuple[ReceiptStatus, datetime] | None:
    """Return how a call ended and when, or None where that was not known before `until`."""
    ended: ReceiptStatus | None = None
    at: datetime | None = None
    match call.status:
        case CallStatus.SETTLED:
            ended, at = _ENDS.get(call.execution_state), call.settled_at
        case CallStatus.ABANDONED:
            # Before its time only where its tool's host said that it never began.
            ended, at = ReceiptStatus.FAILED, call.settled_at or call.grant_expires_at
        case CallStatus.SHADOWED:
            ended, at = call.told, call.told_at
    if ended is None or at is None or at >= until:
        return None
    return ended, max(at, call.proposed_at)


def lines_of(recording: Recording, policy: Policy) -> list[Line]:
    """Return the steps of a recording, in the order in which they happened.

    Of outputs, only those are read that make a difference to the policy; the others are null.
    """
    moments = sorted(_moments(recording), key=lambda moment: moment[:4])
    return [
        _line(at, kind, [call for *_, call in happened], policy)
        for (at, kind, _), happened in groupby(moments, key=lambda moment: moment[:3])
    ]


def _moments(
    recording: Recording,
) -> Iterator[tuple[datetime, int, int, int, RecordedCall]]:
    """Yield when something happened, what, and the step and place of the call it happened to."""
    for call in recording.calls:
        place = (call.step_id, call.ordinal)
        yield call.proposed_at, _PROPOSED, *place, call
        if _is_approved(call, recording.until):
            yield call.granted_at or call.proposed_at, _APPROVED, *place, call
        if (outcome := outcome_of(call, recording.until)) is not None:
            yield outcome[1], _SETTLED, *place, call


def _is_approved(call: RecordedCall, until: datetime) -> bool:
    """Say whether people were asked about a call and said yes."""
    return call.verdict is Verdict.ASK and call.granted_at is not None and call.granted_at < until


def _line(at: datetime, kind: int, calls: Iterable[RecordedCall], policy: Policy) -> Line:
    if kind == _PROPOSED:
        return Line(at=at, tool_calls=tuple(_proposed(call) for call in calls))
    if kind == _APPROVED:
        return Line(at=at, tool_calls=(), approved=tuple(str(call.call_id) for call in calls))
    return _settled(at, calls, policy)


def read_outputs(policy: Policy) -> frozenset[str]:
    """Return the tools whose outputs make a difference to a policy.

    Policies for which these are the same are told the same lines.
    """
    return frozenset(tool.name for tool in policy.tools.values() if leaves_any(tool))


def _proposed(call: RecordedCall) -> ToolCall:
    text = "" if call.arguments is None else call.arguments.decode() or _MALFORMED
    return ToolCall(
        id=str(call.call_id), function=FunctionCall(name=call.tool_name, arguments=text)
    )


def _settled(at: datetime, calls: Iterable[RecordedCall], policy: Policy) -> Line:
    outputs: dict[str, object] = {}
    failed: list[str] = []
    for call in calls:
        ended = _ENDS.get(call.execution_state, call.told)
        if ended is ReceiptStatus.SUCCEEDED:
            outputs[str(call.call_id)] = _output(call, policy)
        else:
            failed.append(str(call.call_id))
    return Line(at=at, tool_calls=(), outputs=outputs, failed=tuple(failed))


def _output(call: RecordedCall, policy: Policy) -> object:
    tool = policy.tools.get(call.tool_name)
    if call.output is None or tool is None or not leaves_any(tool):
        return None
    return foreign.read(call.output)[0]


def calls_by_id(recording: Recording) -> Mapping[str, RecordedCall]:
    """Return the calls of a recording by their ids, as a simulation names them."""
    return {str(call.call_id): call for call in recording.calls}
