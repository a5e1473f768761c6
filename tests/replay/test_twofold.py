"""Service and simulation say the same of the same calls, whatever rules the contract has."""

import random  # noqa: TID251 -- seeded: the same calls in every run
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from tests.replay.desk import Desk
from tests.replay.twofold import Twofold, begun, limited

from placet.replay.calls.fold import fold
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.rules import encode_state

TEXT = {"type": "string"}
NUMBER = {"type": "number"}


def tool(name: str, **more: object) -> dict[str, Any]:
    return {
        "tool": name,
        "side_effect": "write",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        **more,
    }


PAY = tool(
    "pay",
    input_schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["to", "amount"],
        "properties": {"to": TEXT, "amount": NUMBER, "trace": TEXT},
    },
    arguments=[{"path": "$.amount", "lte_ref": "budget"}],
    volatile=["$.trace"],
)
BUDGET = tool(
    "budget",
    side_effect="read",
    binds=[{"slot": "budget", "from": "output", "path": "$.left"}],
    input_schema={"type": "object", "properties": {}},
)
WHO = tool(
    "who",
    side_effect="read",
    commit_requirement="none",
    phases={"valid_in": ["intake", "verified"], "advances_to": "verified"},
    binds=[{"slot": "person", "from": "arguments", "path": "$.name"}],
    input_schema={"type": "object", "properties": {"name": TEXT}},
)
GREET = tool(
    "greet",
    phases={"valid_in": ["verified"]},
    when="'person' in slots && slots.person != 'mallory'",
    input_schema={"type": "object", "properties": {}},
)
SESSION: dict[str, Any] = {
    "limits": {
        "max_steps": 18,
        "max_tool_calls": 22,
        "max_calls_per_tool": {"greet": 3},
        "max_cost_micros": 700,
        "max_seconds": 3600,
        "loop": {"window": 6, "threshold": 3},
        "circuit_breaker": {"consecutive_blocks": 4, "consecutive_errors": 3},
    },
    "bindings": [{"slot": "budget", "write": "last"}, {"slot": "person", "write": "once"}],
    "aggregates": [
        {"name": "paid", "tool": "pay", "op": "sum", "path": "$.amount", "lte": 40},
        {"name": "often", "tool": "pay", "op": "count", "window_seconds": 600, "lte": 9},
        {"name": "payees", "tool": "pay", "op": "distinct", "path": "$.to", "lte": 2},
        {"name": "most", "tool": "pay", "op": "max", "path": "$.amount", "lte": "12.5"},
        {"name": "least", "tool": "pay", "op": "min", "path": "$.amount", "gte": 1},
    ],
    "envelopes": [
        {"name": "grows", "tool": "pay", "path": "$.amount", "within_ratio_of_first": "2.5"}
    ],
}
TOOLS = (PAY, BUDGET, WHO, GREET)


def made_up(chance: random.Random) -> Iterator[list[tuple[str, object]]]:
    """Yield responses without end."""
    while True:
        yield [
            chance.choice(
                [
                    ("budget", {}),
                    ("who", {"name": chance.choice(["ann", "mallory"])}),
                    ("greet", {}),
                    ("note", {"text": chance.choice("ab")}),
                    ("escalate", {"reason": "x"}),
                    *[
                        (
                            "pay",
                            {
                                "to": chance.choice("xyz"),
                                "amount": chance.choice([0.5, 2, 3, 5, 7.5, 13]),
                                "trace": str(chance.random()),
                            },
                        )
                    ]
                    * 3,
                ]
            )
            for _ in range(chance.choice([1, 1, 1, 2, 3]))
        ]


async def lead(twofold: Twofold, chance: random.Random, forgets: Runtime | None) -> None:
    """Lead a session for a while, or until it is stopped; perhaps with a service that forgets."""
    open_calls: list[dict[str, Any]] = []
    for calls in made_up(chance):
        if forgets is not None:
            forgets.memory = Memory()
        open_calls += [call for call in await twofold.propose(*calls) if call["counts"]]
        chance.shuffle(open_calls)
        while open_calls and chance.random() < 0.8:
            call = open_calls.pop()
            status = chance.choice(["succeeded"] * 3 + ["failed"])
            output = {"left": chance.choice([6, 10, 20])} if call["tool"] == "budget" else {}
            cost = chance.choice([None, 5, 40])
            await twofold.report(call, status, output, cost)
        if len(twofold.judged) > 40 or (await twofold.worker.read())["status"] != "active":
            return


@pytest.mark.parametrize("gate", ["strip_partial", "reject_all"])
@pytest.mark.parametrize("seed", range(6))
async def test_the_service_decides_as_a_simulation_of_the_same_calls(
    desk: Desk, runtime: Runtime, seed: int, gate: str
) -> None:
    document = limited(SESSION | {"gate": gate}, *TOOLS)
    if seed % 2:
        del document["session"]["limits"]["circuit_breaker"]
    twofold = await begun(desk, document)
    forgets = runtime if seed % 3 == 2 else None
    await lead(twofold, random.Random(seed), forgets)  # noqa: S311 -- no secret
    judged, summary = twofold.simulated(document)
    assert twofold.judged == judged
    session = await twofold.worker.read()
    assert (session["status"] == "killed") is summary.killed
    assert session["ended_why"] == summary.kill_reason
    state, events = await twofold.kept()
    assert encode_state(fold(events)) == state


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    """Return what the service remembers of sessions."""
    made: Runtime = app.state[Runtime.__name__]
    return made
