"""No contract holds up a service: an honest one is checked at once, a hostile one in seconds."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from placet.policy.checks.check import check_contract
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract

EXAMPLE = yaml.safe_load((Path(__file__).parents[1] / "example.yaml").read_text("utf-8"))
HONEST_SECONDS = 1.5
HOSTILE_SECONDS = 6.0
"""Many times what it takes, and a small part of what it took before it was bounded."""


def tool(name: str, **more: object) -> dict[str, object]:
    return {
        "tool": name,
        "side_effect": "read",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "decision": "allow",
        "input_schema": True,
    } | more


def contract_of(tools: list[dict[str, Any]], **session: object) -> Contract:
    document = {"schema_version": "1", "agent": "desk", "tools": tools, "session": session}
    contract = read_contract(document)
    assert isinstance(contract, Contract), contract
    return contract


def many(copies: int) -> Contract:
    """Return the example with its tools and the rules on them so many times, under other names."""
    session = {**EXAMPLE["session"], "bindings": [], "aggregates": [], "envelopes": []}
    session["limits"] = {**session["limits"], "max_calls_per_tool": {}}
    tools = []
    for number in range(copies):
        text = json.dumps(EXAMPLE["tools"])
        for one in EXAMPLE["tools"]:
            text = text.replace(f'"{one["tool"]}"', f'"{one["tool"]}_{number}"')
        tools += json.loads(text.replace("order_total", f"order_total_{number}"))
        refund = f"issue_refund_{number}"
        session["bindings"].append({"slot": f"order_total_{number}", "write": "once"})
        session["limits"]["max_calls_per_tool"][refund] = 3
        for key in ("aggregates", "envelopes"):
            rule = {**EXAMPLE["session"][key][0], "name": refund, "tool": refund}
            session[key].append(rule)
    refunds = list(session["limits"]["max_calls_per_tool"])
    session["principals"] = [
        session["principals"][0],
        {**session["principals"][1], "tools": refunds},
    ]
    session["labels"] = [{**session["labels"][0], "deny": refunds}]
    return contract_of(tools, **session)


def seconds_of(contract: Contract) -> tuple[float, list[str]]:
    """Return the time on the processor, and the codes of the findings."""
    began = time.thread_time()
    codes = [finding.code for finding in check_contract(contract)]
    return time.thread_time() - began, codes


def test_a_contract_of_five_hundred_tools_is_checked_in_a_second() -> None:
    taken, codes = seconds_of(many(100))
    assert codes == []
    assert taken < HONEST_SECONDS


def excluded(count: int, each: int) -> Iterator[dict[str, object]]:
    for at in range(0, count * each, each):
        yield {"path": "$.x", "none_of": list(range(at, at + each))}


def sums(**bounds: list[int]) -> list[dict[str, object]]:
    ((name, values),) = bounds.items()
    return [
        {
            "name": f"n{n}",
            "tool": "a",
            "op": "sum",
            "path": "$.x",
            "window_seconds": n + 1,
            name: it,
        }
        for n, it in enumerate(values)
    ]


def circle(count: int) -> list[dict[str, Any]]:
    return [
        tool(f"t{n}", requires=[{"tool": f"t{(n + step) % count}"} for step in range(1, 21)])
        for n in range(count)
    ]


def slots(count: int) -> list[dict[str, Any]]:
    return [
        tool(
            f"t{n}",
            binds=[{"slot": f"s{m}", "from": "output", "path": "$"} for m in range(n % 7, 200, 20)],
            arguments=[{"path": "$", "equals_ref": f"s{m}"} for m in range(n % 11, 200, 20)],
        )
        for n in range(count)
    ]


def referred(count: int) -> list[dict[str, Any]]:
    schema = {
        "properties": {f"p{n}": {"$ref": "#/$defs/e"} for n in range(100)},
        "$defs": {"e": {"enum": list(range(490))}},
    }
    rules = [{"path": f"$.p{n}", "gte": 5_000 + n, "not_equals": n} for n in range(100)]
    return [tool(f"t{n}", input_schema=schema, arguments=rules) for n in range(count)]


NAMES = {f"{'q' * 90}{n}" for n in range(1_000)}
HOSTILE: dict[str, Callable[[], Contract]] = {
    "sums over what is ruled out": lambda: contract_of(
        [tool("a", arguments=[*excluded(100, 380), {"path": "$.x", "type": "integer", "gte": 0}])],
        aggregates=sums(lte=[37_900 + n for n in range(200)]),
    ),
    "sums that conflict": lambda: contract_of(
        [tool("a", arguments=[*excluded(100, 380), {"path": "$.x", "lte": 5}])],
        aggregates=sums(gte=[10**6] * 200),
    ),
    "many sums and many bounds": lambda: contract_of(
        [tool("a", arguments=[{"path": "$.x", "lte": n, "gte": -n} for n in range(200)])],
        aggregates=sums(lte=list(range(200))),
    ),
    "many values against many": lambda: contract_of(
        [
            tool("a", arguments=[{"path": "$.x", "one_of": list(range(1_000))}, *excluded(2, 499)]),
            tool("b", arguments=[{"path": "$.x", "equals": list(range(20_000))}]
                 + [{"path": "$.x", "contains": n} for n in range(199)]),
        ]
    ),
    "tools that wait in a circle": lambda: contract_of(circle(1_000)),
    "slots that wait for each other": lambda: contract_of(
        slots(600), bindings=[{"slot": f"s{n}", "write": "last"} for n in range(200)]
    ),
    "unknown names that are nearly known": lambda: contract_of(
        [tool(name) for name in sorted(NAMES)],
        principals=[
            {"effect": "allow", "tools": [f"{'q' * 90}{m}-{n}" for n in range(500)]}
            for m in range(10)
        ],
    ),
    "rules on principals": lambda: contract_of(
        [tool(f"t{n}") for n in range(400)],
        principals=[
            {"effect": ("deny", "allow")[n % 2], "tools": [f"t{m}" for m in range(n % 2, 380)]}
            for n in range(200)
        ],
    ),
    "one long list of choices": lambda: contract_of(referred(5)),
    "phases that lead everywhere": lambda: contract_of(
        [
            tool(f"t{n}", phases={"valid_in": [f"p{m}" for m in range(60)], "advances_to": "p99"})
            for n in range(900)
        ],
        phases=[{"name": f"p{n}", "initial": n == 0, "terminal": n == 99} for n in range(100)],
        transitions={f"p{n}": [f"p{m}" for m in range(100)] for n in range(100)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE)
def test_a_contract_that_is_made_to_take_long_is_checked_in_seconds(
    made: Callable[[], Contract],
) -> None:
    taken, _ = seconds_of(made())
    assert taken < HOSTILE_SECONDS
