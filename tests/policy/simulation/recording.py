"""Short words for recordings and for what becomes of them.

policy(pay={"side_effect": "write"}, limits={"max_steps": 1})
line(0, "a pay amount=5", outputs={"a": {}})        # second 0, call `a` of `pay`
told(policy, lines) == ["a allow granted", "b deny 10 steps_exhausted", "c ask", ...]
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.simulation.lines import Line, read_line
from placet.policy.simulation.report import CallLine, Summary, SummaryLine
from placet.policy.simulation.run import simulate
from placet.policy.text.parse import read_contract

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
TOOL: Final = {
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "decision": "allow",
    "input_schema": True,
}


def policy(session: dict[str, Any] | None = None, **tools: dict[str, Any]) -> Policy:
    """Return a policy with these tools, each allowed unless it says otherwise."""
    found = read_contract(
        {
            "schema_version": "1",
            "agent": "tester",
            "session": session or {},
            "tools": [{"tool": name, **TOOL, **more} for name, more in tools.items()],
        }
    )
    assert isinstance(found, Contract), found
    return load_policy(compile_contract(found).runtime)


def phases(*names: str) -> dict[str, Any]:
    """Return phases that lead each to the next, and the last, which is terminal."""
    return {
        "phases": [
            {"name": name}
            | ({"initial": True} if name == names[0] else {})
            | ({"terminal": True} if name == names[-1] else {})
            for name in names
        ],
        "transitions": {name: [after] for name, after in itertools.pairwise(names)},
    }


def line(second: float, *calls: str, **more: Any) -> Line:  # noqa: ANN401 -- a line has many fields
    """Return a line; a call is `id tool name=value …`, each value JSON."""
    at = START + timedelta(seconds=second)
    document = {"at": at.isoformat(), "tool_calls": [_call(text) for text in calls]} | more
    return read_line(msgspec.json.encode(document))


def outcome(policy: Policy, *lines: Line) -> tuple[list[CallLine], Summary]:
    """Return what became of the calls of a recording, and the summary."""
    found = list(simulate(policy, lines))
    *calls, last = found
    assert isinstance(last, SummaryLine)
    rows = [one for one in calls if isinstance(one, CallLine)]
    assert len(rows) == len(calls)
    return rows, last.summary


def told(policy: Policy, *lines: Line) -> list[str]:
    """Return a few words on each call of a recording."""
    return [words(one) for one in outcome(policy, *lines)[0]]


def words(row: CallLine) -> str:
    """Return a line of output in a few words: id, verdict, layer of a denial, codes, granted."""
    layer = [str(row.layer)] if row.verdict == "deny" else []
    codes = [one.code.value for one in row.reasons if one.code != "approval_required"]
    granted = ["granted"] if row.granted else []
    return " ".join([row.call, row.verdict.value, *layer, *codes, *granted])


def phases_of(policy: Policy, *lines: Line) -> list[str]:
    """Return `before>after` of each call of a recording."""
    return [f"{one.phase}>{one.phase_after}" for one in outcome(policy, *lines)[0]]


def doubts(policy: Policy, *lines: Line) -> dict[str, str]:
    """Return why denials cannot be judged, by the call's id."""
    rows, summary = outcome(policy, *lines)
    found = {one.call: one.unjudged for one in rows if isinstance(one.unjudged, str)}
    assert summary.unjudged == len(found)
    return found


def _call(text: str) -> dict[str, Any]:
    call_id, tool, *pairs = text.split(" ")
    arguments = _arguments(pairs)
    return {"id": call_id, "function": {"name": tool, "arguments": arguments}}


def _arguments(pairs: Sequence[str]) -> str:
    split: Iterable[Sequence[str]] = (pair.split("=", 1) for pair in pairs)
    return json.dumps({name: json.loads(value) for name, value in split})
