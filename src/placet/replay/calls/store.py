"""The calls of the hot functions, each one round trip, and questions about calls."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.events.model import NewEvent
from placet.kernel.value import Value
from placet.replay.calls.model import (
    EvidenceLevel,
    ReceiptStatus,
    ReplayExecutionReceipt,
    ReplayPendingCall,
)
from placet.replay.calls.next_call import NOTHING_LEFT, NextCall
from placet.replay.calls.tables import DUE, PENDING_CALL, RECEIPT
from placet.replay.calls.writes import (
    Caller,
    Decided,
    PreflightWrite,
    ProposalWrite,
    ReceiptWrite,
    SettlementWrite,
    SweepWrite,
)
from placet.replay.sessions.rules import encode_state
from placet.storage.database import HotPool, Reading
from placet.storage.warm import called

OPEN_STATUSES = ("granted", "unknown", "held", "awaiting_approval")
DUE_STATUSES = ("granted", "awaiting_approval")
OUT_STATUSES = ("granted", "unknown")
_START = called("start_v1", 12)
_SETTLE = called("settle_v1", 21)
_SWEEP = called("sweep_v1", 15)


async def prepare(
    hot: HotPool, caller: Caller, decided: Decided, write: PreflightWrite
) -> asyncpg.Record:
    """Bind a model request to the session's state."""
    arguments = (
        *caller.arguments(),
        *decided.arguments(),
        write.prepared_request_id,
        write.request_hash,
        *write.arguments(),
    )
    return await send(hot, caller, "preflight_v1", arguments)


async def propose(
    hot: HotPool, caller: Caller, decided: Decided, write: ProposalWrite
) -> asyncpg.Record:
    """Consume a prepared request and register its calls, or answer with a code."""
    arguments = proposal_arguments(caller, decided, write)
    return await send(hot, caller, "propose_v1", arguments, alone=write.stands_alone)


def proposal_arguments(
    caller: Caller, decided: Decided, write: ProposalWrite
) -> tuple[object, ...]:
    """Return the first arguments of every function that registers calls."""
    return (
        *caller.arguments(),
        write.prepared_request_id,
        write.request_hash,
        write.proposal_hash,
        *decided.arguments(),
        msgspec.json.encode(write.rows).decode(),
        write.answer,
        write.state,
        write.phase,
        write.closes,
        write.granted,
        _text(None if write.left == NOTHING_LEFT else write.left),
        _text(write.stop),
        *_columns(write.events),
    )


async def start(
    hot: HotPool, caller: Caller, call_id: UUID, start_id: UUID, event: NewEvent
) -> asyncpg.Record:
    """Redeem a grant."""
    return await hot.call(
        _START,
        *caller.arguments(),
        call_id,
        start_id,
        event.event_id,
        event.type,
        event.salt,
        event.body,
    )


async def receive(hot: HotPool, caller: Caller, write: ReceiptWrite) -> asyncpg.Record:
    """Keep a receipt, and settle its call with it where it may."""
    arguments = receipt_arguments(caller, write)
    return await send(hot, caller, "receipt_v1", arguments, alone=write.stands_alone, owed=True)


async def send(  # noqa: PLR0913 -- what is called, for whom, and in which of the two ways
    hot: HotPool,
    caller: Caller,
    name: str,
    arguments: tuple[object, ...],
    *,
    alone: bool = False,
    owed: bool = False,
) -> asyncpg.Record:
    """Call a hot function, with others of this key unless it stands `alone`."""
    if alone:
        return await hot.call(called(name, len(arguments)), *arguments, owed=owed)
    key = (caller.key.key_id, caller.key.secret_hash)
    return await hot.together(name, key, caller.session_id, arguments, owed=owed)


def receipt_arguments(caller: Caller, write: ReceiptWrite) -> tuple[object, ...]:
    """Return the first arguments of every function that keeps a receipt."""
    return (
        caller.key.key_id,
        caller.key.secret_hash,
        caller.session_id,
        caller.fence.epoch,
        caller.fence.n,
        write.call_id,
        write.receipt_id,
        write.idempotency_key,
        write.fingerprint,
        write.status.value,
        write.evidence_level.value,
        write.arguments_hash,
        write.output_hash,
        write.output,
        write.external_ref,
        write.error,
        write.started_at,
        write.completed_at,
        write.decided_version,
        _next(write.following),
        None if write.following is None else encode_state(write.following.after),
        write.cost_micros,
        *_columns(write.events),
    )


