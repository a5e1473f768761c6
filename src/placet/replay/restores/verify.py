"""Whether what was restored is whole: chains, log and checkpoints of a tenant, computed anew."""

import dataclasses
from collections.abc import Collection
from typing import Final
from uuid import UUID

from placet.authority.recovery import rules
from placet.authority.recovery import store as recovery
from placet.authority.recovery.witness import Witnessed
from placet.events.model import GENESIS, RecordedEvent, StreamId
from placet.events.store import list_streams
from placet.evidence import leaf
from placet.evidence.log import store as log
from placet.evidence.merkle import EMPTY_ROOT, fold, grow, leaf_hash
from placet.replay.restores import store
from placet.replay.restores.model import TenantLooked
from placet.replay.sessions.store import list_heads
from placet.storage.database import Reading

PAGE: Final = 4_096


@dataclasses.dataclass(slots=True)
class _Chains:
    """What a tenant's events come to."""

    events: int = 0
    flaw: str | None = None
    heads: dict[UUID, tuple[int, bytes]] = dataclasses.field(default_factory=dict)


async def look_at(tx: Reading, witnessed: Witnessed | None, epoch: int) -> TenantLooked:
    """Compute a tenant's chains and tree anew and hold them against what was kept outside.

    `epoch` is that in which the database stands.
    """
    chains = await _chains(tx)
    flaw = chains.flaw or await _headless(tx, chains)
    held = [] if witnessed is None else witnessed.checkpoints
    newest = None if witnessed is None else witnessed.newest
    recoveries = await recovery.list_recoveries(tx)
    head = await log.find_head(tx)
    size = 0 if head is None else head.size
    wanted = rules.comparable(held, epoch, size, recoveries)
    roots, grown = await _roots(tx, {*wanted, size})
    if flaw is None and grown != size:
        flaw = f"the log says that it has {size} entries, and has {grown}"
    if flaw is None and head is not None and roots.get(size) != head.root.hex():
        flaw = "the entries of the log do not hash to its root"
    flaw = flaw or await _unlike(tx, size) or rules.find_other(wanted, roots)
    if flaw is None and witnessed is not None:
        flaw = witnessed.fault
    return TenantLooked(
        tenant_id=tx.tenant_id,
        streams=len(chains.heads),
        events=chains.events,
        log_size=size,
        witnessed_size=None if newest is None else newest.size,
        proved_size=max(wanted, default=None) if flaw is None else None,
        flaw=flaw,
    )


async def _chains(tx: Reading) -> _Chains:
    found = _Chains()
    place = (StreamId(UUID(int=0)), 0)
    while True:
        page = await store.list_all_events(tx, place, PAGE)
        for event in page:
            seq, head = found.heads.get(event.stream_id, (0, GENESIS))
            if not _follows(event, seq, head):
                found.flaw = f"event {event.seq} of stream {event.stream_id} does not fit"
                return found
            found.heads[event.stream_id] = (event.seq, event.leaf)
        found.events += len(page)
        if len(page) < PAGE:
            return found
        place = (page[-1].stream_id, page[-1].seq)


def _follows(event: RecordedEvent, seq: int, head: bytes) -> bool:
    if (event.seq, event.prev) != (seq + 1, head):
        return False
    if event.salt is not None and event.body is not None:
        body_hash = leaf.body_hash(event.salt, event.body)
        if body_hash != event.body_hash:
            return False
    computed = leaf.leaf_of(
        (event.tenant_id.bytes, event.stream_id.bytes),
        (event.event_id.bytes, event.actor_id.bytes),
        (event.epoch, event.fence, event.control_epoch, event.control_revision),
        (leaf.microseconds(event.at), event.seq),
        (event.prev, event.body_hash),
        event.type.encode(),
    )
    return computed == event.leaf


async def _headless(tx: Reading, chains: _Chains) -> str | None:
    """Say which stream's events do not lead to its head; None where all do."""
    heads = [(one.stream_id, one.next_seq, one.head) for one in await list_streams(tx)]
    heads += [(StreamId(one.session_id), one.next_seq, one.head) for one in await list_heads(tx)]
    for stream, next_seq, head in heads:
        if chains.heads.get(stream, (0, GENESIS)) != (next_seq - 1, head):
            return f"the events of stream {stream} do not lead to its head"
    return None


async def _roots(tx: Reading, sizes: Collection[int]) -> tuple[dict[int, str], int]:
    """Return the roots of the log at these sizes, in hex, and how many entries it has."""
    roots = {0: EMPTY_ROOT.hex()} if 0 in sizes else {}
    edge: list[bytes] = []
    size = 0
    while True:
        page = await log.list_entries(tx, start=size, limit=PAGE)
        for entry in page:
            if entry.index != size:
                return roots, size
            grown = grow(size, edge, [leaf_hash(entry.leaf)])
            edge, size = grown.edge, grown.size
            if size in sizes:
                roots[size] = fold(edge).hex()
        if len(page) < PAGE:
            return roots, size


async def _unlike(tx: Reading, size: int) -> str | None:
    """Say which entry of the log is not the leaf of its event; None where all are."""
    for start in range(0, size, PAGE):
        found = await store.find_unlike(tx, start, start + PAGE)
        if found is not None:
            return f"entry {found} of the log is not the leaf of its event"
    return None
