"""Whoever an agent acts for is what its key says, for the whole life of a session."""

import random  # noqa: TID251 -- seeded: the same calls in every run
from typing import Any

import pytest
from tests.replay.desk import AGENT, Desk, Worker
from tests.replay.twofold import Twofold, limited

from placet.kernel.principal import Environment
from placet.replay.calls.fold import fold
from placet.replay.sessions.rules import encode_state

RULES = {
    "gate": "strip_partial",
    "principals": [
        {"effect": "allow", "tools": ["*"], "where": {"department": "support"}},
        {"effect": "allow", "tools": ["note"]},
        {"effect": "deny", "tools": ["pay"], "where": {"trainee": True}},
    ],
}
PAY = {
    "tool": "pay",
    "side_effect": "write",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "when": "args.amount < 10 || ('level' in principal && principal.level >= 3)",
    "input_schema": {"type": "object", "properties": {"amount": {"type": "integer"}}},
}
WHO: list[dict[str, Any]] = [
    {},
    {"department": "support"},
    {"department": "support", "trainee": False},
    {"department": "support", "trainee": True, "level": 9},
    {"department": "support", "trainee": False, "level": 3},
    {"department": "sales", "trainee": False, "level": 3},
]


async def key_of(desk: Desk, claims: dict[str, Any]) -> str:
    """Return a runtime key that says for whom the agent acts."""
    agent, _ = await desk.workplace.agent(AGENT, Environment.STAGING)
    asked = {
        "actor_id": str(agent.actor_id),
        "name": "runtime",
        "scopes": ["runtime"],
        "agent": AGENT,
        "environment": "staging",
        "claims": claims,
    }
    issued = await desk.post("/api/v1/tenancy/api-keys", asked, desk.workplace.founder_key)
    assert issued.status_code == 201, issued.text
    assert issued.json()["key"]["claims"] == claims
    key: str = issued.json()["api_key"]
    return key


async def acting_for(desk: Desk, claims: dict[str, Any]) -> Worker:
    """Return a worker, with the lease, on a session of a key with these claims."""
    desk.runtime_key = await key_of(desk, claims)
    return await desk.worker()


@pytest.mark.parametrize("claims", WHO, ids=str)
async def test_the_service_decides_for_a_principal_as_a_simulation_does(
    desk: Desk, claims: dict[str, Any]
) -> None:
    document = limited(RULES, PAY)
    await desk.approve_again(document)
    twofold = Twofold(await acting_for(desk, claims), principal=claims)
    chance = random.Random(7)  # noqa: S311 -- no secret
    for _ in range(5):
        answered = await twofold.propose(
            ("note", {"text": "x"}), ("pay", {"amount": chance.choice([5, 50])}), ("escalate", {})
        )
        for call in answered:
            if call["counts"]:
                await twofold.report(call, output={})
    judged, _ = twofold.simulated(document)
    assert twofold.judged == judged
    assert {layer for *_, layer, _ in judged} & {2, None}
    state, events = await twofold.kept()
    assert encode_state(fold(events)) == state


async def test_a_session_tells_for_whom_it_was_opened_where_it_can_be_erased(desk: Desk) -> None:
    claims = {"department": "support", "level": 3, "trainee": False}
    worker = await acting_for(desk, claims)
    opened, *_ = await worker.events()
    assert opened["body"]["principal"] == claims


async def test_narrowing_hides_what_a_principal_may_not_do(desk: Desk) -> None:
    await desk.approve_again(limited(RULES, PAY))
    worker = await acting_for(desk, {"department": "sales"})
    prepared = await worker.prepare()
    hidden = {one["tool"]: one["code"] for one in prepared["hidden"]}
    assert hidden["pay"] == "principal"
    assert "note" not in hidden