async def settle(hot: HotPool, caller: Caller, write: SettlementWrite) -> asyncpg.Record:
    """Take a call out of `granted` or `unknown`."""
    return await hot.call(
        _SETTLE,
        *caller.arguments(),
        write.settlement_id,
        write.call_id,
        write.outcome,
        write.receipt_id,
        write.reason,
        write.reconciled_by,
        write.decided_version,
        write.evidence_level.value,
        _next(write.following),
        None if write.following is None else encode_state(write.following.after),
        write.is_operator,
        *_columns(write.events),
    )


async def sweep(hot: HotPool, write: SweepWrite) -> str:
    """Write a sweep if its facts still hold. Returns the function's code."""
    row = await hot.call(
        _SWEEP,
        write.tenant_id,
        write.session_id,
        write.actor_id,
        write.decided_version,
        msgspec.json.encode(write.calls).decode(),
        write.state,
        write.phase,
        write.status.value,
        _text(None if write.left == NOTHING_LEFT else write.left),
        _text(write.stop),
        write.taken_due_at,
        *_columns(write.events),
    )
    code: str = row["code"]
    return code


async def list_open_calls(
    tx: Reading, session_id: UUID, *, limit: int | None = None
) -> list[ReplayPendingCall]:
    """Return the calls of a session that may still change, in the order of their proposal.

    With `limit`, the first so many of them.
    """
    return await tx.list(
        ReplayPendingCall,
        sa.select(PENDING_CALL)
        .where(
            PENDING_CALL.c.tenant_id == tx.tenant_id,
            PENDING_CALL.c.session_id == session_id,
            PENDING_CALL.c.status.in_(OPEN_STATUSES),
        )
        .order_by(PENDING_CALL.c.step_id, PENDING_CALL.c.ordinal)
        .limit(limit),
    )


async def list_overdue_calls(
    tx: Reading, session_id: UUID, since: datetime, until: datetime, *, limit: int
) -> list[ReplayPendingCall]:
    """Return the first calls of a session of which something must become in that time.

    Those that fell due before are not read: a session's `next_due_at` says that none is left there.
    """
    due = sa.literal_column(DUE, sa.DateTime(timezone=True))
    found = await tx.list(
        ReplayPendingCall,
        sa.select(PENDING_CALL)
        .where(
            PENDING_CALL.c.tenant_id == tx.tenant_id,
            PENDING_CALL.c.session_id == session_id,
            due >= since,
            due <= until,
            PENDING_CALL.c.status.in_(DUE_STATUSES),
        )
        .order_by(due)
        .limit(limit),
    )
    return sorted(found, key=lambda call: (call.step_id, call.ordinal))


async def list_held_calls(
    tx: Reading, session_id: UUID, prepared: Collection[UUID]
) -> list[ReplayPendingCall]:
    """Return the calls of these requests that wait for an ask beside them."""
    return await tx.list(
        ReplayPendingCall,
        sa.select(PENDING_CALL).where(
            PENDING_CALL.c.tenant_id == tx.tenant_id,
            PENDING_CALL.c.prepared_request_id.in_(prepared),
            PENDING_CALL.c.status == "held",
            _within(PENDING_CALL.c.session_id, session_id),
        ),
    )


async def is_any_out(tx: Reading, session_id: UUID, but: Collection[UUID]) -> bool:
    """Tell whether a grant of a session is out, or unknown, beside those of these calls."""
    rows = await tx.rows(
        sa.select(PENDING_CALL.c.call_id)
        .where(
            PENDING_CALL.c.tenant_id == tx.tenant_id,
            PENDING_CALL.c.session_id == session_id,
            PENDING_CALL.c.status.in_(OUT_STATUSES),
            PENDING_CALL.c.call_id.not_in(but),
        )
        .limit(1)
    )
    return bool(rows)


