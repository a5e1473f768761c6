"""The first answer to a mutating request, kept in the transaction of its effect.

A request that names the same key again, from the same actor on the same route, gets the answer
that was kept and has no second effect. While the first is still running its twin waits a second
and is then told `request_in_progress`. When the first is rolled back, its key vanishes with it.

What takes longer than a transaction may last is done apart from it, under a `Claim`: committed
before the work, held again in the transaction of the effect, and given back when the work is
refused, also for taking longer than `PREPARING_FOR`. A claim whose process died lapses after
`APART_FOR`; whoever comes back later than that to a claim that another has taken has no effect.

Which streams an answer names is noted beside it by a trigger, so that an erasure finds it and
empties it: a repeat is told so, and has no second effect either. An answer is forgotten after
`KEPT_FOR`: a worker sweeps what is older, batch by batch.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import AnswerErased, IdempotencyConflict, RequestInProgress
from placet.kernel.value import Value
from placet.storage.columns import SCHEMA, table
from placet.storage.database import Writing

KEPT_FOR: Final = timedelta(days=7)
"""How long an answer is kept; one that is older is forgotten."""

SWEEP_ANSWERS: Final = "sweep_answers"
"""The kind of work that is due for a tenant that has answers; its reference is the tenant's id."""

SWEPT_AT_ONCE: Final = 1_000
"""Answers that one transaction forgets."""

ERASED: Final = b"{}"
"""What an erasure leaves of an answer. No request is answered so."""


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


class NamedStream(Value, frozen=True):
    """That a kept answer names a stream."""

    tenant_id: TenantId
    stream_id: UUID
    actor_id: ActorId
    route: str
    key: str


_KEY: Final = ("tenant_id", "actor_id", "route", "key")
KEPT_ANSWER = table(
    "idempotency_answer",
    KeptAnswer,
    sa.Index(None, "tenant_id", "created_at"),
    key=("actor_id", "route", "key"),
    updates=("status", "body"),
    deletes=True,
)
NAMED_STREAM = table(
    "idempotency_stream",
    NamedStream,
    sa.ForeignKeyConstraint(
        _KEY, [f"{SCHEMA}.idempotency_answer.{name}" for name in _KEY], ondelete="CASCADE"
    ),
    sa.Index(None, *_KEY),
    key=("stream_id", "actor_id", "route", "key"),
    deletes=True,
    app_inserts=False,
)
APART_FOR: Final = timedelta(minutes=3)
"""After how long a claim lapses: later than the work that is done under it ends."""

PREPARING_FOR: Final = timedelta(minutes=2)
"""How long work apart from its transaction may take; the rest of `APART_FOR` is for that one."""


class Claim(Value, frozen=True):
    """That one request may do what its key stands for; `claimed_at` tells claims of it apart."""

    route: str
    key: str
    claimed_at: datetime


async def first_answer(
    tx: Writing, *, route: str, key: str, fingerprint: bytes
) -> KeptAnswer | None:
    """Claim a key. Returns None when the work is to be done, else the answer that was kept.

    `route` is method and path template, `fingerprint` a hash of everything that the request asks
    for. Refuses `idempotency_conflict` when the key stands for another request, `answer_erased`.
    """
    await tx.change(
        sa.delete(KEPT_ANSWER).where(
            *_same(tx, route, key),
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
    check_told(kept.body)
    return kept


def check_told(body: bytes) -> None:
    """Refuse `answer_erased` for a kept answer that was emptied."""
    if body == ERASED:
        raise AnswerErased(detail="what was answered to this request was erased")


async def claim_apart(
    tx: Writing, *, route: str, key: str, fingerprint: bytes
) -> Claim | KeptAnswer:
    """Claim a key for work that begins once this transaction is over, or return what was kept.

    Refuses as `first_answer` does, and `request_in_progress` while another has the claim.
    """
    lapsed = sa.func.clock_timestamp() - APART_FOR
    await tx.change(
        sa.delete(KEPT_ANSWER).where(
            *_same(tx, route, key), KEPT_ANSWER.c.status == 0, KEPT_ANSWER.c.created_at < lapsed
        )
    )
    kept = await first_answer(tx, route=route, key=key, fingerprint=fingerprint)
    if kept is not None:
        return kept
    ((claimed_at,),) = await tx.rows(
        sa.select(KEPT_ANSWER.c.created_at).where(*_same(tx, route, key))
    )
    return Claim(route=route, key=key, claimed_at=claimed_at)


async def hold_claim(tx: Writing, claim: Claim) -> None:
    """Let nobody else take a claim until the transaction is over.

    Refuses `request_in_progress` where it had lapsed and somebody else has it.
    """
    held = sa.update(KEPT_ANSWER).where(*_claimed(tx, claim)).values(status=0)
    if await tx.change(held) == 0:
        raise RequestInProgress(
            detail="this took so long that another request does it now", retry_after_seconds=1
        )


async def release_claim(tx: Writing, claim: Claim) -> None:
    """Give a claim back without an answer; one that has an answer stays."""
    await tx.change(sa.delete(KEPT_ANSWER).where(*_claimed(tx, claim)))


async def keep_answer(tx: Writing, *, route: str, key: str, status: int, body: bytes) -> None:
    """Keep the answer to the request whose key this transaction claimed."""
    await tx.change(
        sa.update(KEPT_ANSWER).where(*_same(tx, route, key)).values(status=status, body=body)
    )


async def sweep_answers(tx: Writing) -> int:
    """Forget the oldest answers of the tenant that were kept for long enough. Returns how many."""
    c = KEPT_ANSWER.c
    key = (c.tenant_id, c.actor_id, c.route, c.key)
    old = (
        sa.select(*key)
        .where(c.tenant_id == tx.tenant_id, c.created_at < sa.func.clock_timestamp() - KEPT_FOR)
        .order_by(c.created_at)
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    return await tx.change(sa.delete(KEPT_ANSWER).where(sa.tuple_(*key).in_(old)))


def _same(tx: Writing, route: str, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        KEPT_ANSWER.c.tenant_id == tx.tenant_id,
        KEPT_ANSWER.c.actor_id == tx.actor_id,
        KEPT_ANSWER.c.route == route,
        KEPT_ANSWER.c.key == key,
    )


def _claimed(tx: Writing, claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        *_same(tx, claim.route, claim.key),
        KEPT_ANSWER.c.status == 0,
        KEPT_ANSWER.c.created_at == claim.claimed_at,
    )
