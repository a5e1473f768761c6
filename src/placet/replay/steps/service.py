"""Two requests in one commit: a receipt with the next preflight, and calls at once."""

from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids, derived_id
from placet.kernel.refusals import Refusal
from placet.replay.calls.answers import (
    Prepared,
    PrepareRequest,
    ProposalAnswer,
    ReceiptAnswer,
    ReportReceipt,
)
from placet.replay.calls.model import Narrowing
from placet.replay.calls.prepare import (
    Narrowed,
    narrow_tools,
    preflight_write,
    prepare_request,
)
from placet.replay.calls.propose import register_calls
from placet.replay.calls.report import report_receipt
from placet.replay.calls.runtime import COLD, Runtime
from placet.replay.calls.tool_calls import ProposeCalls, read_proposal
from placet.replay.calls.writes import Caller, Decided, PreflightWrite, ProposalWrite, ReceiptWrite
from placet.replay.sessions.binding import encode_binding
from placet.replay.steps import store
from placet.replay.steps.model import CallTools
from placet.storage.database import HotPool, HotRow


async def call_tools(
    runtime: Runtime, caller: Caller, asked: CallTools, raw: bytes, idempotency_key: str
) -> ProposalAnswer:
    """Decide and register tool calls at once; the same key and body again, the same answer."""
    place = digest("calls", caller.session_id.bytes, idempotency_key.encode())
    request_hash = digest("calls_request", foreign.encode(foreign.parse(raw))).hex()
    proposal = ProposeCalls(
        prepared_request_id=derived_id(place),
        request_hash=request_hash,
        tool_calls=asked.tool_calls,
    )
    proposed = read_proposal(proposal, raw, _Derived(runtime.ids, place))
    # No model asked which tools it may use, so none were narrowed for it.
    request = PrepareRequest(
        request_hash=request_hash,
        offered_tools=list(dict.fromkeys(call.name for call in asked.tool_calls)),
    )
    first = preflight_write(
        runtime, request, Narrowing(tools=[], hidden=[]), proposal.prepared_request_id
    )

    async def send(hot: HotPool, caller: Caller, decided: Decided, write: ProposalWrite) -> HotRow:
        return await store.call(hot, caller, decided, write, first)

    return await register_calls(runtime, caller, proposed, send)


async def report_and_prepare(
    runtime: Runtime, caller: Caller, asked: ReportReceipt, raw: bytes
) -> ReceiptAnswer:
    """Keep a receipt, and prepare the request that it carries, if any, in the same commit."""
    if asked.next is None:
        return await report_receipt(runtime, caller, asked, raw)
    step = _Step(runtime, asked.next)
    kept = await report_receipt(runtime, caller, asked, raw, step.send)
    return msgspec.structs.replace(kept, next=await step.prepared(caller))


class _Step:
    """A receipt on its way with the preflight that it carries."""

    def __init__(self, runtime: Runtime, asked: PrepareRequest) -> None:
        """Have sent nothing yet."""
        self._runtime = runtime
        self._asked = asked
        self._sent: tuple[Narrowed, PreflightWrite, HotRow] | None = None

    async def send(self, hot: HotPool, caller: Caller, write: ReceiptWrite) -> HotRow:
        """Write both, the preflight on the facts that the receipt is to lead to."""
        runtime = self._runtime
        known = runtime.find(caller.key, caller.session_id)
        moves = write.following is not None and write.decided_version is not None
        version = COLD
        if known is not None:
            version = known.state_version
            if write.following is not None and moves:
                version += write.following.after != known.state
                known = known.ahead(write.following, runtime.now())
        narrowed = await narrow_tools(runtime, known, self._asked)
        then = preflight_write(runtime, self._asked, narrowed.narrowing, runtime.ids.new())
        told = narrowed.decided.tools_told
        ahead = store.Ahead(moves=moves, version=version, tools_told=told, write=then)
        row = await store.receive(hot, caller, write, ahead)
        self._sent = narrowed, then, row
        return row

    async def prepared(self, caller: Caller) -> Prepared | None:
        """Return what was prepared; apart where the facts were others, null where it is refused."""
        assert self._sent is not None, "a receipt was kept"  # noqa: S101 -- or it were refused
        narrowed, then, row = self._sent
        if row["next_code"] != "ok":
            try:
                return await prepare_request(self._runtime, caller, self._asked)
            except Refusal:
                return None
        return Prepared(
            prepared_request_id=then.prepared_request_id,
            request_seq=row["next_request_seq"],
            request_hash=self._asked.request_hash,
            expires_at=row["next_expires_at"],
            tools=narrowed.narrowing.tools,
            hidden=narrowed.narrowing.hidden,
            state_version=row["state_version"],
            control_revision=row["next_control_revision"],
            binding=encode_binding(caller.holder, caller.fence.epoch, caller.fence.n),
        )


class _Derived:
    """Ids that follow from a place, one after the other: the same place again, the same ids."""

    def __init__(self, ids: Ids, place: bytes) -> None:
        """Begin with the first."""
        self._ids = ids
        self._place = place
        self._number = 0

    def new(self) -> UUID:
        """Return the next id."""
        self._number += 1
        return derived_id(digest("calls_id", self._place, self._number.to_bytes(4)))

    def token(self, nbytes: int) -> bytes:
        """Return bytes that nobody can derive."""
        return self._ids.token(nbytes)
