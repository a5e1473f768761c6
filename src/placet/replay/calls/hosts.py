"""Whether what a tool's host signed still counts: its key may have been revoked since."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from placet.kernel.principal import Environment
from placet.replay.calls.model import EvidenceLevel, ReplayExecutionReceipt
from placet.storage.database import Reading

_ATTESTS = sa.text(
    "SELECT placet.host_attests_v1(:tenant, :environment, :tool, :key_id) AS counts"
).bindparams(sa.bindparam("tenant", type_=sa.Uuid))


async def is_attesting(tx: Reading, environment: Environment, tool: str, key_id: str) -> bool:
    """Tell whether this key's word on calls of that tool counts there now."""
    ((counts,),) = await tx.rows(
        _ATTESTS.bindparams(
            tenant=tx.tenant_id, environment=environment.value, tool=tool, key_id=key_id
        )
    )
    return bool(counts)


async def weigh(
    tx: Reading, environment: Environment, receipts: Sequence[ReplayExecutionReceipt]
) -> list[ReplayExecutionReceipt]:
    """Return receipts at the levels at which they count now, in their order.

    One whose host's key counts no more is its reporter's own word, and no better.
    """
    weighed = []
    for receipt in receipts:
        counts = receipt.attested_by is None or await is_attesting(
            tx, environment, receipt.tool_name, receipt.attested_by
        )
        level = receipt.evidence_level if counts else EvidenceLevel.CLIENT_REPORTED
        weighed.append(msgspec.structs.replace(receipt, evidence_level=level))
    return weighed
