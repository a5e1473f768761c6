"""The functions that write a whole step, each one round trip."""

from typing import Final

from placet.kernel.value import Value
from placet.replay.calls.store import proposal_arguments, receipt_arguments
from placet.replay.calls.writes import Caller, Decided, PreflightWrite, ProposalWrite, ReceiptWrite
from placet.storage.database import HotPool, HotRow
from placet.storage.warm import called

_CALLS: Final = called("calls_v1", 31)
_RECEIPT_PREPARE: Final = called("receipt_prepare_v1", 38)


async def call(
    hot: HotPool, caller: Caller, decided: Decided, write: ProposalWrite, first: PreflightWrite
) -> HotRow:
    """Prepare a request and register its calls, both or neither; answers as `propose` does."""
    arguments = proposal_arguments(caller, decided, write)
    return await hot.call(_CALLS, *arguments, *first.arguments())


class Ahead(Value, frozen=True):
    """The preflight that a receipt carries, and the version of the state that it is decided on.

    It holds only if the receipt `moves` the session as was expected.
    """

    moves: bool
    version: int
    write: PreflightWrite


async def receive(hot: HotPool, caller: Caller, write: ReceiptWrite, ahead: Ahead) -> HotRow:
    """Keep a receipt and prepare the next request; answers as `receive` does, and of the next."""
    then = ahead.write
    return await hot.call(
        _RECEIPT_PREPARE,
        *receipt_arguments(caller, write),
        caller.holder,
        ahead.moves,
        ahead.version,
        then.prepared_request_id,
        then.request_hash,
        *then.arguments(),
        owed=True,
    )
