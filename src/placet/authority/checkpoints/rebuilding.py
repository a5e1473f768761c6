"""Making the tiles of a log anew from its entries, where these give what was signed.

Entries are read in pages and let go, and each page of tiles is a transaction of its own: memory
does not grow with the log, and what was broken off is begun again and finds what is right already.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeAlias

from placet.authority.checkpoints import store
from placet.authority.checkpoints.model import LogTilesRebuilt, Rebuilt, TreeFlaw, TreeFlawed
from placet.authority.checkpoints.service import acting_for
from placet.authority.checkpoints.witness import told_by
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.evidence import merkle
from placet.evidence.log import store as entries
from placet.evidence.log import tiles
from placet.evidence.log.model import LogHead
from placet.kernel.hashing import DIGEST_BYTES
from placet.kernel.ids import Ids, TenantId
from placet.storage.database import Database, Writing

PAGE: Final = 16_384
"""Entries that are read at once."""

Tell: TypeAlias = Callable[[str, int, int], None]
"""Is told after each page what is done, how far it is, and of how many entries."""


class _Tree:
    """A log's tree as it grows, and the tiles of it that are not full yet."""

    def __init__(self) -> None:
        """Begin with no entry."""
        self.size = 0
        self.edge: list[bytes] = []
        self.open: dict[tuple[int, int], bytes] = {}

    @property
    def root(self) -> bytes:
        """Return the root of the entries so far."""
        return merkle.fold(self.edge)

    def take(self, leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
        """Add entries by their leaves. Returns the tiles that became full, by level and index."""
        grown = merkle.grow(self.size, self.edge, map(merkle.leaf_hash, leaves))
        self.size, self.edge = grown.size, grown.edge
        for place, (_, added) in tiles.tiles_with(grown.made).items():
            self.open[place] = self.open.get(place, b"") + added
        whole = tiles.TILE_WIDTH * DIGEST_BYTES
        full = [place for place, hashes in self.open.items() if len(hashes) == whole]
        return {place: self.open.pop(place) for place in full}


async def rebuild_tiles(
    db: Database, tenant_id: TenantId, ids: Ids, tell: Tell
) -> Rebuilt | TreeFlawed:
    """Write every tile of a tenant's log that is not what its entries give.

    First the entries are held against every checkpoint and the head: where they give another root,
    nothing is written, and what does not fit is returned. May run beside the service.
    """
    async with db.reading(acting_for(tenant_id)) as tx:
        head = await entries.find_head(tx)
    if head is None:
        return Rebuilt(size=0, root=merkle.EMPTY_ROOT.hex(), checkpoints=0, tiles=0)
    found = await _check(db, head, tell)
    if isinstance(found, TreeFlawed):
        return found
    agreed, last = found
    tree, written = _Tree(), 0
    async for leaves in _pages(db, head):
        if full := tree.take(leaves):
            async with db.writing(acting_for(tenant_id)) as tx:
                written += await entries.put_tiles(tx, full)
        tell("written", tree.size, head.size)
    try:
        async with db.writing(acting_for(tenant_id)) as tx:
            return await _finish(tx, tree, (agreed, written), ids)
    except _HeadDiffers as differs:
        return TreeFlawed(flaw=TreeFlaw.HEAD, agrees_to=last, differs_at=differs.size, entry=None)


class _HeadDiffers(Exception):  # noqa: N818 -- it is told as a `TreeFlawed`
    """The entries do not give the root of the head that is held, of so many entries."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


async def _check(db: Database, head: LogHead, tell: Tell) -> tuple[int, int] | TreeFlawed:
    """Hold the entries against the checkpoints and the head.

    Returns how many checkpoints fit, and the size of the last of them, 0 without any.
    """
    tree, agreed, last = _Tree(), 0, 0
    async for leaves in _pages(db, head):
        start, end = tree.size, tree.size + len(leaves)
        async with db.reading(acting_for(head.tenant_id)) as tx:
            signed = await store.list_between(tx, start, end)
        for each in signed:
            tree.take(leaves[tree.size - start : each.size - start])
            if told_by(each.envelope)[1].root != tree.root:
                return await _flawed(db, head, TreeFlaw.CHECKPOINT, last, each.size)
            agreed, last = agreed + 1, each.size
        tree.take(leaves[tree.size - start :])
        tell("read", tree.size, head.size)
    if tree.size < head.size:
        return await _flawed(db, head, TreeFlaw.ENTRY_MISSING, last, tree.size + 1)
    if tree.root != head.root:
        return await _flawed(db, head, TreeFlaw.HEAD, last, head.size)
    return agreed, last


async def _flawed(
    db: Database, head: LogHead, flaw: TreeFlaw, agrees_to: int, differs_at: int
) -> TreeFlawed:
    """Return what does not fit, with the first entry there that is not its event's."""
    async with db.reading(acting_for(head.tenant_id)) as tx:
        entry = await entries.find_foreign(tx, agrees_to, differs_at)
    return TreeFlawed(flaw=flaw, agrees_to=agrees_to, differs_at=differs_at, entry=entry)


async def _finish(tx: Writing, tree: _Tree, so_far: tuple[int, int], ids: Ids) -> Rebuilt:
    """Write the tiles at the end of the log, empty those behind it, and tell of what was written.

    Race: rounds may have added entries since, so the head is held. Raises `_HeadDiffers`.
    """
    checkpoints, written = so_far
    head = await entries.hold_head(tx)
    assert head is not None  # noqa: S101 -- there was one, and it is never removed
    while leaves := await entries.list_leaves(tx, tree.size, min(tree.size + PAGE, head.size)):
        written += await entries.put_tiles(tx, tree.take(leaves))
    if tree.root != head.root:
        raise _HeadDiffers(head.size)
    written += await entries.put_tiles(tx, tree.open)
    behind = await entries.list_tiles_behind(tx, head.size)
    written += await entries.put_tiles(tx, dict.fromkeys(behind, b""))
    rebuilt = Rebuilt(size=tree.size, root=tree.root.hex(), checkpoints=checkpoints, tiles=written)
    if written:
        said = LogTilesRebuilt(size=rebuilt.size, root=rebuilt.root, tiles=written)
        stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
        await append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
    return rebuilt


async def _pages(db: Database, head: LogHead) -> AsyncIterator[list[bytes]]:
    """Yield the leaves of the log's entries, page by page, up to the first that is not there."""
    at = 0
    while at < head.size:
        end = min(at + PAGE, head.size)
        async with db.reading(acting_for(head.tenant_id)) as tx:
            leaves = await entries.list_leaves(tx, at, end)
        if leaves:
            yield leaves
        at += len(leaves)
        if at < end:
            return
