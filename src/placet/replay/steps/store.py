"""The functions that write a whole step, each one round trip."""

from placet.kernel.value import Value
from placet.replay.calls.store import proposal_arguments, receipt_arguments, send
from placet.replay.calls.writes import Caller, Decided, PreflightWrite, ProposalWrite, ReceiptWrite
from placet.storage.database import HotPool, HotRow


async def call(
    hot: HotPool, caller: Caller, decided: Decided, write: ProposalWrite, first: PreflightWrite
) -> HotRow:
    """Prepare a request and register its calls, both or neither; answers as `propose` does."""
    arguments = proposal_arguments(caller, decided, write)
    whole = (*arguments, *first.arguments())
    return await send(hot, caller, "calls_v1", whole, alone=write.stands_alone)


class Ahead(Value, frozen=True):
    """The preflight that a receipt carries, and the version of the state that it is decided on.

    It holds only if the receipt `moves` the session as was expected. `tools_told` is as that of
    `Decided`.
    """

    moves: bool
    version: int
    tools_told: int | None
    write: PreflightWrite


async def receive(hot: HotPool, caller: Caller, write: ReceiptWrite, ahead: Ahead) -> HotRow:
    """Keep a receipt and prepare the next request; answers as `receive` does, and of the next."""
    then = ahead.write
    whole = (
        *receipt_arguments(caller, write),
        caller.holder,
        ahead.moves,
        ahead.version,
        ahead.tools_told,
        then.prepared_request_id,
        then.request_hash,
        *then.arguments(),
    )
    return await send(hot, caller, "receipt_prepare_v1", whole, alone=write.stands_alone, owed=True)
