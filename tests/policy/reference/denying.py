"""Ways to make a contract say no more often. None of them needs facts that were not kept before."""

import copy
from collections.abc import Callable
from typing import Any

from tests.policy.reference.contracts import BOUNDS, RULES, SCHEMAS
from tests.policy.reference.operators import Doc
from tests.policy.reference.picking import Picker

Denying = Callable[[Picker, Doc, Doc, Doc], None]
"""Changes a contract's session and one of its tools; the contract itself comes last."""


def with_a_denial(pick: Picker, contract: Doc) -> Doc:
    """Return a contract that says no wherever this one does, and in one way more."""
    changed = copy.deepcopy(contract)
    session, tool = changed["session"], pick.of(changed["tools"])
    pick.of(WAYS)(pick, session, tool, changed)
    return changed


def _principal(pick: Picker, session: Doc, tool: Doc, _: Doc) -> None:
    where = pick.of([{}, {"team": "x"}, {"level": 1}, {"id": "u1"}])
    rule = {"effect": "deny", "tools": [pick.of([tool["tool"], "*"])], "where": where}
    session["principals"] = [*session.get("principals", []), rule]


def _label(pick: Picker, session: Doc, tool: Doc, _: Doc) -> None:
    rule = {"when": pick.of([{"mood": "bad"}, {"flag": "up"}]), "deny": [tool["tool"]]}
    session["labels"] = [*session.get("labels", []), rule]


def _decision(_: Picker, __: Doc, tool: Doc, ___: Doc) -> None:
    tool["decision"] = "deny"
    tool.pop("checkpoint", None)


def _unmatched(_: Picker, session: Doc, __: Doc, ___: Doc) -> None:
    session["unmatched_tools"] = "deny"


def _after(pick: Picker, _: Doc, tool: Doc, contract: Doc) -> None:
    others = [one["tool"] for one in contract["tools"]]
    tool["forbidden_after"] = [*tool.get("forbidden_after", []), pick.of(others)]


def _phase(pick: Picker, _: Doc, tool: Doc, __: Doc) -> None:
    if "phases" in tool and len(tool["phases"]["valid_in"]) > 1:
        tool["phases"]["valid_in"].pop(pick.below(len(tool["phases"]["valid_in"])))


def _argument(pick: Picker, _: Doc, tool: Doc, __: Doc) -> None:
    tool["arguments"] = [*tool.get("arguments", []), pick.of(RULES)]


def _reference(pick: Picker, session: Doc, tool: Doc, _: Doc) -> None:
    if "bindings" in session:
        rule = {"path": "$.a", pick.of(["lte_ref", "equals_ref", "none_of_ref"]): "first"}
        tool["arguments"] = [*tool.get("arguments", []), rule]


def _schema(pick: Picker, _: Doc, tool: Doc, __: Doc) -> None:
    if "input_schema" not in tool:
        tool["input_schema"] = pick.of(SCHEMAS)


def _when(_: Picker, __: Doc, tool: Doc, ___: Doc) -> None:
    tool["when"] = f"({tool['when']}) && args.a == 1" if "when" in tool else "args.a == 1"


def _requirement(pick: Picker, _: Doc, tool: Doc, contract: Doc) -> None:
    required = [wanted for one in contract["tools"] for wanted in one.get("requires", [])]
    if required:
        plain = {"tool": pick.of(required)["tool"]}
        tool["requires"] = [*tool.get("requires", []), plain]


def _bound(pick: Picker, session: Doc, _: Doc, __: Doc) -> None:
    for rule in session.get("aggregates", []):
        name = pick.of(["lte", "lt", "gte", "gt"])
        rule.setdefault(name, pick.of(BOUNDS))


def _limit(pick: Picker, session: Doc, tool: Doc, _: Doc) -> None:
    limits: Any = session.setdefault("limits", {})
    name = pick.of(["max_steps", "max_tool_calls", "max_cost_micros", "max_seconds"])
    limits[name] = min(limits.get(name, 5), pick.of([1, 2, 5]))
    per_tool = limits.setdefault("max_calls_per_tool", {})
    per_tool[tool["tool"]] = min(per_tool.get(tool["tool"], 5), pick.of([0, 1, 2]))


WAYS: tuple[Denying, ...] = (
    _principal,
    _label,
    _decision,
    _unmatched,
    _after,
    _phase,
    _argument,
    _reference,
    _schema,
    _when,
    _requirement,
    _bound,
    _limit,
)
