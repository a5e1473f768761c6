"""All that is stored for some tenants, looked at past the application."""

from typing import Any, Final
from uuid import UUID

import asyncpg

_TABLES: Final = """
    SELECT c.relname FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relnamespace = 'placet'::regnamespace AND c.relkind = 'r' ORDER BY 1
"""


class Stored:
    """What is stored for the tenants of the world, looked at past the application."""

    def __init__(
        self, connection: "asyncpg.Connection[Any]", tenants: list[UUID], tables: list[str]
    ) -> None:
        """Look through this connection, which sees every tenant."""
        self._connection = connection
        self._tenants = tenants
        self._query = " UNION ALL ".join(
            f"SELECT '{table}' AS name, count(*) AS rows,"  # noqa: S608 -- the names of our own tables
            f" sum(hashtextextended(t::text, 0)) AS content"
            f" FROM placet.{table} t WHERE tenant_id = ANY($1::uuid[])"
            for table in tables
        )
        self._last: list[tuple[str, int, int]] = []

    async def changed(self) -> set[str]:
        """Return the tables whose rows are not those of the last time that this was asked."""
        before, self._last = self._last, await self._content()
        return {new[0] for old, new in zip(before, self._last, strict=False) if old != new}

    async def _content(self) -> list[tuple[str, int, int]]:
        """Return the number of rows and a hash of all of them, of every table."""
        # Postgres may look through several tables at once, and tell of them as they come.
        rows = await self._connection.fetch(self._query, self._tenants)
        return sorted((row["name"], row["rows"], row["content"]) for row in rows)


async def looking(connection: "asyncpg.Connection[Any]", tenants: list[UUID]) -> Stored:
    """Look at the tenants through a connection that sees them all, for a first time."""
    tables = [row["relname"] for row in await connection.fetch(_TABLES)]
    made = Stored(connection, tenants, tables)
    await made.changed()
    return made
