"""Checkpoints on a real database: what they say, and when another is made."""

import pytest
from tests.evidence.log.scribe import Scribe

from placet.authority.checkpoints import service, store
from placet.authority.server_keys import ServerKeys
from placet.evidence import merkle
from placet.evidence.checkpoint import CheckpointPayload, verify_checkpoint
from placet.evidence.dsse import parse_envelope
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.storage.database import Database


@pytest.fixture(scope="module")
def keys() -> ServerKeys:
    return ServerKeys.generate()


async def test_a_checkpoint_says_how_the_log_hashes(
    db: Database, tenant: Principal, ids: Ids, keys: ServerKeys
) -> None:
    made = await service.make_checkpoint(db, tenant, keys, ids)
    told = verify_checkpoint(parse_envelope(made.envelope), [keys.checkpoint.public])
    entries = await Scribe(db, tenant, ids).entries()
    leaves = [merkle.leaf_hash(entry.leaf) for entry in entries]
    assert (told.size, told.previous) == (len(entries), None)
    assert told.root == merkle.root_of(leaves).hex()
    async with db.reading(tenant) as tx:
        assert await service.latest(tx) == made
