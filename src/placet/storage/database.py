"""The two ways to the database: transactions of one tenant, and the hot pool."""

import asyncio
import functools
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Self, TypeAlias, TypeVar
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Principal
from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.faults import LOST, translated
from placet.storage.lending import Lender
from placet.storage.together import Groups
from placet.storage.warm import called, warm

M = TypeVar("M", bound=msgspec.Struct)

HotRow: TypeAlias = asyncpg.Record
"""What a hot function answers: its OUT columns by name."""

POOL_SIZE: Final = 16
RESERVED_SIZE: Final = 4
OWED_SIZE: Final = 4
ENGINE_POOL_SIZE: Final = 8
POOL_WAIT_SECONDS: Final = 0.5

_SET_TENANT: Final = sa.text("SELECT set_config('placet.tenant', :tenant, true)")


class Reading:
    """A transaction that reads what one tenant owns, all of it as of one moment."""

    def __init__(self, connection: AsyncConnection, tenant: TenantId, actor: ActorId) -> None:
        """Stand on an open transaction whose tenant is already set."""
        self.tenant_id = tenant
        self.actor_id = actor
        self._connection = connection

    async def find(self, model: type[M], query: sa.Select[Any]) -> M | None:
        """Return the one row as a Struct, or None."""
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _to_struct(model, row)

    async def list(self, model: type[M], query: sa.Select[Any]) -> list[M]:
        """Return every row as a Struct. The query sets the limit."""
        return [_to_struct(model, row) for row in await self._connection.execute(query)]

    async def rows(self, query: sa.Executable) -> Sequence[sa.Row[Any]]:
        """Return plain rows, for a question that no Struct answers."""
        return (await self._connection.execute(query)).all()

    async def records(self, query: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """Return rows as the driver makes them, for whoever reads very many of them.

        `query` names its arguments `$1`, `$2` and so on.
        """
        raw = await self._connection.get_raw_connection()
        driver: asyncpg.Connection[Any] | None = raw.driver_connection
        assert driver is not None, "it is open"  # noqa: S101 -- a transaction stands on it
        found: Sequence[asyncpg.Record] = await driver.fetch(query, *arguments)
        return found

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Run a part of the transaction that is undone alone where it is refused."""
        with translated():
            async with self._connection.begin_nested():
                yield

    async def now(self) -> datetime:
        """Return the database's clock at this moment, not the transaction's start."""
        at: datetime = (
            await self._connection.execute(sa.select(sa.func.clock_timestamp()))
        ).scalar_one()
        return at


class Writing(Reading):
    """A transaction that also writes. It commits once, where it was opened, or not at all."""

    async def insert(self, into: sa.Table, value: msgspec.Struct) -> None:
        """Write one row: the fields of the Struct."""
        await self._connection.execute(into.insert().values(fields_of(value)))

    async def change(self, statement: sa.Update | sa.Insert | sa.Delete) -> int:
        """Run a guarded change and return how many rows it met. Zero means: the guard said no."""
        return (await self._connection.execute(statement)).rowcount

    async def returning(self, statement: sa.Executable) -> sa.Row[Any] | None:
        """Run a change that returns at most one row."""
        return (await self._connection.execute(statement)).one_or_none()


class HotConnection(asyncpg.Connection):
    """A connection that sends no reset query on release: one round trip a call, and no more.

    Nothing on it may set, listen, open a cursor or take a session lock.
    """

    round_trips = 0

    def get_reset_query(self) -> str:
        """Return no query: nothing on this connection outlives a statement."""
        return ""


class HotPool:
    """Calls of database functions, each one autocommit round trip.

    `round_trips` counts the calls, so that a test can hold the promise of one a request.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[Any]",
        reserved: "asyncpg.Pool[Any]",
        owed: "asyncpg.Pool[Any] | None" = None,
    ) -> None:
        """Stand on an ordinary pool, and on the ones kept free beside it.

        `reserved` is for kill, steal and renew. `owed` is for receipts, which go there when the
        ordinary pool has nothing left: what a tool did is told however many ask for more.
        """
        self.lender = Lender(pool)
        self._reserved = Lender(reserved)
        self._owed = self.lender if owed is None else Lender(owed)
        self._groups = Groups(
            functools.partial(self._fetch, self.lender), lambda: self.lender.is_exhausted
        )
        self.round_trips = 0

    async def call(
        self, query: str, *arguments: object, reserved: bool = False, owed: bool = False
    ) -> asyncpg.Record:
        """Run one function call that returns one row.

        Refuses `governance_unavailable` when no connection is free within 500 ms, or 2 s while the
        pool still opens some, or when the database cannot be reached. A lost answer leaves the
        outcome unknown: send the same call again.
        """
        rows = await self.rows(query, *arguments, reserved=reserved, owed=owed)
        return rows[0]

    async def rows(
        self, query: str, *arguments: object, reserved: bool = False, owed: bool = False
    ) -> list[asyncpg.Record]:
        """Run one function call that returns any number of rows. Refuses as `call` does."""
        lender = self.lender
        if reserved:
            lender = self._reserved
        elif owed and lender.is_exhausted:
            lender = self._owed
        with translated():
            return await self._fetch(lender, query, arguments)

    async def together(
        self,
        name: str,
        key: Hashable,
        session: UUID,
        arguments: tuple[object, ...],
        *,
        owed: bool = False,
    ) -> asyncpg.Record:
        """Run one call of a hot function that locks nothing but its session. Refuses as `call`.

        While another that the same key asked for is under way, it may go with others: `together`.
        """
        if owed and self.lender.is_exhausted:
            return await self.call(called(name, len(arguments)), *arguments, owed=True)
        with translated():
            return await self._groups.call(name, key, session, arguments)

    async def close(self) -> None:
        """Give every connection back to its pool."""
        for lender in (self.lender, self._reserved, self._owed):
            await lender.close()

    async def _fetch(
        self, lender: Lender, query: str, arguments: Sequence[object]
    ) -> list[asyncpg.Record]:
        try:
            connection = await lender.take()
        except TimeoutError as fault:
            raise GovernanceUnavailable(
                detail="every database connection is busy; nothing was decided",
                retry_after_seconds=1,
            ) from fault
        try:
            self.round_trips += 1
            found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
        except BaseException as fault:
            if isinstance(fault, asyncpg.PostgresError) and not isinstance(fault, LOST):
                lender.give(connection)
            else:
                await lender.drop(connection)
            raise
        lender.give(connection)
        return found


