"""Several sessions under bounds that all of them share decide as one simulation of their calls."""

import random  # noqa: TID251 -- seeded: the same calls in every run
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from tests.replay.desk import Desk
from tests.replay.tallies.wide import Age, Together, grow_older, pay, together, wide

from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime

__all__ = ["grow_older"]
OPS = ("max", "min", "distinct", "sum", "count")
NAMES = ("pay", "peek", "pay_asked")

Bound = tuple[tuple[str, str], list[Any]]
LESS, MORE = ("lt", "lte"), ("gt", "gte")
UPPER: dict[str, Bound] = {
    "max": (LESS, [5, "7.5"]),
    "min": (LESS, [3, 5]),
    "distinct": (LESS, [3, 2, 4]),
    "sum": (LESS, [60, 90]),
    "count": (LESS, [9, 14]),
}
LOWER: dict[str, Bound] = {
    "max": (MORE, [3, 5]),
    "min": (MORE, [1, 2]),
    "distinct": (MORE, [0, 1]),
    "sum": (MORE, [2, 5]),
    "count": (MORE, [0, 1]),
}


def made_up(chance: random.Random) -> dict[str, Any]:
    """Return a contract with bounds of every kind, as chance has it."""
    aggregates = []
    for tool in NAMES:
        for op in chance.sample(OPS, 2):
            rule: dict[str, object] = {"tool": tool, "op": op}
            rule["scope"] = chance.choice(["agent", "tenant"])
            if chance.random() < 0.5:
                rule["window_seconds"] = 3600
            if op == "distinct":
                rule["path"] = "$.to"
            upper, lower = UPPER[op], LOWER[op]
            for bound, values in chance.choice([(upper,), (lower,), (upper, lower)]):
                rule[chance.choice(bound)] = chance.choice(values)
            aggregates.append(rule)
    return wide(*aggregates, gate=chance.choice(["strip_partial", "reject_all"]))


async def lead(
    work: Together, chance: random.Random, forgets: Runtime | None, grow_older: Age | None
) -> None:
    """Lead all sessions for a while, one after the other, as chance has it."""
    open_calls: list[tuple[int, dict[str, Any]]] = []
    for _ in range(26):
        place = chance.randrange(len(work.sessions))
        if forgets is not None and chance.random() < 0.3:
            forgets.memory = Memory()
            if grow_older is not None:
                await grow_older(1500)
                for session in work.sessions:
                    session.grow_older(timedelta(seconds=1500))
        calls = [
            pay(
                chance.choice([0.5, 1, 2, 3, 5, 7.5, 13, "no number"]),
                chance.choice("vwxyz"),
                chance.choice(NAMES),
            )
            for _ in range(chance.choice([1, 1, 2, 3]))
        ]
        answered = await work.sessions[place].propose(*calls)
        open_calls += [(place, call) for call in answered if call["counts"]]
        chance.shuffle(open_calls)
        while open_calls and chance.random() < 0.6:
            whose, call = open_calls.pop()
            status = chance.choice(["succeeded", "succeeded", "failed"])
            await work.sessions[whose].report(call, status, output={})


@pytest.mark.parametrize("seed", range(8))
async def test_sessions_together_decide_as_a_simulation_of_all_their_calls(
    desk: Desk, app: Litestar, grow_older: Age, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    runtime: Runtime = app.state[Runtime.__name__]
    work = await together(desk, made_up(chance), sessions=3)
    await lead(work, chance, runtime if seed % 2 else None, grow_older if seed % 4 == 3 else None)
    assert work.judged() == work.simulated()
    assert {one[1] for one in work.judged()} >= {"allow", "deny"}
