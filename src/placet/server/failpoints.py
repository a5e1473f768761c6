"""Named points at which a service ends or stands still, so that a test can prove what is left.

Nothing of this exists in a service that was started without the variable `PLACET_FAILPOINTS`: the
database and the application are then handed on as they are. The variable names points and what
happens there, separated by commas: `after:propose_v1=kill,before:transaction@2=stall`.

- `before:NAME` and `after:NAME`: on the way to the database function NAME, and when its answer has
  come back. For NAME `transaction`: before the commit of a transaction that writes, and after it;
- `answer:WORD`: when the answer to a request is ready whose path ends in WORD, before it is sent;
- `@N`: the Nth time, the first unless it is told. Each point acts once;
- `kill` ends the process as a crash does, `stall` stops it until somebody lets it go on.
"""

import logging
import os
import re
import signal
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from placet.kernel.principal import Principal
from placet.settings import SettingInvalid
from placet.storage.database import Database, HotPool, HotRow, Writing

VARIABLE: Final = "PLACET_FAILPOINTS"
TRANSACTION: Final = "transaction"
_ACTIONS: Final = {"kill": signal.SIGKILL, "stall": signal.SIGSTOP}
_POINT: Final = re.compile(r"((?:before|after|answer):[a-z0-9_-]+)(?:@([1-9][0-9]{0,5}))?=(\w+)")
_FUNCTION: Final = re.compile(r"placet\.(\w+)\(")
_LOG: Final = logging.getLogger("placet.server")


class Failpoints:
    """The points that are armed: after how many more times each acts, and by which signal."""

    def __init__(self, armed: Mapping[str, tuple[int, signal.Signals]]) -> None:
        """Arm these points."""
        self._armed = dict(armed)

    def pass_by(self, point: str) -> None:
        """End or stop the process if this is a point's time."""
        if point not in self._armed:
            return
        left, sent = self._armed.pop(point)
        if left > 1:
            self._armed[point] = left - 1, sent
        else:
            os.kill(os.getpid(), sent)


def named(environ: Mapping[str, str]) -> Failpoints | None:
    """Return the points that the environment names, or None where it names none.

    Raises `SettingInvalid` for what is no point.
    """
    told = environ.get(VARIABLE, "")
    if not told:
        return None
    armed: dict[str, tuple[int, signal.Signals]] = {}
    for part in told.split(","):
        found = _POINT.fullmatch(part.strip())
        if found is None or found[3] not in _ACTIONS:
            raise SettingInvalid(
                detail=f"`{VARIABLE}` names `{part.strip()}`, which is no point to fail at",
                remedy="write `after:propose_v1=kill`, or leave it out: it is for tests alone",
            )
        armed[found[1]] = int(found[2] or 1), _ACTIONS[found[3]]
    _LOG.warning("this service will fail, as %s asks: %s", VARIABLE, told)
    return Failpoints(armed)


def database_with(points: Failpoints | None, db: Database) -> Database:
    """Return the database that passes by the points; without any, the same."""
    return db if points is None else _FailingDatabase(db, points)


def application_with(points: Failpoints | None, app: ASGIApp) -> ASGIApp:
    """Return the application that passes by the points before it answers; without any, the same."""
    if points is None:
        return app

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                points.pass_by(f"answer:{scope['path'].rpartition('/')[2]}")
            await send(message)

        await app(scope, receive, answer)

    return failing


class _FailingPool(HotPool):
    """The same connections, each function a point."""

    def __init__(self, hot: HotPool, points: Failpoints) -> None:
        vars(self).update(vars(hot))
        self._points = points

    async def rows(
        self, query: str, *arguments: object, reserved: bool = False, owed: bool = False
    ) -> list[HotRow]:
        found = _FUNCTION.search(query)
        name = found[1] if found else ""
        self._points.pass_by(f"before:{name}")
        rows = await super().rows(query, *arguments, reserved=reserved, owed=owed)
        self._points.pass_by(f"after:{name}")
        return rows

    async def together(
        self,
        name: str,
        key: Hashable,
        session: UUID,
        arguments: tuple[object, ...],
        *,
        owed: bool = False,
    ) -> HotRow:
        self._points.pass_by(f"before:{name}")
        row = await super().together(name, key, session, arguments, owed=owed)
        self._points.pass_by(f"after:{name}")
        return row


class _FailingDatabase(Database):
    """The same database, each commit a point."""

    def __init__(self, db: Database, points: Failpoints) -> None:
        vars(self).update(vars(db))
        self.hot = _FailingPool(db.hot, points)
        self._points = points

    @asynccontextmanager
    async def writing(self, principal: Principal) -> AsyncIterator[Writing]:
        async with super().writing(principal) as tx:
            yield tx
            self._points.pass_by(f"before:{TRANSACTION}")
        self._points.pass_by(f"after:{TRANSACTION}")
