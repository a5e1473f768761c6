"""The same calls through a running service and through a simulation of its contract."""

import copy
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from tests.replay.desk import CONTRACT, Desk, Worker

from placet.events.model import StreamId
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.simulation.lines import Line, read_line
from placet.policy.simulation.report import CallLine, Summary
from placet.policy.simulation.run import simulate
from placet.policy.text.parse import read_contract
from placet.replay.sessions.store import get_session

TIMES = sa.text(
    "SELECT proposed_at, settled_at, counts FROM placet.replay_pending_call"
    " WHERE session_id = :session AND call_id = :call"
)
EVENTS = sa.text(
    "SELECT e.type, b.body FROM placet.event AS e JOIN placet.event_body AS b"
    " USING (tenant_id, stream_id, seq) WHERE e.stream_id = :session ORDER BY e.seq"
)
Judged = tuple[str, str, bool, int | None, list[str]]


def policy_of(document: dict[str, Any]) -> Policy:
    """Return a contract, compiled and loaded."""
    contract = read_contract(document)
    assert isinstance(contract, Contract), contract
    return load_policy(compile_contract(contract).runtime)


@dataclass
class Twofold:
    """A worker whose session is written down as a recording while it goes on."""

    worker: Worker
    principal: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    async def propose(self, *calls: tuple[str, object]) -> list[dict[str, Any]]:
        """Propose calls, and write down what was asked and what was decided."""
        answered = await self.worker.propose(*calls)
        self.lines.append(
            self._line(
                (await self._row(answered[0])).proposed_at,
                tool_calls=[
                    {"id": one["call_id"], "function": {"name": name, "arguments": text(given)}}
                    for one, (name, given) in zip(answered, calls, strict=True)
                ],
            )
        )
        for one in answered:
            one["counts"] = granted = (await self._row(one)).counts
            codes = sorted(reason["code"] for reason in one["reasons"])
            self.judged.append((one["call_id"], one["verdict"], granted, one["layer"], codes))
        return answered

    async def report(
        self,
        call: dict[str, Any],
        status: str = "succeeded",
        output: object = None,
        cost: int | None = None,
    ) -> dict[str, Any]:
        """Report on a granted call, and write down what came of it."""
        answered = await self.worker.report(call, status, output, cost_micros=cost)
        assert answered["settled"], answered
        at = (await self._row(call)).settled_at
        call_id = call["call_id"]
        told: dict[str, object] = {"cost_micros": {} if cost is None else {call_id: cost}}
        told |= {"failed": [call_id]} if status == "failed" else {"outputs": {call_id: output}}
        self.lines.append(self._line(at, tool_calls=[], **told))
        return answered

    def simulated(self, document: dict[str, Any]) -> tuple[list[Judged], Summary]:
        """Return what a simulation says of the same calls."""
        told = list(simulate(policy_of(document), self.lines))
        calls, last = told[:-1], told[-1]
        assert not isinstance(last, CallLine)
        return [judged_of(one) for one in calls if isinstance(one, CallLine)], last.summary

    async def kept(self) -> tuple[bytes, list[tuple[str, bytes]]]:
        """Return the session's state as it is kept, and its events: each its type and its body."""
        desk = self.worker.desk
        async with desk.db.reading(desk.workplace.founder) as tx:
            session = StreamId(self.worker.session_id)
            state = (await get_session(tx, session)).state
            rows = await tx.rows(EVENTS.bindparams(session=session))
        return state, [(row.type, row.body) for row in rows]

    def grow_older(self, by: timedelta) -> None:
        """Let everything that was written down have happened so much earlier."""
        self.lines = [
            read_line(json.dumps({**as_json(line), "at": (line.at - by).isoformat()}).encode())
            for line in self.lines
        ]

    async def _row(self, call: dict[str, Any]) -> "sa.Row[Any]":
        desk = self.worker.desk
        async with desk.db.reading(desk.workplace.founder) as tx:
            (row,) = await tx.rows(
                TIMES.bindparams(session=self.worker.session_id, call=UUID(call["call_id"]))
            )
        return row

    def _line(self, at: datetime, **more: object) -> Line:
        told = {"at": at.isoformat(), "principal": self.principal, **more}
        return read_line(json.dumps(told).encode())


def as_json(line: Line) -> dict[str, Any]:
    """Return a line as the JSON that it was read from."""
    return {
        "tool_calls": [
            {"id": c.id, "function": {"name": c.function.name, "arguments": c.function.arguments}}
            for c in line.tool_calls
        ],
        "outputs": line.outputs,
        "failed": list(line.failed),
        "cost_micros": line.cost_micros,
        "principal": line.principal,
    }


def judged_of(line: CallLine) -> Judged:
    """Return what a simulation said of a call, in the form of what the service said."""
    codes = sorted(reason.code.value for reason in line.reasons)
    return line.call, line.verdict.value, line.granted, line.layer, codes


def text(given: object) -> str:
    """Return arguments as they are sent."""
    return given if isinstance(given, str) else json.dumps(given)


def limited(session: dict[str, Any], *tools: dict[str, Any]) -> dict[str, Any]:
    """Return the desk's contract with other rules of the session, and these tools added."""
    names = {tool["tool"] for tool in tools}
    kept = [tool for tool in CONTRACT["tools"] if tool["tool"] not in names]
    made: dict[str, Any] = copy.deepcopy(
        {**CONTRACT, "session": {**CONTRACT["session"], **session}, "tools": [*kept, *tools]}
    )
    return made


async def begun(desk: Desk, document: dict[str, Any]) -> Twofold:
    """Return a worker on a session under another contract."""
    await desk.approve_again(document)
    return Twofold(await desk.worker())
