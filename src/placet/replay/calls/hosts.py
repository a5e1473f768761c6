"""Whether what a tool's host signed still counts: its key may have been revoked since."""

from collections.abc import Sequence

import msgspec

from placet.authority.tool_hosts import store
from placet.kernel.principal import Environment
from placet.replay.calls.model import EvidenceLevel, ReplayExecutionReceipt
from placet.storage.database import Reading


async def weigh(
    tx: Reading, environment: Environment, receipts: Sequence[ReplayExecutionReceipt]
) -> list[ReplayExecutionReceipt]:
    """Return receipts at the levels at which they count now, in their order.

    One whose host's key counts no more is its reporter's own word, and no better.
    """
    weighed = []
    for receipt in receipts:
        counts = receipt.attested_by is None or await store.is_attesting(
            tx, environment, receipt.tool_name, receipt.attested_by
        )
        level = receipt.evidence_level if counts else EvidenceLevel.CLIENT_REPORTED
        weighed.append(msgspec.structs.replace(receipt, evidence_level=level))
    return weighed
