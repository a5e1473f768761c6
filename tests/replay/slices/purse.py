"""A contract whose payments are bounded over many sessions, and the books that must agree."""

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from tests.replay.desk import AGENT, Desk, Worker
from tests.replay.twofold import limited

from placet.kernel.principal import Environment

BOOKS = sa.text(
    """
    SELECT l.held, l.used, a.allowance_id, a.reserved, a.window_seconds, a.name,
           (SELECT coalesce(sum(w.value), 0) FROM placet.replay_wide_amount AS w
            WHERE w.tenant_id = l.tenant_id AND w.session_id = l.session_id
              AND w.allowance_id = l.allowance_id AND w.released_at IS NULL) AS told
    FROM placet.replay_slice AS l JOIN placet.replay_allowance AS a USING (tenant_id, allowance_id)
    """
)
Bounds = dict[str, object]


def tool(name: str, **more: object) -> dict[str, Any]:
    """Return a tool that takes an amount."""
    return {
        "tool": name,
        "side_effect": "write",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "input_schema": {"type": "object", "properties": {"amount": {"type": "number"}}},
        **more,
    }


def purse(*aggregates: Bounds, gate: str = "strip_partial") -> dict[str, Any]:
    """Return the desk's contract with payments that these bounds are on."""
    made = [
        {"name": f"paid_{place}", "tool": "pay", "op": "sum", "path": "$.amount", "scope": "agent"}
        | bound
        for place, bound in enumerate(aggregates)
    ]
    return limited(
        {"gate": gate, "aggregates": made},
        tool("pay"),
        tool("pay_asked", decision="ask"),
        tool("peek", side_effect="read", commit_requirement="none"),
        tool("grave", start="required"),
    )


def pay(amount: object, name: str = "pay") -> tuple[str, object]:
    """Return a payment."""
    return name, {"amount": amount}


async def books(desk: Desk) -> dict[str, tuple[Decimal | int, ...]]:
    """Return what all sessions use and hold, by the allowance's name, and hold the books to agree.

    What is used is what the calls say; without a window the parent has reserved just that.
    """
    async with desk.db.reading(desk.workplace.founder) as tx:
        rows = await tx.rows(BOOKS)
    found: dict[str, tuple[Decimal | int, ...]] = {}
    reserved: dict[str, Decimal | None] = {}
    for row in rows:
        assert row.used == row.told, row
        used, held = found.get(row.name, (Decimal(0), Decimal(0)))
        found[row.name] = used + row.used, held + row.held
        reserved[row.name] = row.reserved if row.window_seconds is None else None
    for name, (used, held) in found.items():
        assert reserved[name] in {None, used + held}, name
    return found


async def paid(worker: Worker, *amounts: object, name: str = "pay") -> list[str]:
    """Return what became of payments that were proposed together: their verdicts."""
    return [call["verdict"] for call in await worker.propose(*[pay(one, name) for one in amounts])]


async def acting_for(desk: Desk, claims: dict[str, Any], agent: str = AGENT) -> Worker:
    """Return a worker whose agent acts for whoever its key names."""
    actor, _ = await desk.workplace.agent(agent, Environment.STAGING)
    asked = {
        "actor_id": str(actor.actor_id),
        "name": "runtime",
        "scopes": ["runtime"],
        "agent": agent,
        "environment": Environment.STAGING.value,
        "claims": claims,
    }
    issued = await desk.post("/api/v1/tenancy/api-keys", asked, desk.workplace.founder_key)
    assert issued.status_code == 201, issued.text
    desk.runtime_key = issued.json()["api_key"]
    return await desk.worker()
