"""A contract whose calls are bounded over many sessions by what cannot be shared out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from tests.conftest import Server
from tests.replay.desk import Desk
from tests.replay.twofold import Judged, Twofold, judged_of, limited, policy_of

from placet.policy.simulation.report import CallLine
from placet.policy.simulation.run import simulate

MARKS = sa.text(
    "SELECT value, committed_at IS NOT NULL AS is_committed"
    " FROM placet.replay_tally_mark ORDER BY value, call_id"
)
Bounds = dict[str, object]


def tool(name: str, **more: object) -> dict[str, Any]:
    """Return a tool that pays an amount to somebody."""
    properties = {"amount": {"type": "number"}, "to": {"type": "string"}}
    return {
        "tool": name,
        "side_effect": "write",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "input_schema": {"type": "object", "properties": properties},
        **more,
    }


def wide(*aggregates: Bounds, gate: str = "strip_partial") -> dict[str, Any]:
    """Return the desk's contract with payments that these bounds are on."""
    made: list[dict[str, object]] = [
        {"name": f"wide_{place}", "tool": "pay", "scope": "agent", "path": "$.amount"} | bound
        for place, bound in enumerate(aggregates)
    ]
    for rule in made:
        if rule.get("op") == "count":
            del rule["path"]
    return limited(
        {"gate": gate, "aggregates": made},
        tool("pay"),
        tool("pay_asked", decision="ask"),
        tool("grave", start="required"),
        tool("peek", side_effect="read", commit_requirement="none"),
    )


def pay(amount: object, to: str = "x", name: str = "pay") -> tuple[str, object]:
    """Return a payment."""
    return name, {"amount": amount, "to": to}


async def marks(desk: Desk) -> list[tuple[Decimal | None, bool]]:
    """Return what counts in tallies: each value, none of a digest, and whether it is committed."""
    async with desk.db.reading(desk.workplace.founder) as tx:
        return [(row.value, row.is_committed) for row in await tx.rows(MARKS)]


Age = Callable[[int], Awaitable[None]]


@pytest.fixture
def grow_older(server: Server, database_name: str) -> Age:
    """Let everything that counts have come so many seconds earlier, as only time can."""

    async def older(seconds: int) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        for table, begun in (("replay_tally_mark", "granted_at"), ("replay_amount", "opened_at")):
            await admin.execute(
                f"UPDATE placet.{table} SET {begun} = {begun} - make_interval(secs => {seconds}),"  # noqa: S608 -- a table of ours
                f" committed_at = committed_at - make_interval(secs => {seconds})"
            )
        await admin.close()

    return older


@dataclass
class Together:
    """Sessions at work under one contract, written down as one recording of all their calls.

    A simulation knows one session: what it says is right of several where no rule is a session's.
    """

    document: dict[str, Any]
    sessions: list[Twofold]

    def judged(self) -> list[Judged]:
        """Return what the service said of all calls, by the calls' ids."""
        return sorted(one for session in self.sessions for one in session.judged)

    def simulated(self) -> list[Judged]:
        """Return what a simulation says of the same calls at the same times."""
        lines = [line for one in self.sessions for line in one.lines]
        lines.sort(key=lambda line: line.at)
        told = simulate(policy_of(self.document), lines)
        return sorted(judged_of(one) for one in told if isinstance(one, CallLine))


async def together(desk: Desk, document: dict[str, Any], sessions: int) -> Together:
    """Return workers on sessions under another contract."""
    await desk.approve_again(document)
    return Together(document, [Twofold(await desk.worker()) for _ in range(sessions)])
