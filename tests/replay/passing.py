"""Time that passes without anybody waiting for it."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from tests.conftest import Server
from tests.replay.desk import Worker

from placet.replay.calls.runtime import Runtime
from placet.replay.calls.sweep import BATCH, sweep_due

# One grant's length more than its end, so that what it let begin is over too.
OVER = """\
UPDATE placet.replay_pending_call
SET grant_expires_at = now() - (grant_expires_at - granted_at) - interval '1 second',
    granted_at = now() - 2 * (grant_expires_at - granted_at) - interval '1 second'
WHERE session_id = $1 AND status = 'unknown'
"""
Pass = Callable[[Worker], Awaitable[None]]


async def sweep_all(runtime: Runtime) -> None:
    """Sweep until nothing is due: what other tests left behind is due too, and comes first."""
    while await sweep_due(runtime) == BATCH:
        pass


@pytest.fixture
def let_time_pass(server: Server, database_name: str) -> Pass:
    """Let every deadline of a session lie in the past, as only time itself can."""

    async def passing(worker: Worker) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        await admin.execute(
            "UPDATE placet.replay_pending_call SET deadline_at = now() - interval '1 second'"
            " WHERE session_id = $1 AND deadline_at IS NOT NULL",
            worker.session_id,
        )
        # A grant keeps its length: both its ends move.
        await admin.execute(
            "UPDATE placet.replay_pending_call SET grant_expires_at = now() - interval '1 second',"
            " granted_at = granted_at - (grant_expires_at - now()) - interval '1 second'"
            " WHERE session_id = $1 AND grant_expires_at IS NOT NULL",
            worker.session_id,
        )
        await admin.execute(
            "UPDATE placet.replay_prepared_request SET expires_at = now() - interval '1 second'"
            " WHERE session_id = $1",
            worker.session_id,
        )
        await admin.execute(
            "UPDATE placet.replay_session SET next_due_at = least(next_due_at,"
            " now() - interval '1 minute') WHERE session_id = $1",
            worker.session_id,
        )
        await admin.execute(
            "UPDATE placet.work_due SET due_at = now() - interval '1 second' WHERE ref = $1",
            worker.session_id,
        )
        await admin.close()

    return passing


@pytest.fixture
def let_calls_be_over(server: Server, database_name: str) -> Pass:
    """Let so much time pass that the unknown calls of a session can act no more."""

    async def passing(worker: Worker) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        await admin.execute(OVER, worker.session_id)
        await admin.close()

    return passing
