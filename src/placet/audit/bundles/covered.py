"""Whether a checkpoint covers what a bundle takes."""

from collections.abc import Sequence
from typing import Final

from placet.audit.bundles.store import AT_ONCE
from placet.events.model import StreamKind
from placet.evidence.bundle import StreamHead
from placet.evidence.log import store as log
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
    for at in range(0, len(asked), AT_ONCE):
        async with db.reading(principal) as tx:
            entered = await log.count_entered(tx, asked[at : at + AT_ONCE], size)
        if entered < len(asked[at : at + AT_ONCE]):
            raise not_entered()


def not_entered() -> GovernanceUnavailable:
    """Return the refusal of a bundle that would take what is not in the log yet."""
    return GovernanceUnavailable(
        detail="some of the events that this bundle would take have not entered the log"
        " yet; they enter while you wait",
        retry_after_seconds=AGAIN_SECONDS,
    )
