"""Time that passes without anybody waiting for it."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from tests.conftest import Server
from tests.replay.desk import Worker

Pass = Callable[[Worker], Awaitable[None]]


@pytest.fixture
def let_time_pass(server: Server, database_name: str) -> Pass:
    """Let every deadline of a session lie in the past, as only time itself can."""

    async def passing(worker: Worker) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        for column in ("grant_expires_at", "deadline_at"):
            await admin.execute(
                f"UPDATE placet.replay_pending_call SET {column} = now() - interval '1 second'"  # noqa: S608 -- a column of ours
                f" WHERE session_id = $1 AND {column} IS NOT NULL",
                worker.session_id,
            )
        await admin.execute(
            "UPDATE placet.replay_prepared_request SET expires_at = now() - interval '1 second'"
            " WHERE session_id = $1",
            worker.session_id,
        )
        await admin.execute(
            "UPDATE placet.work_due SET due_at = now() - interval '1 second' WHERE ref = $1",
            worker.session_id,
        )
        await admin.close()

    return passing
