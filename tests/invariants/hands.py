"""Workers and operators on the services of the runtime, each with a memory of its own."""

import json
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec
from tests.invariants.interleave import Side
from tests.replay.desk import REQUEST_HASH

from placet.authority.controls import service as controls
from placet.authority.controls.model import ControlEffect, SetControl
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId, new_event
from placet.evidence.fields import Fence
from placet.kernel.clock import SystemClock
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.replay.calls import prepare, propose, report, settle, start, sweep
from placet.replay.calls.answers import (
    CallOutcome,
    Prepared,
    PrepareRequest,
    ProposalAnswer,
    ReceiptAnswer,
    ReportReceipt,
    SettleCall,
    SettlementAnswer,
    StartCall,
    Started,
)
from placet.replay.calls.model import ReceiptStatus
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.tool_calls import ProposeCalls, ToolCall
from placet.replay.calls.writes import Caller
from placet.replay.controls import service as session_controls
from placet.replay.controls.model import FilterTools, ReportBypass
from placet.replay.sessions import service as sessions
from placet.replay.sessions import store as session_store
from placet.replay.sessions.binding import Binding
from placet.replay.sessions.lease_model import ChangeLease, LeaseAction, LeaseAnswer
from placet.replay.sessions.model import (
    KillAnswer,
    KillSession,
    SessionEnding,
    SessionStatus,
    SessionStopped,
)
from placet.replay.sessions.refusals import AuthorityExpired
from placet.storage.work import SWEEP_SESSION, WorkDue
from placet.tenancy.model import ApiKeyId, ParsedKey

NO_FENCE = Fence(epoch=0, n=0)
LEASE_SECONDS = 60
"""How long a lease lasts: longer than a slow machine takes for what is played under it."""


