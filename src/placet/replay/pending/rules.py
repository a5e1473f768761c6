"""From rows to what is shown of them."""

from collections.abc import Sequence

from placet.evidence.fields import Fence
from placet.kernel import foreign
from placet.policy.loaded import Policy
from placet.replay.asks.rules import redact
from placet.replay.calls.model import CallStatus, ReplayExecutionReceipt, ReplayPendingCall
from placet.replay.pending.model import OUTPUT_BYTES_MAX, PendingCallView, ReceiptView
from placet.replay.reconciliations.model import ReadToAsk
from placet.replay.reconciliations.rules import acts_until, read_to_ask


def show_call(
    policy: Policy,
    call: ReplayPendingCall,
    receipts: Sequence[ReplayExecutionReceipt],
    *,
    is_whole: bool,
) -> PendingCallView:
    """Return a call as it is shown to whoever takes over.

    Unless `is_whole`, what the contract redacts is left out, and with it what tools answered.
    """
    fence = None
    if call.grant_epoch is not None and call.grant_fence is not None:
        fence = Fence(epoch=call.grant_epoch, n=call.grant_fence)
    return PendingCallView(
        call_id=call.call_id,
        prepared_request_id=call.prepared_request_id,
        step_id=call.step_id,
        ordinal=call.ordinal,
        tool_call_id=call.tool_call_id,
        tool=call.tool_name,
        arguments_hash=call.arguments_hash.hex(),
        arguments=_arguments(policy, call, is_whole=is_whole),
        status=call.status,
        execution_state=call.execution_state,
        commit_state=call.commit_state,
        commit_requirement=call.commit_requirement,
        evidence_level=call.evidence_level,
        layer=call.layer,
        reasons=call.reasons,
        blocked_why=call.blocked_why,
        effect_key=None if call.effect_key is None else call.effect_key.hex(),
        start_required=call.start_required,
        proposed_at=call.proposed_at,
        deadline=call.deadline_at,
        granted_at=call.granted_at,
        grant_expires_at=call.grant_expires_at,
        grant_fence=fence,
        grant_control_epoch=call.grant_control_epoch,
        grant_control_revision=call.grant_control_revision,
        started_at=call.started_at,
        receipts=[_show_receipt(receipt, is_whole=is_whole) for receipt in receipts],
        reconcile=_read_to_ask(policy, call, is_whole=is_whole),
    )


def _read_to_ask(policy: Policy, call: ReplayPendingCall, *, is_whole: bool) -> ReadToAsk | None:
    since, until = call.granted_at, call.grant_expires_at
    if call.status is not CallStatus.UNKNOWN or since is None or until is None:
        return None
    tool = policy.tools.get(call.tool_name)
    return read_to_ask(tool, call.arguments, acts_until(since, until), is_whole=is_whole)


def _arguments(policy: Policy, call: ReplayPendingCall, *, is_whole: bool) -> str | None:
    if len(call.arguments) > OUTPUT_BYTES_MAX:
        return None
    tool = policy.tools.get(call.tool_name)
    if is_whole or tool is None or not tool.redacted:
        return call.arguments.decode(errors="replace")
    # The hashes of what is hidden are not shown here, so that no salt is needed.
    shown, _ = redact(tool.redacted, foreign.parse(call.arguments), b"")
    return foreign.encode(shown).decode()


def _show_receipt(receipt: ReplayExecutionReceipt, *, is_whole: bool) -> ReceiptView:
    # A contract names no paths to redact in an output: it is shown whole or not at all.
    output = receipt.output if is_whole else None
    is_short = output is not None and len(output) <= OUTPUT_BYTES_MAX
    return ReceiptView(
        receipt_id=receipt.receipt_id,
        idempotency_key=receipt.idempotency_key,
        status=receipt.status,
        evidence_level=receipt.evidence_level,
        output=output.decode(errors="replace") if output is not None and is_short else None,
        output_hash=None if receipt.output_hash is None else receipt.output_hash.hex(),
        external_ref=receipt.external_ref,
        error=receipt.error,
        started_at=receipt.started_at,
        completed_at=receipt.completed_at,
        fence=Fence(epoch=receipt.epoch, n=receipt.fence),
        late=receipt.late,
        conflicting=receipt.conflicting,
        reported_by=receipt.reported_by,
        received_at=receipt.received_at,
    )
