"""The proofs that go with a bundle: those of many streams are those of each."""

from typing import Final

import asyncpg
import pytest
from litestar import Litestar
from tests.audit.bundles.taking import closed, worked
from tests.conftest import Server
from tests.replay.desk import Desk

from placet.audit.bundles import proofs, service, store
from placet.audit.bundles.model import Wish
from placet.audit.bundles.service import Begun
from placet.authority.checkpoints import service as checkpoints
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId
from placet.evidence import merkle
from placet.evidence.bundle import BundleScope, ConsistencyLine, InclusionLine, ScopeKind
from placet.evidence.log import service as log
from placet.storage.database import Reading

STREAMS: Final = 30
EACH: Final = 100
BLOCK: Final = 256
READ: Final = """
SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS read FROM pg_stat_xact_user_tables
WHERE schemaname = 'placet' AND relname = 'evidence_log_entry'
"""
FILL: Final = """
SELECT placet.event_append_v1(
    uuidv7(), 'run', $1,
    ARRAY(SELECT uuidv7() FROM generate_series(1, $2)),
    ARRAY(SELECT 'Stepped' FROM generate_series(1, $2)),
    ARRAY(SELECT uuid_send(gen_random_uuid()) FROM generate_series(1, $2)),
    ARRAY(SELECT convert_to('{}', 'UTF8') FROM generate_series(1, $2)))
"""


async def begun(desk: Desk, app: Litestar) -> Begun:
    """Begin an export of a tenant."""
    wish = Wish(scope=BundleScope(kind=ScopeKind.TENANT), held_size=None)
    keys = app.state[ServerKeys.__name__]
    return await service.begin_export(desk.db, desk.workplace.founder, keys, desk.ids, wish)


async def alone(tx: Reading, stream: StreamId, head_seq: int, size: int) -> list[InclusionLine]:
    """Return the proof of one stream, asked for by itself; none where the log has none of it."""
    logged = await checkpoints.last_logged_seq(tx, stream, size)
    if logged is None:
        return []
    seq = min(logged[0], head_seq)
    proof = await checkpoints.inclusion(tx, stream, seq, size)
    path = tuple(step.hex() for step in proof.path)
    return [InclusionLine(stream_id=stream, seq=seq, index=proof.index, size=size, path=path)]


async def test_the_proofs_of_many_streams_are_those_of_each_in_their_order(
    desk: Desk, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "PROOFS", 3)
    for _ in range(3):
        await worked(desk)
        await closed(desk)
    made = await begun(desk, app)
    # What came later changes nothing below that checkpoint.
    await worked(desk)
    await begun(desk, app)
    size, who = made.checkpoint.size, desk.workplace.founder
    found = [line async for line in proofs.list_proofs(desk.db, who, made.heads, size, 2)]
    async with desk.db.reading(who) as tx:
        wanted: list[InclusionLine | ConsistencyLine] = [
            line
            for head in made.heads
            for line in await alone(tx, StreamId(head.stream_id), head.head_seq, size)
        ]
        grown = await checkpoints.consistency(tx, 2, size)
    wanted.append(
        ConsistencyLine(from_size=2, to_size=size, path=tuple(step.hex() for step in grown))
    )
    assert len(made.heads) > 2 * proofs.PROOFS
    assert found == wanted


async def read_by(tx: Reading) -> int:
    (row,) = await tx.records(READ)
    return int(row["read"])


async def test_proofs_read_what_they_are_made_of_whatever_the_planner_knows(
    desk: Desk, app: Litestar, server: Server, database_name: str
) -> None:
    who = desk.workplace.founder
    admin = await asyncpg.connect(server.admin(database_name))
    try:
        await admin.execute(f"SET placet.tenant = '{who.tenant_id}'")
        for _ in range(STREAMS):
            await admin.execute(FILL, who.actor_id, EACH)
    finally:
        await admin.close()
    made = await begun(desk, app)
    size = made.checkpoint.size
    assert size > STREAMS * EACH
    streams = [(head.stream_id, head.head_seq) for head in made.heads if head.head_seq == EACH][:4]
    async with desk.db.reading(who) as tx:
        before = await read_by(tx)
        places = await store.list_places(tx, streams, size)
        assert await read_by(tx) - before == len(streams)
        assert [places[stream][0] for stream, _ in streams] == [EACH] * len(streams)
        before = await read_by(tx)
        indexes = [index for _, index in places.values()]
        paths = await log.paths(tx, indexes, size)
        # Beside the block of each, the beginning of the last block, which is not whole yet.
        assert await read_by(tx) - before <= (len(streams) + 1) * BLOCK
        for stream, (seq, index) in places.items():
            proof = await checkpoints.inclusion(tx, StreamId(stream), seq, size)
            assert paths[indexes.index(index)] == proof.path
            leaf = merkle.leaf_hash(proof.leaf)
            assert merkle.is_included(leaf, index, size, proof.path, made.checkpoint.root)
