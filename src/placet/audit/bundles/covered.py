"""Whether a checkpoint covers what a bundle takes."""

from collections.abc import Sequence
from typing import Final

from placet.audit.bundles import store
from placet.events.model import StreamKind
from placet.evidence.bundle import StreamHead
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.database import Database

AGAIN_SECONDS: Final = 5


async def check_covered(
    db: Database, principal: Principal, heads: Sequence[StreamHead], size: int
) -> None:
    """Refuse `governance_unavailable` unless the first `size` entries hold every stream's head.

    The stream that tells of checkpoints ends behind the last one that it tells of, so it may.
    """
    asked = [
        (head.stream_id, head.head_seq)
        for head in heads
        if head.head_seq > 0 and head.kind != StreamKind.CHECKPOINTS
    ]
    for at in range(0, len(asked), store.AT_ONCE):
        async with db.reading(principal) as tx:
            lacking = await store.count_behind(tx, asked[at : at + store.AT_ONCE], size)
        if lacking:
            raise GovernanceUnavailable(
                detail="some of the events that this bundle would take have not entered the log"
                " yet; they enter while you wait",
                retry_after_seconds=AGAIN_SECONDS,
            )
