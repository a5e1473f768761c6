"""Letting time go by for activations, as only time itself can."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import asyncpg
from tests.conftest import Server

Pass = Callable[[UUID, timedelta], Awaitable[None]]
"""Lets this much time go by for an activation, its plan and the sessions under it."""

_SHIFTED = {
    "studio_break_glass": ("opened_at", "lapses_at", "confirmed_at", "ends_at", "ended_at"),
    "plans_plan": ("activated_at", "activated_until"),
    "replay_session": ("authority_until",),
}


def passing(server: Server, database_name: str) -> Pass:
    """Return what lets time go by in a database."""

    async def passes(activation_id: UUID, much: timedelta) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        for table, columns in _SHIFTED.items():
            earlier = ", ".join(f"{column} = {column} - $2::interval" for column in columns)
            await admin.execute(
                f"UPDATE placet.{table} SET {earlier} WHERE activation_id = $1",  # noqa: S608 -- the names of our own tables
                activation_id,
                much,
            )
        await admin.execute(
            "UPDATE placet.work_due SET due_at = due_at - $2::interval WHERE ref = $1",
            activation_id,
            much,
        )
        await admin.close()

    return passes
