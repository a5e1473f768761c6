"""A signed checkpoint of a tenant's log, what is proved by it, and what is said of one."""

from datetime import datetime

from placet.kernel.ids import TenantId
from placet.kernel.value import Value


class Checkpoint(Value, frozen=True):
    """How the first `size` entries of a tenant's log hash, as we signed it.

    `root` has 32 bytes; `envelope` is the canonical JSON of the signed `placet.checkpoint.v1`, of
    which the other fields are copies. `epoch` is the restore epoch, from 1.
    """

    tenant_id: TenantId
    epoch: int
    size: int
    root: bytes
    at: datetime
    envelope: bytes


class InclusionProof(Value, frozen=True):
    """That entry `index` is one of the first `size` of the log; `path` has hashes of 32 bytes.

    `leaf` is the event's leaf, before the Merkle prefix.
    """

    index: int
    size: int
    leaf: bytes
    path: list[bytes]
