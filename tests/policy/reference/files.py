"""Files of calls over the same few tools and values as the contracts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.policy.reference.operators import Doc
from tests.policy.reference.picking import Picker

START = datetime(2026, 3, 1, tzinfo=UTC)
STEPS = (10, 0, 10, 20, 0, 30, 1, 10, 0, 20, 60, 29, 10, 30, 100, 0, 20, 900, 901)
BEYOND = 10**21
A = (1, 2, 3, 0, 4, 1, 2, 3.0, 2.5, 5, 1e21, BEYOND, "2", None, -1, True, 2.0)
B = ("x", "y", "x", "y", "ord_1", "", 1, None, "2026-02-28", ["x"])
LISTS: tuple[Any, ...] = (
    [{"n": 1}],
    [],
    [{"n": 1}, {"n": 2}],
    [{"n": 3}],
    [1, 2],
    [{"m": 1}],
    [{"n": 1}, {}],
    "l",
)
OBJECTS: tuple[Any, ...] = ({"n": 1}, {"n": 2, "m": 1}, {"m": 2, "n": 1}, {}, 7, {"n": 1.0})
BROKEN = ("{", "[]", '{"a":1,"a":1}', "null", '"x"', "")
OUTPUTS: tuple[Any, ...] = (
    {"s": "ok", "v": 2},
    {"s": "ok", "v": 1, "e": ["x", "y"]},
    {"s": "no", "v": 3},
    {"s": "ok", "v": 4, "e": []},
    {"v": 2.5, "e": [1, 2]},
    None,
    {},
    3,
)
PRINCIPALS: tuple[Doc, ...] = (
    {"id": "u1", "team": "x", "level": 1},
    {"id": "u2", "team": "x"},
    {"id": "u1", "team": "y", "level": 2},
    {"team": "x", "level": 1},
    {"id": None, "team": "x"},
    {},
)
FATES = (
    *(("output", later) for later in (0, 0, 0, 1, 1, 2, 3)),
    *(("failed", later) for later in (0, 1, 2)),
    *(("none", 0) for _ in range(2)),
)


def a_file(pick: Picker, tools: list[str], *, is_small: bool = False) -> list[Doc]:
    """Return the lines of a file of calls of these tools, and seldom of another.

    A small one has no integers beyond 64 bits, which no condition can see.
    """
    count = 1 + pick.below(12)
    lines: list[Doc] = []
    now = START
    broken = pick.chance(8)
    usual = pick.of(PRINCIPALS)
    tools = [*tools, tools[0]]
    tops = Tops(pick, is_small=is_small)
    for number in range(count):
        if number:
            now += timedelta(seconds=pick.of(STEPS))
        line: Doc = {"at": now.isoformat().replace("+00:00", "Z")}
        who = usual if pick.chance(80) else pick.of(PRINCIPALS)
        if who:
            line["principal"] = who
        if pick.chance(15):
            line["labels"] = pick.of([{"mood": "bad"}, {"mood": "calm"}, {"flag": "up"}])
        line["tool_calls"] = [
            _call(pick, f"c{number + 1}{letter}", tools, tops, broken=broken)
            for letter in "abcd"[: 1 + pick.of([0, 1, 0, 2, 3, 1])]
        ]
        lines.append(line)
    for at, line in enumerate(lines):
        for call in line["tool_calls"]:
            _fate(pick, lines, at, call["id"])
    return lines


class Tops:
    """How much of each pool of values a file uses: few values collide more often."""

    def __init__(self, pick: Picker, *, is_small: bool) -> None:
        """Pick the tops."""
        self.a = A[: pick.of([3, 4, 9, 3, len(A)])]
        if is_small:
            self.a = tuple(one for one in self.a if one != BEYOND)
        self.b = B[: pick.of([2, 4, len(B)])]
        self.has_more = pick.chance(40)


def _call(pick: Picker, call_id: str, tools: list[str], tops: Tops, *, broken: bool) -> Doc:
    tool = "ghost" if pick.chance(4) else pick.of(tools)
    arguments: Doc = {}
    if pick.chance(94):
        arguments["a"] = pick.of(tops.a)
    if pick.chance(60):
        arguments["b"] = pick.of(tops.b)
    if tops.has_more:
        if pick.chance(60):
            arguments["l"] = pick.of(LISTS)
        if pick.chance(40):
            arguments["o"] = pick.of(OBJECTS)
    text = json.dumps(arguments)
    if broken and pick.chance(25):
        text = pick.of(BROKEN)
    return {"id": call_id, "function": {"name": tool, "arguments": text}}


def _fate(pick: Picker, lines: list[Doc], at: int, call_id: str) -> None:
    kind, later = pick.of(FATES)
    line = lines[min(at + later, len(lines) - 1)]
    if kind == "output":
        line.setdefault("outputs", {})[call_id] = pick.of(OUTPUTS)
    elif kind == "failed":
        line.setdefault("failed", []).append(call_id)
    if pick.chance(3):
        again = lines[min(at + 3, len(lines) - 1)]
        if call_id not in again.get("failed", []):
            said = line.get("outputs", {}).get(call_id, {"s": "ok"})
            again.setdefault("outputs", {})[call_id] = said
    if pick.chance(25):
        line.setdefault("cost_micros", {})[call_id] = pick.of([1, 2, 3, 0])
        if pick.chance(30):
            again = lines[min(at + 1, len(lines) - 1)]
            again.setdefault("cost_micros", {})[call_id] = 2
    if pick.chance(65):
        answer = lines[min(at + pick.of([0, 1, 0, 2, 3]), len(lines) - 1)]
        answer.setdefault("approved", []).append(call_id)
