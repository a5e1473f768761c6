"""Receipts: keep every report, and settle its call where the evidence is enough."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.refusals import MalformedBody
from placet.kernel.value import Value
from placet.replay.calls import attested, store
from placet.replay.calls.answers import ReceiptAnswer, ReportReceipt
from placet.replay.calls.attested import AttestationFate, HostWord
from placet.replay.calls.events import ReceiptReceived
from placet.replay.calls.memory import Known
from placet.replay.calls.model import (
    CallStatus,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    Stop,
)
from placet.replay.calls.next_call import CountedCall, NextCall
from placet.replay.calls.rules import Word, decide_word
from placet.replay.calls.runtime import ATTEMPTS, COLD, UNREAD, Runtime
from placet.replay.calls.writes import Caller, ReceiptWrite
from placet.replay.sessions.codes import STALE, refusal
from placet.storage.database import HotPool, HotRow

Send: TypeAlias = Callable[[HotPool, Caller, ReceiptWrite], Awaitable[HotRow]]
"""What has a receipt written."""


class ToldCall(Value, frozen=True):
    """The call that a function told of along with the facts."""

    call_id: UUID
    tool_name: str
    arguments: str
    status: CallStatus
    counts: bool
    phase: str | None
    step: int
    cost_micros: int | None
    since: datetime
    is_settled: bool
    is_unknown: bool
    is_begun: bool
    others: int


class _Told(Value, frozen=True):
    call: ToldCall
    receipt_id: UUID | None = None


class _Report(Value, frozen=True):
    """A report as it is kept, whatever becomes of its call.

    `frees` is false where its call's grant may still be used elsewhere, so that a host that did
    not begin it frees nothing yet.
    """

    asked: ReportReceipt
    receipt_id: UUID
    fingerprint: bytes
    output: bytes | None
    output_hash: bytes | None
    attested: HostWord | AttestationFate | None
    frees: bool = True

    @property
    def host_word(self) -> HostWord | None:
        """Return the signed word of the tool's host, if it came and says the same."""
        return self.attested if isinstance(self.attested, HostWord) else None

    @property
    def fate(self) -> AttestationFate | None:
        """Return what became of the attestation, if one came."""
        return AttestationFate.TAKEN if isinstance(self.attested, HostWord) else self.attested


_TOLD: Final = msgspec.json.Decoder(_Told)


async def report_receipt(
    runtime: Runtime, caller: Caller, asked: ReportReceipt, raw: bytes, send: Send = store.receive
) -> ReceiptAnswer:
    """Keep a receipt, and settle its call with it where it may. Never refused for being late.

    A reporter who names no binding has the fence zero; its report counts as late.
    """
    report = _read(runtime, caller, asked, raw)
    # Reports of one session settle one after the other: each moves the facts of the next.
    async with runtime.turn(caller.key, caller.session_id):
        return await _keep(runtime, caller, report, send)


async def _keep(runtime: Runtime, caller: Caller, report: _Report, send: Send) -> ReceiptAnswer:
    asked = report.asked
    known = runtime.find(caller.key, caller.session_id)
    call = None if known is None else known.find_open(asked.call_id)
    for attempt in range(ATTEMPTS):
        if not await _is_of(runtime, known, call, report):
            report = msgspec.structs.replace(report, attested=AttestationFate.OTHER_CALL)
        following = await _follow(runtime, known, call, report)
        version = COLD if following is None or known is None else known.state_version
        if report.host_word is not None and (known is None or call is None):
            # Of which call it tells is held against what the function answers.
            version = UNREAD
        # The last attempt asks for no settlement, so the receipt is kept whatever else happens.
        decided = None if attempt == ATTEMPTS - 1 else version
        write = _write(runtime, caller, report, following, decided)
        row = await send(runtime.db.hot, caller, write)
        match row["code"]:
            case "redo":
                known = runtime.learn(caller.key, caller.session_id, row["facts"], known)
                told = _TOLD.decode(row["facts"])
                call = counted_call(told.call)
                known.told(call, counts=told.call.counts)
                # A retry of a receipt that was kept but settled nothing settles with that one.
                report = msgspec.structs.replace(
                    report, receipt_id=told.receipt_id or report.receipt_id
                )
            case "ok":
                if row["moved"] and known and call and following:
                    policy = (await runtime.pinned(known)).policy
                    known.settled(policy, call, following, row["settled_at"] or known.at)
                    known.moved(following.after, row["state_version"], known.at)
                return _answer(report, row)
            case "unattested":
                # The host's key counts for nothing here: what is left is the caller's own word.
                plain = msgspec.structs.replace(report, attested=AttestationFate.HOST)
                return await _keep(runtime, caller, plain, send)
            case "usable":
                # Its grant may be good at another host: that this did not begin it frees nothing.
                plain = msgspec.structs.replace(report, frees=False)
                return await _keep(runtime, caller, plain, send)
            case code:
                raise refusal(code)
    raise refusal(STALE)


def counted_call(told: ToldCall) -> CountedCall:
    """Return the call as the rules take it."""
    return CountedCall(
        call_id=told.call_id,
        tool=told.tool_name,
        arguments=told.arguments.encode(),
        phase=told.phase,
        step=told.step,
        since=told.since,
        status=told.status,
        others=told.others,
        cost_micros=told.cost_micros,
        is_settled=told.is_settled,
        is_unknown=told.is_unknown,
        is_begun=told.is_begun,
    )


