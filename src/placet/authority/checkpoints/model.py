"""A signed checkpoint of a tenant's log, what is proved by it, and what is said of one."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import NUMBER_MAX, HexDigest
from placet.kernel.ids import TenantId
from placet.kernel.value import Input, Value

ENTRIES_MAX: Final = 1_000
"""New entries without a checkpoint, at most so many and what one round adds."""

AGE_MAX: Final = timedelta(seconds=60)
"""How old the last checkpoint may be while entries are new."""

Size = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]


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


class Newest(Value, frozen=True):
    """Which checkpoint of a tenant is its newest; `root` has 32 bytes."""

    tenant_id: TenantId
    epoch: int
    size: int
    root: bytes


class Kept(Value, frozen=True):
    """Which checkpoint a witness holds last; `root` has 32 bytes."""

    epoch: int
    size: int
    root: bytes


class CheckpointSigned(Value, frozen=True):
    """Event: the service signed how the tenant's log hashed; anybody may keep `envelope`."""

    size: int
    root: HexDigest
    epoch: int
    key_id: HexDigest
    envelope: str


class LogTilesRebuilt(Value, frozen=True):
    """Event: the log's cache of its tree was made anew from its first `size` entries.

    So many `tiles` were not what these entries give, whose root is `root`.
    """

    size: int
    root: HexDigest
    tiles: int


class Rebuilt(Value, frozen=True):
    """What came of making tiles anew: how many were written, and how many checkpoints fit."""

    size: int
    root: HexDigest
    checkpoints: int
    tiles: int


class TreeFlaw(StrEnum):
    """What the entries of a log do not give."""

    CHECKPOINT = "checkpoint"
    HEAD = "head"
    ENTRY_MISSING = "entry_missing"


class TreeFlawed(Value, frozen=True):
    """Where the entries of a log are not those that were signed.

    The checkpoint at size `agrees_to` is the last one that they give, 0 if there is none; at
    `differs_at` they give another root than was signed or, for `head`, than the log's head says,
    or have ended. `entry` is the first entry behind the former that does not have the leaf of its
    event, if there is one.
    """

    flaw: TreeFlaw
    agrees_to: int
    differs_at: int
    entry: int | None


class CheckpointView(Value, frozen=True):
    """A checkpoint as it is offered: `envelope` is the canonical JSON of what was signed."""

    size: int
    root: str
    epoch: int
    at: datetime
    envelope: str


class InclusionQuery(Input, frozen=True):
    """Which event is to be proved to be among the first `size` entries."""

    stream_id: UUID
    seq: Annotated[int, msgspec.Meta(ge=1, le=NUMBER_MAX)]
    size: Size


class ConsistencyQuery(Input, frozen=True, rename={"from_size": "from", "to_size": "to"}):
    """Which of two sizes of the log is to be proved to be the beginning of the other."""

    from_size: Size
    to_size: Size


class InclusionView(Value, frozen=True):
    """The proof that an event is entry `index`: RFC 6962, 2.1.1; hashes in hex."""

    index: int
    size: int
    leaf: str
    path: list[str]


class ConsistencyView(Value, frozen=True):
    """The proof that the log only grew: RFC 6962, 2.1.2; hashes in hex."""

    from_size: int
    to_size: int
    path: list[str]