@dataclass
class Hand:
    """Somebody at work on one session: a worker with a lease or without, or an operator."""

    side: Side
    ids: Ids
    keys: ServerKeys
    who: Principal
    session_id: UUID
    holder: str
    fence: Fence = NO_FENCE

    def __post_init__(self) -> None:
        """Remember nothing yet."""
        self.runtime = Runtime(self.side.db, self.ids, SystemClock(), self.keys)
        self.key = ParsedKey(key_id=ApiKeyId(self.who.key_id), secret_hash=self.who.secret_hash)

    def twin(self, side: Side) -> "Hand":
        """Return the same holder in another process: what a retry of a lost request looks like."""
        return Hand(side, self.ids, self.keys, self.who, self.session_id, self.holder, self.fence)

    @property
    def caller(self) -> Caller:
        """Return who calls."""
        return Caller(
            key=self.key, session_id=self.session_id, holder=self.holder, fence=self.fence
        )

    async def lease(
        self,
        action: LeaseAction = LeaseAction.GRANT,
        *,
        request_id: UUID | None = None,
        holder: str | None = None,
    ) -> LeaseAnswer:
        """Change the lease. What is granted is this hand's own from here on."""
        asked = ChangeLease(
            action=action,
            holder=holder or self.holder,
            request_id=request_id or self.ids.new(),
            ttl_seconds=LEASE_SECONDS,
            reason="it hangs",
        )
        binding = Binding(holder=self.holder, epoch=self.fence.epoch, fence=self.fence.n)
        answer = await sessions.change_lease(
            self.side.db.hot, self.ids, self.key, self.session_id, asked, binding
        )
        if holder is None:
            self.fence = answer.fence
        return answer

    async def prepare(self) -> Prepared:
        """Bind a model request; from here on the session is remembered."""
        asked = PrepareRequest(request_hash=REQUEST_HASH)
        return await prepare.prepare_request(self.runtime, self.caller, asked)

    async def propose(
        self,
        prepared: Prepared,
        *calls: tuple[str, dict[str, Any]],
        request_hash: str = REQUEST_HASH,
    ) -> ProposalAnswer:
        """Propose a model's response to a prepared request."""
        asked = ProposeCalls(
            prepared_request_id=prepared.prepared_request_id,
            request_hash=request_hash,
            tool_calls=[
                ToolCall(id=f"call_{place}", name=name, arguments=json.dumps(arguments))
                for place, (name, arguments) in enumerate(calls)
            ],
        )
        raw = msgspec.json.encode(asked)
        return await propose.propose_calls(self.runtime, self.caller, asked, raw)

    async def call(self, tool: str, arguments: dict[str, Any]) -> CallOutcome:
        """Prepare and propose one call."""
        answer = await self.propose(await self.prepare(), (tool, arguments))
        return answer.calls[0]

    async def start(self, call: CallOutcome, start_id: UUID | None = None) -> Started:
        """Redeem a grant."""
        asked = StartCall(start_id=start_id or self.ids.new())
        return await start.start_call(self.runtime, self.caller, call.call_id, asked)

    async def report(
        self,
        call: CallOutcome,
        status: ReceiptStatus = ReceiptStatus.SUCCEEDED,
        *,
        key: str | None = None,
        output: object = None,
    ) -> ReceiptAnswer:
        """Report what became of a call."""
        asked = ReportReceipt(
            call_id=call.call_id,
            idempotency_key=key or self.ids.new().hex,
            status=status,
            arguments_hash=call.arguments_hash,
            output=None if output is None else json.dumps(output),
        )
        raw = msgspec.json.encode(asked)
        return await report.report_receipt(self.runtime, self.caller, asked, raw)

    async def look_up(self, order_id: str) -> ReceiptAnswer:
        """Look an order up, all the way to the commit."""
        call = await self.call("lookup_order", {"order_id": order_id})
        return await self.report(call, output={"status": "delivered"})

    async def settle(
        self,
        call: CallOutcome | UUID,
        outcome: ReceiptStatus = ReceiptStatus.SUCCEEDED,
        *,
        settlement_id: UUID | None = None,
        receipt_id: UUID | None = None,
    ) -> SettlementAnswer:
        """Settle a call: an operator on its word, a holder on a receipt."""
        asked = SettleCall(
            settlement_id=settlement_id or self.ids.new(),
            call_id=call if isinstance(call, UUID) else call.call_id,
            outcome=outcome,
            reason="looked at the books",
            receipt_id=receipt_id,
        )
        return await settle.settle_call(self.runtime, self.caller, asked)

    async def kill(self) -> KillAnswer:
        """Kill the session."""
        asked = KillSession(reason="enough")
        return await sessions.kill_session(
            self.side.db.hot, self.ids, self.key, self.session_id, asked
        )

    async def kill_tenant(self, key: str = "stop") -> object:
        """Kill the tenant."""
        return await self.kill_wide("tenant", "", key)

    async def kill_wide(
        self, kind: Literal["tenant", "agent", "tool"], target: str, key: str = "stop"
    ) -> object:
        """Kill something wider than the session."""
        asked = SetControl(kind=kind, target=target, effect=ControlEffect.KILL, reason="enough")
        return await controls.set_control(self.side.db.hot, self.ids, self.key, asked, key)

    async def filter_tools(self, *tools: str) -> object:
        """Take tools away from the session."""
        asked = FilterTools(tools=tools, reason="it floods")
        return await session_controls.filter_tools(
            self.side.db.hot, self.ids, self.key, self.session_id, asked
        )

    async def report_bypass(self) -> object:
        """Report that the agent acted around its grants."""
        asked = ReportBypass(reason="it went round")
        return await session_controls.report_bypass(
            self.side.db.hot, self.ids, self.key, self.session_id, asked
        )

    async def end(self) -> str:
        """Write down that the session expired with its approval. Returns the function's code."""
        ending = SessionEnding(
            session_id=StreamId(self.session_id),
            barred=AuthorityExpired.code(),
            was=(SessionStatus.ACTIVE,),
            status=SessionStatus.EXPIRED,
            why="its approval expired",
        )
        return await session_store.end_session(
            self.side.db.hot,
            self.who.tenant_id,
            ending,
            new_event(self.ids, SessionStopped(reason=ending.why)),
        )

    async def sweep(self) -> str:
        """Sweep the session. Returns the code of the function."""
        due = WorkDue(
            tenant_id=self.who.tenant_id,
            kind=SWEEP_SESSION,
            ref=self.session_id,
            due_at=SystemClock().now(),
        )
        return await sweep.sweep_session(self.runtime, due)
