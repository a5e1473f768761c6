"""Checkpoints and proofs over HTTP."""

from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace, found
from tests.evidence.log.scribe import Scribe

from placet.authority.checkpoints import service
from placet.authority.server_keys import ServerKeys
from placet.events.model import StreamId
from placet.evidence import merkle
from placet.evidence.checkpoint import verify_checkpoint
from placet.evidence.dsse import parse_envelope
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.storage.database import Database

LOG = "/api/v1/authority/log"
CHECKPOINTS = "/api/v1/authority/checkpoints"


class Reader:
    """Somebody who asks with one key."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        """Take a client and an API key."""
        self._client = client
        self._key = key

    async def get(self, path: str, status: int = 200, **query: object) -> Any:  # noqa: ANN401 -- JSON
        """Ask, and return what is answered with that status."""
        headers = {"Authorization": f"Bearer {self._key}"}
        asked = {name.strip("_"): str(value) for name, value in query.items()}
        answer = await self._client.get(path, params=asked, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def reader(client: httpx.AsyncClient, workplace: Workplace) -> Reader:
    return Reader(client, workplace.founder_key)


@pytest.fixture
def ours(app: Litestar) -> ServerKeys:
    kept: ServerKeys = app.state[ServerKeys.__name__]
    return kept


async def test_whoever_reads_keeps_checkpoints_and_proves_against_them(
    reader: Reader, scribe: Scribe, ours: ServerKeys
) -> None:
    await reader.get(f"{CHECKPOINTS}/latest", 404)
    stream = StreamId(scribe.ids.new())
    for _ in range(3):
        await scribe.say(stream, 2)
        await service.make_checkpoint(scribe.db, scribe.who, ours, scribe.ids)
    page = await reader.get(CHECKPOINTS, limit=2)
    rest = await reader.get(CHECKPOINTS, limit=2, cursor=page["next_cursor"])
    newest, middle, oldest = page["items"] + rest["items"]
    assert rest["next_cursor"] is None
    assert await reader.get(f"{CHECKPOINTS}/latest") == newest
    assert newest["size"] > middle["size"] > oldest["size"]
    listed = await reader.get("/api/v1/authority/keys")
    told = verify_checkpoint(parse_envelope(newest["envelope"].encode()), [ours.checkpoint.public])
    assert told.key_id in {key["key_id"] for key in listed["server_keys"]}

    place = await reader.get(f"{LOG}/inclusion", stream_id=stream, seq=6, size=newest["size"])
    assert merkle.is_included(
        merkle.leaf_hash(bytes.fromhex(place["leaf"])),
        place["index"],
        place["size"],
        [bytes.fromhex(step) for step in place["path"]],
        bytes.fromhex(newest["root"]),
    )
    grown = await reader.get(f"{LOG}/consistency", from_=oldest["size"], to=newest["size"])
    assert (grown["from_size"], grown["to_size"]) == (oldest["size"], newest["size"])
    assert merkle.is_consistent(
        oldest["size"],
        bytes.fromhex(oldest["root"]),
        newest["size"],
        bytes.fromhex(newest["root"]),
        [bytes.fromhex(step) for step in grown["path"]],
    )


async def test_what_the_log_does_not_have_is_not_there(
    reader: Reader, scribe: Scribe, ours: ServerKeys
) -> None:
    made = await service.make_checkpoint(scribe.db, scribe.who, ours, scribe.ids)
    size = made.size + 1_000
    nothing = scribe.ids.new()
    await reader.get(f"{LOG}/consistency", 404, from_=1, to=size)
    await reader.get(f"{LOG}/consistency", 404, from_=2, to=1)
    await reader.get(f"{LOG}/inclusion", 404, stream_id=nothing, seq=1, size=made.size)
    for start, end in ((-1, 2), (1, 2**53), ("", 2), ("x", 2)):
        await reader.get(f"{LOG}/consistency", 400, from_=start, to=end)
    for cursor in ("x", "WzFd", "WyJhIiwxXQ", "WzEsOTIyMzM3MjAzNjg1NDc3NTgwOF0"):
        await reader.get(CHECKPOINTS, 400, cursor=cursor)


async def test_another_tenants_log_is_not_there(
    reader: Reader, client: httpx.AsyncClient, db: Database, ids: Ids, ours: ServerKeys
) -> None:
    theirs = await found(db, ids)
    scribe = Scribe(db, theirs.founder, ids)
    stream = StreamId(ids.new())
    await scribe.say(stream)
    made = await service.make_checkpoint(db, theirs.founder, ours, ids)
    path, size = f"{LOG}/inclusion", made.size
    own = Reader(client, theirs.founder_key)
    await own.get(path, stream_id=stream, seq=1, size=size)
    await reader.get(path, 404, stream_id=stream, seq=1, size=size)
    assert (await reader.get(CHECKPOINTS))["items"] == []


async def test_an_agent_reads_no_log(client: httpx.AsyncClient, workplace: Workplace) -> None:
    _, key = await workplace.agent("refunds", Environment.STAGING)
    await Reader(client, key).get(CHECKPOINTS, 403)
