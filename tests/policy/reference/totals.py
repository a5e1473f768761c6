"""Layers 9 and 10: what calls come to together, and what a session may use up."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

from tests.policy.reference.asked import Asked
from tests.policy.reference.history import (
    Call,
    committed,
    granted,
    is_open,
    is_same_call,
    labels,
    spent,
    steps,
)
from tests.policy.reference.operators import Doc, bound, compares, exact, same, selected

BOUNDS = ("gt", "gte", "lt", "lte")


def totals(asked: Asked) -> list[str]:
    """Layer 9: aggregates, envelopes, labels."""
    failed = []
    for rule in asked.session.get("aggregates", []):
        if rule["tool"] == asked.call.tool:
            failed += aggregate(asked, rule)
    for rule in asked.session.get("envelopes", []):
        if rule["tool"] == asked.call.tool and not is_enveloped(asked, rule):
            failed.append("envelope")
    now = labels(asked.history)
    for rule in asked.session.get("labels", []):
        matches = all(now.get(key) == value for key, value in rule["when"].items())
        if matches and {"*", asked.call.tool} & set(rule["deny"]):
            failed.append("labeled")
    return failed


def aggregate(asked: Asked, rule: Doc) -> list[str]:
    """Judge one aggregate: at its worst, so with the open calls and without them."""
    mine = amounts(rule, asked.call)
    if mine is None or (rule.get("scope") == "principal" and "id" not in asked.call.principal):
        return ["aggregate_missing"]
    past = [one for one in asked.counted if is_in_scope(asked, rule, one)]
    settled = [one for one in past if one not in asked.held and not is_open(asked.history, one)]
    failed = []
    for name in BOUNDS:
        for calls in (past, settled):
            values = [value for one in calls for value in amounts(rule, one) or []]
            if name in rule and not compares(
                name, fold(rule["op"], values + mine), bound(rule[name])
            ):
                failed.append(f"aggregate {name}")
                break
    return failed


def is_in_scope(asked: Asked, rule: Doc, past: Call) -> bool:
    """Tell whether a past call takes part: same tool, same scope, and within the window."""
    if past.tool != rule["tool"]:
        return False
    if rule.get("scope") == "principal":
        theirs, ours = past.principal, asked.call.principal
        if "id" not in theirs or not same(theirs["id"], ours["id"]):
            return False
    window = rule.get("window_seconds")
    commits = [one for one in committed(asked.history) if one.call is past]
    return not (window and commits) or asked.now - commits[0].at < timedelta(seconds=window)


def amounts(rule: Doc, call: Call) -> list[Any] | None:
    """Return the values that one call brings to an aggregate, or null where one is unfit."""
    if rule["op"] == "count":
        return [1]
    values = selected(call.arguments, rule["path"])
    if rule["op"] == "distinct":
        return values or None
    numbers = [exact(value) for value in values]
    if not numbers or None in numbers:
        return None
    if rule["op"] == "sum" and any(number < 0 for number in numbers if number is not None):
        return None
    return numbers


def fold(op: str, values: list[Any]) -> Fraction:
    """Make one number of the values of several calls."""
    if op == "distinct":
        return Fraction(
            sum(not any(same(one, other) for other in values[:at]) for at, one in enumerate(values))
        )
    return Fraction(max(values) if op == "max" else min(values) if op == "min" else sum(values))


def is_enveloped(asked: Asked, rule: Doc) -> bool:
    """Tell whether each value is at most the first committed one times the ratio."""
    mine = [exact(value) for value in selected(asked.call.arguments, rule["path"])]
    if not mine or None in mine:
        return False
    commits = [one for one in committed(asked.history) if one.call.tool == rule["tool"]]
    values = [
        exact(value) for one in commits for value in selected(one.call.arguments, rule["path"])
    ]
    firsts = [value for value in values if value is not None]
    if not firsts:
        return True
    first = firsts[0]
    ratio = bound(rule["within_ratio_of_first"])
    return first > 0 and all(value is not None and value <= first * ratio for value in mine)


def exhausted(asked: Asked) -> list[str]:
    """Layer 10: limits, budget, loop, all but `max_tool_calls`, which is for the response."""
    limits, call = asked.limits, asked.call
    failed = []
    used = steps(asked.history) - {call.line}
    if "max_steps" in limits and len(used) + 1 > limits["max_steps"]:
        failed.append("steps_exhausted")
    per_tool = limits.get("max_calls_per_tool", {}).get(call.tool)
    of_tool = [one for one in asked.counted if one.tool == call.tool]
    if per_tool is not None and len(of_tool) + 1 > per_tool:
        failed.append("tool_calls_exhausted")
    if "max_cost_micros" in limits and spent(asked.history) >= limits["max_cost_micros"]:
        failed.append("cost_exhausted")
    if is_loop(asked):
        failed.append("loop_detected")
    return failed


def is_loop(asked: Asked) -> bool:
    """Tell whether the call is the one too many like it among the last granted ones.

    What the response holds comes on top of the window, so that a neighbour's place does not matter.
    """
    loop = asked.limits.get("loop")
    if loop is None:
        return False
    last = granted(asked.history)[-loop["window"] :] + asked.held
    volatile = (asked.tool or {}).get("volatile", [])
    alike = [one for one in last if is_same_call(one, asked.call, volatile)]
    return bool(len(alike) + 1 >= loop["threshold"])