async def count_alive(tx: Reading, session_id: UUID, prepared: Collection[UUID]) -> dict[int, int]:
    """Return how many calls count of each of these requests, by its step."""
    rows = await tx.rows(
        sa.select(PENDING_CALL.c.step_id, sa.func.count().label("alive"))
        .where(
            PENDING_CALL.c.tenant_id == tx.tenant_id,
            PENDING_CALL.c.prepared_request_id.in_(prepared),
            PENDING_CALL.c.counts,
            _within(PENDING_CALL.c.session_id, session_id),
        )
        .group_by(PENDING_CALL.c.step_id)
    )
    return {int(row.step_id): int(row.alive) for row in rows}


def _within(column: sa.Column[UUID], session_id: UUID) -> sa.ColumnElement[bool]:
    """Return the condition that rows are of a session, as a text that no index knows.

    As an id it has all of a long session read, by the primary key, where most are short.
    """
    return sa.cast(column, sa.Text) == str(session_id)


class ReportedWord(Value, frozen=True):
    """The first receipt of a call at its level and by its host, without its output."""

    receipt_id: UUID
    pending_call_id: UUID
    tool_name: str
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    attested_by: str | None


async def list_reported_statuses(
    tx: Reading, session_id: UUID, calls: Collection[UUID]
) -> dict[UUID, set[ReceiptStatus]]:
    """Return every status that was reported of each of these calls, late or not."""
    rows = await tx.rows(
        sa.select(RECEIPT.c.pending_call_id, RECEIPT.c.status)
        .distinct()
        .where(
            RECEIPT.c.tenant_id == tx.tenant_id,
            RECEIPT.c.pending_call_id.in_(calls),
            _within(RECEIPT.c.session_id, session_id),
        )
    )
    found: dict[UUID, set[ReceiptStatus]] = {}
    for row in rows:
        found.setdefault(row.pending_call_id, set()).add(ReceiptStatus(row.status))
    return found


async def list_reported_words(
    tx: Reading, session_id: UUID, calls: Collection[UUID]
) -> list[ReportedWord]:
    """Return what says for certain what became of these calls, and came in order.

    Of a call no more than one receipt for each level and host, the first of them: so many reports
    as there may be, so few are read.
    """
    kind = (RECEIPT.c.pending_call_id, RECEIPT.c.evidence_level, RECEIPT.c.attested_by)
    return await tx.list(
        ReportedWord,
        sa.select(*(RECEIPT.c[name] for name in ReportedWord.__struct_fields__))
        .ext(postgresql.distinct_on(*kind))
        .where(
            RECEIPT.c.tenant_id == tx.tenant_id,
            RECEIPT.c.pending_call_id.in_(calls),
            _within(RECEIPT.c.session_id, session_id),
            RECEIPT.c.status.in_([ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED]),
            ~RECEIPT.c.late,
            ~RECEIPT.c.conflicting,
        )
        .order_by(*kind, RECEIPT.c.receipt_id),
    )


async def list_receipts(
    tx: Reading, session_id: UUID, receipts: Collection[UUID]
) -> dict[UUID, ReplayExecutionReceipt]:
    """Return these receipts by the calls that they are of."""
    found = await tx.list(
        ReplayExecutionReceipt,
        sa.select(RECEIPT).where(
            RECEIPT.c.tenant_id == tx.tenant_id,
            RECEIPT.c.session_id == session_id,
            RECEIPT.c.receipt_id.in_(receipts),
        ),
    )
    return {receipt.pending_call_id: receipt for receipt in found}


def _columns(
    events: Sequence[NewEvent],
) -> tuple[list[UUID], list[str], list[bytes], list[bytes]]:
    return (
        [event.event_id for event in events],
        [event.type for event in events],
        [event.salt for event in events],
        [event.body for event in events],
    )


def _next(following: NextCall | None) -> str | None:
    if following is None:
        return None
    plain: dict[str, object] = {
        "status": following.status,
        "execution_state": following.execution_state,
        "commit_state": following.commit_state,
        "frees_effect_key": following.frees_effect_key,
        "session_status": following.session_status,
        "phase": following.phase,
        "settles": following.settles,
    }
    if following.left != NOTHING_LEFT:
        plain["left"] = following.left
    if following.stop is not None:
        plain["stop"] = following.stop
    return msgspec.json.encode(plain).decode()


def _text(value: Value | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
