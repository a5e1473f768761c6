"""The loops in which keys of ours lie ready, take over, and end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Final

from placet.authority.server_keys import ServerKeys
from placet.storage.database import Database

PERIOD_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("placet.worker")


async def turn_for_ever(
    keys: ServerKeys, db: Database, period_seconds: float = PERIOD_SECONDS
) -> None:
    """Do what is due with our keys, wait, and look again, until cancelled.

    Which keys ended is learned beside it, as a command may be waited for when another takes over.
    """
    await asyncio.gather(
        _for_ever(lambda: keys.look(db), period_seconds),
        _for_ever(lambda: keys.turn(db), period_seconds),
    )


async def _for_ever(act: Callable[[], Coroutine[None, None, None]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
        except Exception:  # noqa: BLE001 -- a fault here must not end it
            _LOG.exception("the keys were not looked at; that comes round again")


async def server_keys(kept: Mapping[str, object]) -> None:
    """Look after our keys beside an application, given what it keeps."""
    keys, db = kept[ServerKeys.__name__], kept[Database.__name__]
    assert isinstance(keys, ServerKeys)  # noqa: S101 -- narrows the type; the server put it there
    assert isinstance(db, Database)  # noqa: S101 -- as above
    await turn_for_ever(keys, db)
