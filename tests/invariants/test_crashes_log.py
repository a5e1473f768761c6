"""A kill of the sequencer before any of its statements: no gap, no fork, no event twice.

`PLACET_ROUNDS` says how many sequencers are killed, 20 by default.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from os import environ

import pytest
from tests.conftest import found
from tests.evidence.log.scribe import Scribe
from tests.house.checkout import ROOT

from placet.authority.checkpoints import store
from placet.authority.checkpoints.model import Checkpoint
from placet.events.model import StreamId
from placet.evidence import merkle
from placet.evidence.checkpoint import CheckpointPayload
from placet.evidence.dsse import open_payload, parse_envelope
from placet.evidence.log.model import LogEntry
from placet.kernel.ids import Ids
from placet.storage.database import Database

ROUNDS = int(environ.get("PLACET_ROUNDS", "20"))
STEP = 37
"""Prime, so that the rounds go through all statements before they come to one again."""


class Sequencers:
    """Sequencers of one tenant, each a process of its own."""

    def __init__(self, process: Process, scribe: Scribe) -> None:
        """Talk to the process whose children they are."""
        self._process = process
        self._scribe = scribe

    async def run(self, killed_before: int) -> int:
        """Let one work; it is killed before that statement. Returns its statements, or -1."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = f"{self._scribe.who.tenant_id} {killed_before}\n"
        self._process.stdin.write(line.encode())
        return int(await self._process.stdout.readline())


@pytest.fixture
async def scribe(db: Database, ids: Ids) -> Scribe:
    return Scribe(db, (await found(db, ids)).founder, ids)


@pytest.fixture
async def sequencers(database_url: str, scribe: Scribe) -> AsyncIterator[Sequencers]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.invariants.log_child",
        database_url,
        cwd=ROOT,
        stdin=PIPE,
        stdout=PIPE,
    )
    yield Sequencers(process, scribe)
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


async def write(scribe: Scribe, streams: list[StreamId], round_: int) -> None:
    """Write to some streams, and end a new one."""
    for n in range(3):
        stream = streams[(round_ + n * n) % len(streams)]
        await scribe.say(stream, 1 + (STEP * round_ + 11 * n) % 20)
    ended = StreamId(scribe.ids.new())
    await scribe.say(ended, 2)
    await scribe.end(ended)


async def checkpoints_of(scribe: Scribe) -> list[Checkpoint]:
    async with scribe.db.reading(scribe.who) as tx:
        return await store.list_since(tx, (0, 0), 10_000)


def check_chain(checkpoints: list[Checkpoint], entries: list[LogEntry]) -> None:
    """Hold each checkpoint against the log as it is now, and against the one before."""
    leaves = [merkle.leaf_hash(entry.leaf) for entry in entries]
    previous = None
    for each in checkpoints:
        told = open_payload(parse_envelope(each.envelope).payload, CheckpointPayload)
        assert each.root == merkle.root_of(leaves[: each.size])
        assert (told.size, told.root) == (each.size, each.root.hex())
        assert (told.previous and (told.previous.size, told.previous.root)) == previous
        previous = (told.size, told.root)


async def test_a_sequencer_that_dies_anywhere_leaves_a_whole_log(
    sequencers: Sequencers, scribe: Scribe
) -> None:
    streams = [StreamId(scribe.ids.new()) for _ in range(6)]
    await write(scribe, streams, 0)
    statements = await sequencers.run(0)
    assert statements > 40
    entries = await scribe.check_sound()
    died = 0
    for round_ in range(1, ROUNDS + 1):
        await write(scribe, streams, round_)
        died += await sequencers.run(1 + (STEP * round_) % statements) == -1
        before, entries = entries, await scribe.check_sound()
        assert entries[: len(before)] == before
    check_chain(await checkpoints_of(scribe), entries)
    assert died >= ROUNDS * 3 // 4
    assert await sequencers.run(0) > 0
    await scribe.advance_all()
    await scribe.check_whole()
    ended = await scribe.ends_told()
    assert len(ended) == len(set(ended)) == ROUNDS + 1


async def test_sequencers_at_once_leave_one_log(sequencers: Sequencers, scribe: Scribe) -> None:
    streams = [StreamId(scribe.ids.new()) for _ in range(6)]
    for round_ in range(3):
        await write(scribe, streams, round_)
        await asyncio.gather(
            sequencers.run(0),
            *(scribe.advance(room=room) for room in (5, 30, 12, 20)),
        )
    await scribe.advance_all()
    await scribe.check_whole()
    check_chain(await checkpoints_of(scribe), await scribe.entries())
