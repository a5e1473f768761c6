"""What the application keeps for as long as it runs, and gives to its routes by type."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from placet.authority.server_keys import ServerKeys
from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.settings import Settings
from placet.storage.database import Database


@asynccontextmanager
async def opened(
    settings: Settings, database_url: str, *, keys_folder: Path, ids: Ids, clock: Clock
) -> AsyncIterator[Mapping[str, object]]:
    """Open everything, yield it under the names of its types, and close it again.

    Raises what `Database.open` and `ServerKeys.load` raise.
    """
    db = await Database.open(database_url)
    try:
        keys = await ServerKeys.load(keys_folder, db)
        yield {
            Database.__name__: db,
            ServerKeys.__name__: keys,
            Runtime.__name__: Runtime(db, ids, clock, keys),
            Settings.__name__: settings,
            "Ids": ids,
            "Clock": clock,
        }
    finally:
        await db.close()
