"""Making a checkpoint, and proving against one."""

from placet.authority.checkpoints.model import Checkpoint, InclusionProof
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.storage.database import Database, Reading


async def latest(tx: Reading) -> Checkpoint | None:
    """Return the newest checkpoint of the tenant, or None before there is one."""
    raise NotImplementedError


async def make_checkpoint(
    db: Database, who: Principal, keys: ServerKeys, ids: Ids, *, entries_max: int = 65_536
) -> Checkpoint:
    """Put what waits into the log, up to `entries_max` entries, and sign what it is then.

    Opens transactions of its own, so call it outside of any. Returns the newest checkpoint as it
    stands where nothing was added since.
    """
    raise NotImplementedError


async def current_size(tx: Reading) -> int:
    """Return how many entries the tenant's log has."""
    raise NotImplementedError


async def last_logged_seq(
    tx: Reading, stream: StreamId, before_index: int
) -> tuple[int, int] | None:
    """Return sequence and index of a stream's last event among the first `before_index` entries.

    None where the stream has none there.
    """
    raise NotImplementedError


async def inclusion(tx: Reading, stream: StreamId, seq: int, size: int) -> InclusionProof:
    """Prove that an event is among the first `size` entries. Refuses `not_found` if it is not."""
    raise NotImplementedError


async def consistency(tx: Reading, from_size: int, to_size: int) -> list[bytes]:
    """Prove that the first `from_size` entries of the log are the first of its `to_size`.

    Refuses `malformed_query` for sizes that the log does not have, or in the wrong order.
    """
    raise NotImplementedError
