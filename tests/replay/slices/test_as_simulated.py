"""One session alone under bounds that are wider decides as a simulation of its calls does."""

import random  # noqa: TID251 -- seeded: the same calls in every run

import pytest
from litestar import Litestar
from tests.replay.desk import Desk
from tests.replay.slices.purse import books, pay, purse
from tests.replay.twofold import begun

from placet.replay.calls.fold import fold
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.rules import encode_state


@pytest.mark.parametrize("seed", range(2))
async def test_the_service_decides_as_a_simulation_of_the_same_calls(
    desk: Desk, app: Litestar, seed: int
) -> None:
    document = purse(
        {"lte": 60},
        {"scope": "tenant", "lt": "70.5", "window_seconds": 600},
        {"tool": "peek", "lte": 9},
    )
    chance = random.Random(seed)  # noqa: S311 -- no secret
    runtime: Runtime = app.state[Runtime.__name__]
    twofold = await begun(desk, document)
    for _ in range(12):
        names = [chance.choice(["pay", "pay", "peek"]) for _ in range(chance.randint(1, 3))]
        amounts = [chance.choice([0, 2, 5, 0.25, 17]) for _ in names]
        for call in await twofold.propose(*map(pay, amounts, names)):
            if call["counts"]:
                await twofold.report(call, chance.choice(["failed", "succeeded"]), output={})
        if chance.random() < 0.3:
            runtime.memory = Memory()
    judged, _ = twofold.simulated(document)
    assert twofold.judged == judged
    assert {one[1] for one in judged} == {"allow", "deny"}
    state, events = await twofold.kept()
    assert encode_state(fold(events)) == state
    assert (await books(desk)).keys() == {"paid_0", "paid_1", "paid_2"}
