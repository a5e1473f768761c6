"""The first answer to a mutating request, kept in the transaction of its effect.

A request that names the same key again, from the same actor on the same route, gets the answer
that was kept and has no second effect. While the first is still running its twin waits a second
and is then told `request_in_progress`. When the first is rolled back, its key vanishes with it.
"""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import IdempotencyConflict, RequestInProgress
from placet.kernel.value import Value
from placet.storage.columns import table
from placet.storage.database import Writing

KEPT_FOR: Final = timedelta(days=7)
"""How long an answer is kept; older ones of the actor go when it next uses the route."""


class KeptAnswer(Value, frozen=True):
    """A key, what it was first used for, and the answer; `status` is 0 until there is one."""

    tenant_id: TenantId
    actor_id: ActorId
    route: str
    key: str
    fingerprint: bytes
    status: int
    body: bytes
    created_at: datetime


KEPT_ANSWER = table(
    "idempotency_answer",
    KeptAnswer,
    key=("actor_id", "route", "key"),
    updates=("status", "body"),
    deletes=True,
)


async def first_answer(
    tx: Writing, *, route: str, key: str, fingerprint: bytes
) -> KeptAnswer | None:
    """Claim a key. Returns None when the work is to be done, else the answer that was kept.

    `route` is method and path template, `fingerprint` a hash of everything that the request asks
    for. Refuses `idempotency_conflict` when the key stands for another request.
    """
    await tx.change(
        sa.delete(KEPT_ANSWER).where(
            KEPT_ANSWER.c.tenant_id == tx.tenant_id,
            KEPT_ANSWER.c.actor_id == tx.actor_id,
            KEPT_ANSWER.c.route == route,
            KEPT_ANSWER.c.created_at < sa.func.clock_timestamp() - KEPT_FOR,
        )
    )
    claim = (
        postgresql.insert(KEPT_ANSWER)
        .values(
            tenant_id=tx.tenant_id,
            actor_id=tx.actor_id,
            route=route,
            key=key,
            fingerprint=fingerprint,
            status=0,
            body=b"",
            created_at=sa.func.clock_timestamp(),
        )
        .on_conflict_do_nothing()
        .returning(sa.literal(1))
    )
    if await tx.returning(claim) is not None:
        return None
    kept = await tx.find(KeptAnswer, sa.select(KEPT_ANSWER).where(*_same(tx, route, key)))
    if kept is None or kept.status == 0:
        raise RequestInProgress(
            detail="the first request with this key is still running", retry_after_seconds=1
        )
    if kept.fingerprint != fingerprint:
        raise IdempotencyConflict(detail="this `Idempotency-Key` stands for another request")
    return kept


async def keep_answer(tx: Writing, *, route: str, key: str, status: int, body: bytes) -> None:
    """Keep the answer to the request whose key this transaction claimed."""
    await tx.change(
        sa.update(KEPT_ANSWER).where(*_same(tx, route, key)).values(status=status, body=body)
    )


def _same(tx: Writing, route: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        KEPT_ANSWER.c.tenant_id == tx.tenant_id,
        KEPT_ANSWER.c.actor_id == tx.actor_id,
        KEPT_ANSWER.c.route == route,
        KEPT_ANSWER.c.key == key,
    )
