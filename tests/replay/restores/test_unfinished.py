"""A restore that breaks off says what it came from all the same, and closes nothing before its end.

It is broken off before each statement that it sends, and run again to its end.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
import sqlalchemy as sa
from tests.replay.desk import Worker
from tests.replay.restores.conftest import Bench

from placet.authority.recovery.model import LostEnd
from placet.authority.recovery.service import tell_restored
from placet.authority.recovery.store import get_recovery, raise_epoch, read_epoch
from placet.kernel.principal import Principal
from placet.replay.restores.procedure import NothingToRestore, restore
from placet.storage.database import Database, HotPool, Reading, Writing

NOTE = ("note", {"text": "called back"})
MOVED = "UPDATE placet.storage_epoch SET system_identifier = $1, timeline = $2"
TOLD = """
SELECT convert_from(b.body, 'UTF8')::jsonb ->> 'epoch' AS epoch,
       convert_from(b.body, 'UTF8')::jsonb ->> 'from_epoch' AS from_epoch,
       convert_from(b.body, 'UTF8')::jsonb ->> 'from_system_identifier' AS source,
       convert_from(b.body, 'UTF8')::jsonb ->> 'from_timeline' AS timeline
FROM placet.event AS e JOIN placet.event_body AS b USING (tenant_id, stream_id, seq)
WHERE e.type = 'Restored' ORDER BY e.seq
"""
OPEN = "SELECT epoch FROM placet.authority_recovery WHERE closed_at IS NULL ORDER BY epoch"


async def told(bench: Bench) -> list[tuple[str, ...]]:
    """Return what the raises were from, as they are told of, in the order of telling."""
    return [tuple(row) for row in await bench.admin.fetch(TOLD)]


async def test_every_raise_is_told_of_with_the_server_that_it_was_from(bench: Bench) -> None:
    for epoch, server, timeline in ((2, "77", 5), (3, "78", 6)):
        await bench.admin.execute(MOVED, server, timeline)
        # It breaks off after the raise.
        assert await raise_epoch(bench.migrator, await read_epoch(bench.db), epoch, {}, {})
    report = await bench.restore()
    assert (report.epoch, report.from_epoch, report.is_raised) == (3, 2, False)
    both = [("2", "1", "77", "5"), ("3", "2", "78", "6")]
    assert await told(bench) == both
    with pytest.raises(NothingToRestore):
        await bench.restore()
    await bench.fail_over()
    epoch = (await bench.restore()).epoch
    assert [row[:2] for row in await told(bench)] == [("2", "1"), ("3", "2"), (str(epoch), "3")]


async def test_a_range_of_a_server_that_is_left_is_told_of_from_the_next_one(bench: Bench) -> None:
    await bench.admin.execute(MOVED, "77", 5)
    assert await raise_epoch(bench.migrator, await read_epoch(bench.db), 2, {}, {})
    await bench.admin.execute(MOVED, "78", 6)
    report = await bench.restore()
    assert report.is_raised
    assert await told(bench) == [("2", "1", "77", "5"), (str(report.epoch), "2", "78", "6")]


async def test_what_nobody_was_told_of_is_not_closed(bench: Bench) -> None:
    await bench.fail_over()
    first = (await bench.restore()).epoch
    await bench.fail_over()
    seen = await read_epoch(bench.db)
    assert await raise_epoch(bench.migrator, seen, first + 1, {}, {})
    refused = await bench.close()
    assert (refused.status_code, refused.json()["code"]) == (409, "recovery_unfinished")
    assert refused.json()["untold_epochs"] == [first + 1]
    assert await bench.admin.fetch(OPEN) == [(first,), (first + 1,)]
    await bench.restore()
    assert (await bench.close()).status_code == 200
    assert await bench.admin.fetch(OPEN) == []


async def test_what_people_have_to_repeat_is_kept_by_the_raise_itself(bench: Bench) -> None:
    await bench.fail_over()
    end = LostEnd(type="WorkspaceArchived", target="x")
    lost: dict[UUID, Sequence[LostEnd]] = {bench.desk.workplace.tenant_id: [end]}
    assert await raise_epoch(bench.migrator, await read_epoch(bench.db), 2, {}, lost)
    # It broke off, and the lines are not given again.
    await bench.restore()
    assert (await bench.close()).json()["lost_ends"] == [msgspec.to_builtins(end)]


async def test_of_two_who_restore_at_once_one_tells(bench: Bench) -> None:
    await bench.fail_over()
    assert await raise_epoch(bench.migrator, await read_epoch(bench.db), 2, {}, {})
    async with bench.db.reading(bench.desk.workplace.founder) as tx:
        untold = await get_recovery(tx, 2)
    both = (tell_restored(bench.db, untold, bench.ids) for _ in range(2))
    assert sorted(await asyncio.gather(*both)) == [False, True]
    assert len(await told(bench)) == 1


class BrokenOffError(Exception):
    """The process has ended here."""


class Breaking:
    """Counts statements down, and ends before the one that is the last of them."""

    def __init__(self, left: int) -> None:
        """End before the statement that comes after so many."""
        self.left = left

    def pass_by(self) -> None:
        """Raise `BrokenOffError` where no statement is left."""
        if not self.left:
            raise BrokenOffError
        self.left -= 1


class BreakingMigrator:
    """The migrator's connection, as far as a restore uses it."""

    def __init__(self, connection: "asyncpg.Connection[Any]", breaking: Breaking) -> None:
        """Stand on an open connection."""
        self._connection = connection
        self._breaking = breaking

    def transaction(self) -> object:
        """Begin a transaction; what breaks off in it is undone."""
        return self._connection.transaction()

    async def execute(self, *asked: Any) -> str:  # noqa: ANN401 -- what asyncpg takes
        """Run a statement."""
        self._breaking.pass_by()
        return await self._connection.execute(*asked)

    async def fetch(self, *asked: Any) -> list[asyncpg.Record]:  # noqa: ANN401 -- the same
        """Return rows."""
        self._breaking.pass_by()
        return await self._connection.fetch(*asked)

    async def fetchval(self, *asked: Any) -> object:  # noqa: ANN401 -- the same
        """Return one value."""
        self._breaking.pass_by()
        return await self._connection.fetchval(*asked)