def stop_told(row: HotRow, call_id: UUID) -> Stop | None:
    """Return the stop of the session at this call, if the function told of one, also once more."""
    return None if row["stopped"] is None else Stop(limit=row["stopped"], call_id=call_id)


def _read(runtime: Runtime, caller: Caller, asked: ReportReceipt, raw: bytes) -> _Report:
    output = None
    if asked.output is not None:
        try:
            output = foreign.encode(foreign.parse(asked.output.encode()))
        except foreign.ForeignJsonError as fault:
            raise MalformedBody(
                detail="`output` is no JSON text",
                errors=[{"pointer": "/output", "detail": fault.message}],
            ) from fault
    output_hash = None if output is None else digest("output", output)
    return _Report(
        asked=asked,
        receipt_id=runtime.ids.new(),
        fingerprint=_fingerprint(raw),
        output=output,
        output_hash=output_hash,
        attested=_attested(caller, asked, output_hash),
    )


def _attested(
    caller: Caller, asked: ReportReceipt, output_hash: bytes | None
) -> HostWord | AttestationFate | None:
    if asked.attestation is None:
        return None
    said = attested.Said(
        session_id=str(caller.session_id),
        call_id=str(asked.call_id),
        arguments_hash=asked.arguments_hash,
        outcome=asked.status.value,
        output_hash=None if output_hash is None else output_hash.hex(),
        external_ref=asked.external_ref,
    )
    return attested.read_attestation(asked.attestation, said)


def _fingerprint(raw: bytes) -> bytes:
    """Return the hash of what was reported. What is asked for beside it makes no other report."""
    told = foreign.parse(raw)
    if isinstance(told, dict):
        told.pop("next", None)
    return digest("receipt", foreign.encode(told))


async def _is_of(
    runtime: Runtime, known: Known | None, call: CountedCall | None, report: _Report
) -> bool:
    """Tell whether a host's word, if there is one, is of the call as far as that is known here."""
    if report.host_word is None or known is None or call is None:
        return True
    tool = (await runtime.pinned(known)).policy.tools.get(call.tool)
    return attested.place_of(report.host_word) == attested.Place(
        tenant_id=known.tenant_id,
        environment=known.environment,
        server=None if tool is None else tool.server,
        tool=call.tool,
    )


async def _follow(
    runtime: Runtime, known: Known | None, call: CountedCall | None, report: _Report
) -> NextCall | None:
    if known is None or call is None:
        return None
    word = Word(
        call=call,
        status=report.asked.status,
        level=attested.level_of(report.attested),
        output=report.output,
        receipt_id=report.receipt_id,
        cost_micros=report.asked.cost_micros,
        never_begun=report.host_word is not None and report.host_word.never_begun,
        frees=report.frees,
    )
    pinned = await runtime.pinned(known)
    return decide_word(pinned.policy, known.state, known.environment, word)


def _write(
    runtime: Runtime,
    caller: Caller,
    report: _Report,
    following: NextCall | None,
    decided_version: int | None,
) -> ReceiptWrite:
    asked = report.asked
    received = ReceiptReceived(
        receipt_id=report.receipt_id,
        call_id=asked.call_id,
        idempotency_key=asked.idempotency_key,
        status=asked.status,
        evidence_level=attested.level_of(report.attested),
        arguments_hash=asked.arguments_hash,
        output_hash=None if report.output_hash is None else report.output_hash.hex(),
        external_ref=asked.external_ref,
        epoch=caller.fence.epoch,
        fence=caller.fence.n,
        attested_by=report.host_word,
        cost_micros=asked.cost_micros,
    )
    said: list[Value] = [received, *(() if following is None else following.said)]
    return ReceiptWrite(
        call_id=asked.call_id,
        receipt_id=report.receipt_id,
        idempotency_key=asked.idempotency_key,
        fingerprint=report.fingerprint,
        status=asked.status,
        evidence_level=attested.level_of(report.attested),
        arguments_hash=bytes.fromhex(asked.arguments_hash),
        output_hash=report.output_hash,
        output=report.output,
        external_ref=asked.external_ref,
        error=asked.error,
        started_at=asked.started_at,
        completed_at=asked.completed_at,
        decided_version=decided_version,
        following=following,
        cost_micros=asked.cost_micros,
        events=[runtime.event(event) for event in said],
    )


def _answer(report: _Report, row: HotRow) -> ReceiptAnswer:
    return ReceiptAnswer(
        receipt_id=row["receipt_id"],
        call_id=report.asked.call_id,
        call_status=CallStatus(row["status"]),
        execution_state=ExecutionState(row["execution_state"]),
        commit_state=CommitState(row["commit_state"]),
        evidence_level=EvidenceLevel(row["evidence_level"]),
        late=row["late"],
        conflicting=row["conflicting"],
        settled=row["applied"] and row["settled_at"] is not None,
        state_version=row["state_version"],
        current_phase=row["current_phase"],
        replayed=row["replayed"],
        stopped=stop_told(row, report.asked.call_id),
        attestation=report.fate,
    )