class Database:
    """One database of Placet, opened as the application's role."""

    def __init__(self, engine: AsyncEngine, hot: HotPool, pools: "list[asyncpg.Pool[Any]]") -> None:
        """Hold the engine for ordinary work and the hot pool."""
        self._engine = engine
        self._pools = pools
        self.hot = hot

    @classmethod
    async def open(cls, url: str, *, pool_size: int = POOL_SIZE) -> Self:
        """Connect. `url` is `postgresql://…` of the application's role."""
        with translated():
            pool = await _hot_pool(url, pool_size, is_warm=True)
            reserved = await _hot_pool(url, RESERVED_SIZE, is_warm=False)
            owed = await _hot_pool(url, OWED_SIZE, is_warm=False)
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: asyncpg.connect(url),
            pool_size=ENGINE_POOL_SIZE,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            hide_parameters=True,  # a fault's text is logged, and parameters are what people sent
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
        return cls(engine, HotPool(pool, reserved, owed), [pool, reserved, owed])

    async def close(self) -> None:
        """Give every connection back."""
        await self._engine.dispose()
        await self.hot.close()
        await asyncio.gather(*(pool.close() for pool in self._pools))

    @asynccontextmanager
    async def reading(self, principal: Principal) -> AsyncIterator[Reading]:
        """Open a read-only transaction of the principal's tenant, on one snapshot."""
        with translated():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                async with connection.begin():
                    await connection.execute(sa.text("SET TRANSACTION READ ONLY"))
                    await connection.execute(_SET_TENANT, {"tenant": str(principal.tenant_id)})
                    yield Reading(connection, principal.tenant_id, principal.actor_id)

    @asynccontextmanager
    async def writing(self, principal: Principal) -> AsyncIterator[Writing]:
        """Open a transaction of the principal's tenant that commits at the end of the block."""
        with translated():
            async with self._engine.connect() as connection, connection.begin():
                await connection.execute(_SET_TENANT, {"tenant": str(principal.tenant_id)})
                yield Writing(connection, principal.tenant_id, principal.actor_id)


def fields_of(value: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a Struct as columns' values."""
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _to_struct(model: type[M], row: sa.Row[Any]) -> M:
    names = [str(name) for name in row._fields]
    return msgspec.convert(dict(zip(names, row, strict=True)), model)


async def _hot_pool(url: str, size: int, *, is_warm: bool) -> "asyncpg.Pool[Any]":
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        connection_class=HotConnection,
        command_timeout=10,
        init=warm if is_warm else None,
    )
