"""The loop that tells other systems, on a database of its own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from tests.conftest import Server, found
from tests.house.checkout import ROOT
from tests.webhooks.post import Post
from tests.webhooks.receiver import BROKEN, receiving

from placet.kernel.ids import Ids
from placet.storage.database import Database
from placet.webhooks.endpoints.signing import SigningSecrets
from placet.worker.webhooks import send_for_ever

KEY = bytes(range(32))


class Office:
    """A database that this test has for itself, and tenants in it."""

    def __init__(self, db: Database, url: str, server: Server, ids: Ids) -> None:
        """Stand on the database."""
        self.db = db
        self.url = url
        self._server = server
        self._ids = ids

    async def tenant(self) -> Post:
        """Return a new tenant, whose secrets stem from the one key of this service."""
        admin = self._server.admin(urlsplit(self.url).path.strip("/"))
        post = Post(self.db, self._ids, await found(self.db, self._ids), admin)
        post.secrets = SigningSecrets(KEY)
        return post


@pytest.fixture
async def office(fresh_database_url: str, server: Server, ids: Ids) -> AsyncIterator[Office]:
    db = await Database.open(fresh_database_url)
    yield Office(db, fresh_database_url, server, ids)
    await db.close()


@asynccontextmanager
async def running(post: Post) -> AsyncIterator[None]:
    """Run the loop beside the block, with much patience for a receiver that hangs."""
    sender = post.sender(seconds_max=120)
    task = asyncio.create_task(send_for_ever(post.db, sender, period_seconds=0.01))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def another_process(office: Office) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the loop in a process of its own, and kill it at the end."""
    told = json.dumps({"database_url": office.url, "key": KEY.hex()})
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.worker.sender", told, cwd=ROOT
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_what_happens_is_told_without_anybody_asking(office: Office) -> None:
    post = await office.tenant()
    async with receiving() as receiver, running(post):
        await post.endpoint(receiver.url)
        receiver.answers = [BROKEN]
        for _ in range(3):
            await post.happen(post.ids.new())
        await receiver.until(3)
        await post.let_time_pass()
        await receiver.until(4)
    assert len(set(receiver.ids)) == 3


async def test_a_receiver_that_hangs_keeps_no_other_tenant_waiting(office: Office) -> None:
    slow, quick = await office.tenant(), await office.tenant()
    async with receiving() as hanging, receiving() as receiver, running(slow):
        hanging.is_holding = True
        await slow.endpoint(hanging.url)
        await quick.endpoint(receiver.url)
        for _ in range(30):
            await slow.happen(slow.ids.new())
        await hanging.until(8)
        for _ in range(10):
            await quick.happen(quick.ids.new())
        await receiver.until(10)
        assert len(hanging.heard) == 8, "no more calls at once to one endpoint"


async def test_a_burst_of_one_tenant_keeps_no_other_tenant_waiting(office: Office) -> None:
    slow, quick = await office.tenant(), await office.tenant()
    async with receiving() as hanging, receiving() as receiver:
        hanging.is_holding = True
        await slow.endpoint(hanging.url)
        await quick.endpoint(receiver.url)
        await slow.happen(slow.ids.new(), 250)
        async with running(slow):
            await hanging.until(1)
            await slow.happen(slow.ids.new(), 250)
            await quick.happen(quick.ids.new())
            await receiver.until(1)


async def test_what_a_killed_process_had_sent_and_not_marked_is_sent_again_with_its_id(
    office: Office,
) -> None:
    post = await office.tenant()
    async with receiving() as receiver:
        endpoint = await post.endpoint(receiver.url)
        stream = post.ids.new()
        await post.happen(stream)
        receiver.is_holding = True
        async with another_process(office) as process:
            await receiver.until(1)
            process.kill()
            await process.wait()
        await post.happen(stream)
        receiver.let_go()
        async with running(post):
            await post.let_time_pass()
            await receiver.until(3)
        assert receiver.ids[0] == receiver.ids[1] != receiver.ids[2]
        assert await post.statuses(endpoint) in (
            ["delivered", "delivered"],
            ["delivered", "due"],  # ended before its mark
        )
