"""Going on with what an earlier process left: calls that wait for people, and unknown ones."""

from uuid import UUID

from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus, Verdict
from placet.sdk.answers import PendingCall, ProposedCall
from placet.sdk.asks import WAITING
from placet.sdk.endpoints import ToolCall
from placet.sdk.reconcile import Reconciled, reconcile
from placet.sdk.session import Session
from placet.sdk.turn import Ending, Outcome, Tools, go_on


class Resumed(Value, frozen=True):
    """What became of the calls that were open.

    `outcomes` has one for each call that waited for people; `reconciled` what a read told of each
    unknown call whose contract names one, by the call's id.
    """

    outcomes: list[Outcome]
    reconciled: dict[UUID, Reconciled]


async def resume(session: Session, tools: Tools) -> Resumed:
    """Ask the reads that tell of unknown calls, then wait for people and run what they approve.

    `tools` maps names to callables, among them the reads. Each step that waits is waited for up to
    `session.approval_seconds`; what still waits then is a `WAITING` outcome. Raises the service's
    refusals.
    """
    session.check()
    found = (await session.state(pending=True)).pending or []
    reconciled = {
        call.call_id: await reconcile(session, call, tools)
        for call in found
        if call.status == CallStatus.UNKNOWN and call.reconcile is not None
    }
    outcomes: list[Outcome] = []
    steps: dict[UUID, list[tuple[ToolCall, ProposedCall]]] = {}
    for call in found:
        if call.status in WAITING and call.arguments is None:
            outcomes.append(_not_run(call))
        elif call.status in WAITING:
            steps.setdefault(call.prepared_request_id, []).append(_as_proposed(call))
    for step in steps.values():
        outcomes += await go_on(session, tools, step)
    return Resumed(outcomes=outcomes, reconciled=reconciled)


def _not_run(call: PendingCall) -> Outcome:
    return Outcome(
        tool_call_id=call.tool_call_id,
        tool=call.tool,
        ending=Ending.NOT_RUN,
        text=f"`{call.tool}` was not run: its arguments are too long to be read back",
        call_id=call.call_id,
    )


def _as_proposed(call: PendingCall) -> tuple[ToolCall, ProposedCall]:
    asked = ToolCall(id=call.tool_call_id, name=call.tool, arguments=call.arguments or "")
    return asked, ProposedCall(
        call_id=call.call_id,
        tool_call_id=call.tool_call_id,
        tool=call.tool,
        verdict=Verdict.ASK,
        status=CallStatus(call.status),
        start_required=call.start_required,
        arguments_hash=call.arguments_hash,
        deadline=call.deadline,
    )
