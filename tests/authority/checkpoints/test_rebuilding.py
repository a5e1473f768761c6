"""Tiles made anew from entries, and refused where these are not what was signed."""

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from tests.conftest import Server
from tests.evidence.log.scribe import Scribe

from placet.authority.checkpoints import rebuilding, service, store
from placet.authority.checkpoints.model import Rebuilt, TreeFlaw, TreeFlawed
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.evidence import merkle
from placet.evidence.log import tiles
from placet.evidence.log.model import LogDamaged
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.storage.database import Database

ENTRIES = 300
TILES = "SELECT level, index, hashes FROM placet.evidence_log_tile WHERE tenant_id = $1"


@pytest.fixture(autouse=True)
def in_small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "PAGE", 100)


@pytest.fixture
async def scribe(db: Database, tenant: Principal, ids: Ids, keys: ServerKeys) -> Scribe:
    """Somebody whose log has two checkpoints, the first in the middle of a page."""
    written = Scribe(db, tenant, ids)
    for n in (ENTRIES // 2, ENTRIES):
        await written.say(StreamId(ids.new()), n)
        await service.make_checkpoint(db, tenant, keys, ids)
    await written.advance_all()
    return written


def quiet(what: str, at: int, of: int) -> None:
    assert what in {"read", "written"}
    assert at <= of


async def rebuild(scribe: Scribe) -> Rebuilt | TreeFlawed:
    return await rebuilding.rebuild_tiles(scribe.db, scribe.who.tenant_id, scribe.ids, quiet)


async def kept(admin: "asyncpg.Connection[Any]", scribe: Scribe) -> dict[tuple[int, int], bytes]:
    rows = await admin.fetch(TILES, scribe.who.tenant_id)
    return {(row["level"], row["index"]): row["hashes"] for row in rows if row["hashes"]}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE placet.evidence_log_tile SET hashes = sha256(hashes) WHERE tenant_id = $1",
        "UPDATE placet.evidence_log_tile SET hashes = hashes || hashes WHERE tenant_id = $1",
        "DELETE FROM placet.evidence_log_tile WHERE tenant_id = $1",
    ],
    ids=["changed", "too long", "gone"],
)
async def test_a_log_whose_tiles_were_damaged_goes_on_once_they_are_made_anew(
    scribe: Scribe, admin: "asyncpg.Connection[Any]", change: str
) -> None:
    whole = await kept(admin, scribe)
    await admin.execute(change, scribe.who.tenant_id)
    strange = "INSERT INTO placet.evidence_log_tile VALUES ($1, $2, $3, sha256(''))"
    for level, index in ((1, 1), (2, 0), (9, 0)):
        await admin.execute(strange, scribe.who.tenant_id, level, index)
    head = await scribe.head()
    done = await rebuild(scribe)
    assert done == Rebuilt(size=head.size, root=head.root.hex(), checkpoints=2, tiles=4)
    assert await kept(admin, scribe) == whole
    said = await scribe.said(tenant_stream(scribe.who.tenant_id, StreamKind.AUTHORITY))
    assert b'"tiles":4' in said[-1]
    await scribe.say(StreamId(scribe.ids.new()), ENTRIES)
    await scribe.advance_all()
    await scribe.check_whole()


async def test_what_is_right_already_is_left_alone_and_nothing_is_told(scribe: Scribe) -> None:
    authority = tenant_stream(scribe.who.tenant_id, StreamKind.AUTHORITY)
    before = await scribe.said(authority)
    done = await rebuild(scribe)
    assert isinstance(done, Rebuilt)
    assert done.tiles == 0
    assert await scribe.said(authority) == before