class BreakingHot(HotPool):
    """Hot functions that are called until it breaks."""

    def __init__(self, hot: HotPool, breaking: Breaking) -> None:
        """Stand on an open pool."""
        self.__dict__.update(vars(hot))
        self._breaking = breaking

    async def rows(
        self, query: str, *arguments: object, reserved: bool = False, owed: bool = False
    ) -> list[asyncpg.Record]:
        """Run a function."""
        self._breaking.pass_by()
        return await super().rows(query, *arguments, reserved=reserved, owed=owed)


class BreakingWriting(Writing):
    """A transaction that may not come to its end."""

    def __init__(self, tx: Writing, breaking: Breaking) -> None:
        """Stand on an open transaction."""
        self.__dict__.update(vars(tx))
        self._breaking = breaking

    async def rows(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        """Return plain rows."""
        self._breaking.pass_by()
        return await super().rows(query)

    async def change(self, statement: sa.Update | sa.Insert | sa.Delete) -> int:
        """Run a guarded change."""
        self._breaking.pass_by()
        return await super().change(statement)

    async def returning(self, statement: sa.Executable) -> sa.Row[Any] | None:
        """Run a change that returns a row."""
        self._breaking.pass_by()
        return await super().returning(statement)


class BreakingDatabase(Database):
    """A database that is lost after so many statements that may change something."""

    def __init__(self, db: Database, breaking: Breaking) -> None:
        """Stand on an open database."""
        self.__dict__.update(vars(db))
        self.hot = BreakingHot(db.hot, breaking)
        self._breaking = breaking

    @asynccontextmanager
    async def reading(self, principal: Principal) -> AsyncIterator[Reading]:
        """Open a transaction that reads; the end comes before it, where it makes a difference."""
        self._breaking.pass_by()
        async with super().reading(principal) as tx:
            yield tx

    @asynccontextmanager
    async def writing(self, principal: Principal) -> AsyncIterator[Writing]:
        """Open a transaction that may break off before each statement, and before its commit."""
        async with super().writing(principal) as tx:
            yield BreakingWriting(tx, self._breaking)
            self._breaking.pass_by()


async def broken_off(bench: Bench, statements: int) -> bool:
    """Run a restore that ends before a statement. Tells whether it came to that."""
    breaking = Breaking(statements)
    db = BreakingDatabase(bench.db, breaking)
    migrator = BreakingMigrator(bench.migrator, breaking)
    try:
        await restore(db, migrator, None, {}, bench.ids)  # type: ignore[arg-type]  # as far as it is used
    except BrokenOffError:
        return True
    return False


async def test_wherever_a_restore_breaks_off_the_next_run_ends_it(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    await worker.propose(NOTE)
    statements, resumed = 0, 0
    while True:
        await bench.admin.execute(MOVED, str(1000 + statements), 9)
        was = await bench.admin.fetchval("SELECT epoch FROM placet.storage_epoch")
        if not await broken_off(bench, statements):
            break
        raised = await bench.admin.fetchval("SELECT epoch FROM placet.storage_epoch")
        if raised != was:
            await is_not_closed_too_early(bench, raised)
            resumed += 1
        last = len(await told(bench))
        try:
            report = await bench.restore()
        except NothingToRestore:
            # All was done but for the answer.
            assert last == statements + 1
        else:
            assert report.is_raised == (raised == was)
        assert (await told(bench))[-1][1:] == (str(was), str(1000 + statements), "9")
        assert len(await told(bench)) == statements + 1
        heir = Worker(bench.desk, worker.session_id)
        assert (await heir.lease("steal", reason="it was restored")).status_code == 200
        assert (await bench.close()).status_code == 200
        assert await bench.is_whole(heir)
        await heir.propose(NOTE)
        statements += 1
    assert statements > 20
    assert resumed > 5


async def is_not_closed_too_early(bench: Bench, epoch: int) -> None:
    """Hold that an untold range cannot be closed, and that one that is told of may be looked at."""
    shown = await bench.desk.get("/api/v1/authority/recovery", bench.desk.operator_key)
    (newest, *_) = shown.json()["items"]
    assert newest["epoch"] == epoch
    if not newest["is_told"]:
        assert (await bench.close()).json()["code"] == "recovery_unfinished"
