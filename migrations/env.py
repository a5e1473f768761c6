"""How Alembic reaches the database: as the migrator, having become the owner."""

import asyncio
from typing import Literal

import asyncpg
import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine

from placet.schema import METADATA
from placet.storage.columns import SCHEMA, EnumText, JsonStruct


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our column types as the plain types below them, so that a migration stands alone."""
    if kind == "type" and isinstance(item, EnumText):
        return "sa.Text()"
    if kind == "type" and isinstance(item, JsonStruct):
        return "postgresql.JSONB()"
    return False


def run(connection: sa.Connection) -> None:
    """Migrate on one connection, in one transaction."""
    connection.execute(sa.text("SET ROLE placet_owner"))
    connection.execute(sa.text("SET lock_timeout = '1s'"))
    connection.execute(sa.text("SET statement_timeout = '300s'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
        render_item=render_item,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main(url: str) -> None:
    """Open one connection and migrate on it."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(url),
        poolclass=sa.NullPool,
    )
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main(context.config.attributes["url"]))
