"""The routes that an agent needs, each as one typed function. Nothing is judged here."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.replay.calls.model import ReceiptStatus
from placet.replay.closings.model import CloseAnswer
from placet.replay.sessions.lease_model import ChangeLease, LeaseAnswer
from placet.replay.sessions.model import KillAnswer, SessionMode
from placet.sdk.answers import (
    CallState,
    Claimed,
    OrphanKept,
    Prepared,
    Proposal,
    ReceiptAnswer,
    SessionAnswer,
    Settlement,
    Started,
    UnguardedTold,
)
from placet.sdk.caller import Ask, Caller, Heard, json_body, path_of, query_of, read
from placet.sdk.notes import Attestation
from placet.sdk.retry import Patience

BINDING: Final = "Placet-Binding"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"


class ToolCall(Value, frozen=True):
    """A tool call as a model made it; `arguments` is the JSON text that it wrote."""

    id: str
    name: str
    arguments: str

    def __repr__(self) -> str:
        """Show the call without its arguments, which may hold what must not stand in a log."""
        return f"ToolCall({self.name!r}, id={self.id!r})"


class NextRequest(Value, frozen=True):
    """A model request that is to be prepared along with a receipt; hashed by `request_hash_of`."""

    request_hash: str
    model: str | None = None
    offered_tools: list[str] = msgspec.field(default_factory=list)


class Receipt(Value, frozen=True):
    """What became of a call. Times are those of this process, and only told."""

    call_id: UUID
    idempotency_key: str
    status: ReceiptStatus
    arguments_hash: str
    output: str | None = None
    external_ref: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str | None = None
    cost_micros: int | None = None
    attestation: Attestation | None = None

    def __repr__(self) -> str:
        """Show the call and how it ended, without its output."""
        return f"Receipt({self.call_id}, {self.status.value})"


class Owed(Value, frozen=True):
    """A receipt that is to be delivered, with the text of the grant that its call ran under.

    `arguments` are those that were granted: only a service that lost the call is told of them.
    """

    receipt: Receipt
    grant: str | None = None
    arguments: str | None = None

    def __repr__(self) -> str:
        """Show the receipt; whoever has the grant may use it."""
        return f"Owed({self.receipt!r})"


class Settle(Value, frozen=True):
    """How an unknown call is settled: by a receipt or a read that is cited, or by an operator.

    `reconciled_by` is the call of the read that the contract names; then `outcome` may be left out.
    """

    settlement_id: UUID
    call_id: UUID
    outcome: ReceiptStatus | None = None
    reason: str
    receipt_id: UUID | None = None
    reconciled_by: UUID | None = None


class Endpoints:
    """The replay routes over one caller. Every request may be sent twice."""

    def __init__(self, caller: Caller, patience: Patience) -> None:
        """Take the caller, and how long each request is tried."""
        self._caller = caller
        self._patience = patience

    def __repr__(self) -> str:
        """Show the caller."""
        return f"Endpoints({self._caller!r})"

    async def open_session(
        self, mode: SessionMode | None, key: UUID, assertion: bytes | None = None
    ) -> SessionAnswer:
        """Open a session for the key's agent and environment; `key` makes it one, however often."""
        body = json_body(mode=mode, assertion=assertion)
        headers = {IDEMPOTENCY_KEY: str(key)}
        ask = Ask(method="POST", path="/replay/sessions", body=body, headers=headers)
        return await self._caller.ask(ask, SessionAnswer, self._patience)

    async def session(self, session_id: UUID, *, pending: bool = False) -> SessionAnswer:
        """Return a session, with its open calls if `pending`."""
        query = query_of({"include": "pending" if pending else None})
        path = path_of("/replay/sessions/{id}", id=session_id) + query
        return await self._caller.ask(Ask(method="GET", path=path), SessionAnswer, self._patience)

    async def lease(
        self, session_id: UUID, change: ChangeLease, binding: str | None, patience: Patience
    ) -> tuple[LeaseAnswer, Heard]:
        """Grant, renew, release or steal; also tells when the request first went out."""
        body = msgspec.Raw(msgspec.json.encode(change))
        ask = _post("/replay/sessions/{id}/lease", body, binding, id=session_id)
        heard = await self._caller.hear(ask, patience)
        return read(heard, LeaseAnswer), heard

    async def preflight(
        self,
        session_id: UUID,
        binding: str | None,
        *,
        request_hash: str,
        model: str | None,
        offered_tools: Sequence[str],
    ) -> Prepared:
        """Bind a model request to the present state. A repeated one is prepared anew."""
        body = json_body(request_hash=request_hash, model=model, offered_tools=list(offered_tools))
        ask = _post("/replay/sessions/{id}/preflight", body, binding, id=session_id)
        return await self._caller.ask(ask, Prepared, self._patience)

    async def propose(
        self,
        session_id: UUID,
        binding: str | None,
        *,
        prepared: Prepared,
        request_hash: str,
        tool_calls: Sequence[ToolCall],
    ) -> Proposal:
        """Have tool calls decided. The prepared request makes a repeated proposal the same one."""
        body = json_body(
            prepared_request_id=prepared.prepared_request_id,
            request_hash=request_hash,
            tool_calls=list(tool_calls),
        )
        ask = _post("/replay/sessions/{id}/proposals", body, binding, id=session_id)
        return await self._caller.ask(ask, Proposal, self._patience)

    async def call_tools(
        self, session_id: UUID, binding: str | None, *, tool_calls: Sequence[ToolCall], key: str
    ) -> Proposal:
        """Prepare and propose at once; `key` makes repeated calls the same ones."""
        body = json_body(tool_calls=list(tool_calls))
        ask = _post("/replay/sessions/{id}/calls", body, binding, id=session_id)
        headers = ask.headers | {IDEMPOTENCY_KEY: key}
        return await self._caller.ask(
            msgspec.structs.replace(ask, headers=headers), Proposal, self._patience
        )

    async def call(self, session_id: UUID, call_id: UUID, *, wait: int = 0) -> CallState:
        """Return a call, once people have answered it or after `wait` seconds."""
        path = path_of("/replay/sessions/{id}/calls/{call}", id=session_id, call=call_id)
        ask = Ask(method="GET", path=path + query_of({"wait": wait or None}))
        attempt = self._patience.attempt + wait
        patience = Patience(total=max(self._patience.total, 2.0 * attempt), attempt=attempt)
        return await self._caller.ask(ask, CallState, patience)

    async def claim(
        self, session_id: UUID, binding: str | None, *, call_id: UUID, claim_id: UUID
    ) -> Claimed:
        """Claim a call that people said yes to; `claim_id` makes a repeated claim the same one."""
        body = json_body(claim_id=claim_id)
        path = "/replay/sessions/{id}/calls/{call}/claim"
        ask = _post(path, body, binding, id=session_id, call=call_id)
        return await self._caller.ask(ask, Claimed, self._patience)

    async def start(
        self, session_id: UUID, binding: str | None, *, call_id: UUID, start_id: UUID
    ) -> Started:
        """Redeem a grant, just before the tool is begun."""
        body = json_body(start_id=start_id)
        path = "/replay/sessions/{id}/calls/{call}/start"
        ask = _post(path, body, binding, id=session_id, call=call_id)
        return await self._caller.ask(ask, Started, self._patience)

    async def receipt(
        self,
        session_id: UUID,
        binding: str | None,
        receipt: Receipt,
        patience: Patience,
        following: NextRequest | None = None,
    ) -> ReceiptAnswer:
        """Report what became of a call; never refused for being late.

        The preflight of the `following` model request is no part of the report.
        """
        told = msgspec.structs.asdict(receipt)
        more = {} if following is None else {"next": following}
        body = msgspec.Raw(msgspec.json.encode(told | more))
        ask = _post("/replay/sessions/{id}/receipts", body, binding, id=session_id)
        return await self._caller.ask(ask, ReceiptAnswer, patience)

    async def orphan(self, owed: Owed, patience: Patience) -> None:
        """Report on a call that the service does not know any more, with the grant that proves it.

        Refuses `orphan_refused` where it knows the call all the same, or the grant proves nothing.
        """
        receipt = owed.receipt
        padding = "=" * (-len(owed.grant or "") % 4)
        body = json_body(
            grant=msgspec.Raw(base64.urlsafe_b64decode((owed.grant or "") + padding)),
            status=receipt.status,
            arguments_hash=receipt.arguments_hash,
            arguments=owed.arguments,
            output=receipt.output,
            external_ref=receipt.external_ref,
            error=receipt.error,
            started_at=receipt.started_at,
            completed_at=receipt.completed_at,
            cost_micros=receipt.cost_micros,
            attestation=receipt.attestation,
        )
        headers = {IDEMPOTENCY_KEY: receipt.idempotency_key}
        ask = Ask(method="POST", path="/replay/orphans", body=body, headers=headers)
        # Read, because anything in between may answer: then nothing was kept.
        await self._caller.ask(ask, OrphanKept, patience)

    async def settle(self, session_id: UUID, binding: str | None, settle: Settle) -> Settlement:
        """Take a call out of `unknown`."""
        body = msgspec.Raw(msgspec.json.encode(settle))
        ask = _post("/replay/sessions/{id}/settlements", body, binding, id=session_id)
        return await self._caller.ask(ask, Settlement, self._patience)

    async def report_unguarded(
        self, session_id: UUID, *, calls: int, since: datetime, key: str, patience: Patience
    ) -> None:
        """Tell of calls that ran without a grant, the first of them at `since`."""
        body = json_body(calls=calls, since=since)
        ask = _post("/replay/sessions/{id}/report-unguarded", body, None, id=session_id)
        ask = msgspec.structs.replace(ask, headers={IDEMPOTENCY_KEY: key})
        await self._caller.ask(ask, UnguardedTold, patience)

    async def close(self, session_id: UUID, binding: str | None, reason: str | None) -> CloseAnswer:
        """Take no new calls in a session, and end it once nothing is open."""
        ask = _post("/replay/sessions/{id}/close", json_body(reason=reason), binding, id=session_id)
        return await self._caller.ask(ask, CloseAnswer, self._patience)

    async def kill(self, session_id: UUID, reason: str) -> KillAnswer:
        """Stop a session for ever."""
        body = json_body(reason=reason)
        ask = _post("/replay/sessions/{id}/kill", body, None, id=session_id)
        return await self._caller.ask(ask, KillAnswer, self._patience)


def _post(template: str, body: msgspec.Raw, binding: str | None, **ids: UUID) -> Ask:
    headers = {} if binding is None else {BINDING: binding}
    return Ask(method="POST", path=path_of(template, **ids), body=body, headers=headers)