async def test_a_rebuilding_that_was_broken_off_is_begun_again(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    whole = await kept(admin, scribe)
    await admin.execute(
        "UPDATE placet.evidence_log_tile SET hashes = '' WHERE tenant_id = $1", scribe.who.tenant_id
    )

    def broken_off(what: str, at: int, of: int) -> None:
        if what == "written" and at == of:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rebuilding.rebuild_tiles(scribe.db, scribe.who.tenant_id, scribe.ids, broken_off)
    assert isinstance(await rebuild(scribe), Rebuilt)
    assert await kept(admin, scribe) == whole


async def changed(
    scribe: Scribe, admin: "asyncpg.Connection[Any]", change: str, *more: object
) -> TreeFlawed:
    """Change entries or the head, and return what a rebuilding says, which must change nothing."""
    table = "placet.evidence_log_entry"
    await admin.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    await admin.execute(change, scribe.who.tenant_id, *more)
    await admin.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
    await admin.execute(
        "UPDATE placet.evidence_log_tile SET hashes = sha256('') WHERE tenant_id = $1",
        scribe.who.tenant_id,
    )
    before = await kept(admin, scribe)
    found = await rebuild(scribe)
    assert isinstance(found, TreeFlawed)
    assert await kept(admin, scribe) == before
    await scribe.say(StreamId(scribe.ids.new()))
    with pytest.raises(LogDamaged):
        await scribe.advance()
    return found


async def test_where_entries_are_not_what_was_signed_the_last_good_checkpoint_is_named(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    async with scribe.db.reading(scribe.who) as tx:
        second = await service.latest(tx)
        assert second is not None
        (first,) = [
            each.size
            for each in await store.list_between(tx, 0, second.size)
            if each.size < second.size
        ]
    change = (
        "UPDATE placet.evidence_log_entry SET leaf = sha256(leaf) WHERE tenant_id = $1"
        " AND index = $2"
    )
    assert await changed(scribe, admin, change, first) == TreeFlawed(
        flaw=TreeFlaw.CHECKPOINT, agrees_to=first, differs_at=second.size, entry=first
    )
    assert await changed(scribe, admin, change, 3) == TreeFlawed(
        flaw=TreeFlaw.CHECKPOINT, agrees_to=0, differs_at=first, entry=3
    )


async def test_entries_that_end_early_and_a_head_that_says_otherwise_are_told_apart(
    scribe: Scribe, admin: "asyncpg.Connection[Any]"
) -> None:
    head = await scribe.head()
    async with scribe.db.reading(scribe.who) as tx:
        newest = await service.latest(tx)
    assert newest is not None
    other = "UPDATE placet.evidence_log SET root = sha256(root) WHERE tenant_id = $1"
    assert await changed(scribe, admin, other) == TreeFlawed(
        flaw=TreeFlaw.HEAD, agrees_to=newest.size, differs_at=head.size, entry=None
    )
    lost = "DELETE FROM placet.evidence_log_entry WHERE tenant_id = $1 AND index = $2"
    assert await changed(scribe, admin, lost, newest.size) == TreeFlawed(
        flaw=TreeFlaw.ENTRY_MISSING, agrees_to=newest.size, differs_at=newest.size + 1, entry=None
    )


def test_tiles_come_out_the_same_in_whatever_pages_entries_are_read() -> None:
    leaves = [hashlib.sha256(n.to_bytes(8)).digest() for n in range(2 * tiles.TILE_WIDTH**2 + 700)]
    whole = merkle.grow(0, (), map(merkle.leaf_hash, leaves))
    told = {place: hashes for place, (_, hashes) in tiles.tiles_with(whole.made).items()}
    tree = rebuilding._Tree()  # noqa: SLF001 -- what this module keeps to itself
    made: dict[tuple[int, int], bytes] = {}
    for start in range(0, len(leaves), 7_000):
        full = tree.take(leaves[start : start + 7_000])
        assert not full.keys() & made.keys()
        made |= full
    assert made.keys() == {(1, 0), (1, 1)}
    assert made | tree.open == told
    assert (tree.size, tree.root) == (len(leaves), merkle.fold(whole.edge))


async def test_a_head_that_changes_behind_the_first_look_is_told_as_it_is(
    scribe: Scribe, admin: "asyncpg.Connection[Any]", server: Server, database_name: str
) -> None:
    tenant, head = scribe.who.tenant_id, await scribe.head()
    async with scribe.db.reading(scribe.who) as tx:
        newest = await service.latest(tx)
    assert newest is not None
    await admin.execute(
        "UPDATE placet.evidence_log_tile SET hashes = sha256('') WHERE tenant_id = $1", tenant
    )
    stood: dict[tuple[int, int], bytes] = {}

    async def change() -> None:
        other = await asyncpg.connect(server.admin(database_name))
        await other.execute(
            "UPDATE placet.evidence_log SET root = sha256(root) WHERE tenant_id = $1", tenant
        )
        stood.update(await kept(other, scribe))
        await other.close()

    def meanwhile(what: str, at: int, of: int) -> None:
        if what == "written" and at == of:
            with ThreadPoolExecutor() as pool:
                pool.submit(asyncio.run, change()).result()

    found = await rebuilding.rebuild_tiles(scribe.db, tenant, scribe.ids, meanwhile)
    assert found == TreeFlawed(
        flaw=TreeFlaw.HEAD, agrees_to=newest.size, differs_at=head.size, entry=None
    )
    assert await kept(admin, scribe) == stood, "what was written last was taken back"
