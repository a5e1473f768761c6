"""The question who asks and what their plan is known by, for many at once."""

import functools
from collections.abc import Sequence
from typing import Final

import asyncpg
import sqlalchemy as sa

from placet.kernel.principal import Environment, Principal, Scope
from placet.plans.lookups.model import PlanLook, PlanQuestion
from placet.storage.database import HotPool, Reading

_LOOK: Final = "SELECT * FROM placet.plan_look_v1($1, $2, $3, $4)"
_STAMP: Final = sa.text("SELECT stamp FROM placet.plan_stamp_v1(:agent, :environment)")


async def look(hot: HotPool, questions: Sequence[PlanQuestion]) -> list[PlanLook | str]:
    """Return for each question what is known of its plan, or why its key speaks for nobody.

    One statement. The reasons are those of `tenancy.store.authenticate`.
    """
    rows = await hot.rows(
        _LOOK,
        [question.key.key_id for question in questions],
        [question.key.secret_hash for question in questions],
        [question.agent for question in questions],
        [question.environment.value for question in questions],
    )
    return [_look(question, row) for question, row in zip(questions, rows, strict=True)]


async def get_stamp(tx: Reading, agent: str, environment: Environment) -> str | None:
    """Return what a plan is known by, as this transaction sees it."""
    rows = await tx.rows(_STAMP.bindparams(agent=agent, environment=environment.value))
    return None if not rows else str(rows[0].stamp)


@functools.lru_cache(64)
def _scopes(names: tuple[str, ...]) -> frozenset[Scope]:
    return frozenset(map(Scope, names))


def _look(question: PlanQuestion, row: asyncpg.Record) -> PlanLook | str:
    if row["code"] != "ok":
        return str(row["code"])
    environment = row["environment"]
    return PlanLook(
        principal=Principal(
            tenant_id=row["tenant_id"],
            actor_id=row["actor_id"],
            key_id=question.key.key_id,
            secret_hash=question.key.secret_hash,
            scopes=_scopes(tuple(row["scopes"])),
            agent=row["agent"],
            environment=None if environment is None else Environment(environment),
        ),
        plan_id=row["plan_id"],
        stamp=row["stamp"],
    )
