"""The eleven layers, one function each: what of the layer fails for one call, as codes.

A layer sees the call, the whole history and what the earlier calls of the same response hold.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

import jsonschema_rs
from cel_expr_python import cel  # type: ignore[import-untyped]  # -- it ships no types
from tests.policy.reference.history import (
    MALFORMED,
    Call,
    Happened,
    History,
    advances_to,
    committed,
    counted,
    events,
    granted,
    is_open,
    is_same_call,
    killed_by,
    labels,
    phase,
    slots,
    spent,
    steps,
    tool_of,
    waited,
)
from tests.policy.reference.operators import (
    MISSING,
    Doc,
    bound,
    compares,
    exact,
    failing,
    failing_refs,
    same,
    selected,
)

BOUNDS = ("gt", "gte", "lt", "lte")


@dataclass
class Asked:
    """What a layer is asked: the call, and all that is known when it is judged."""

    contract: Doc
    history: History
    call: Call
    now: datetime
    held: list[Call]
    approved: bool

    @property
    def session(self) -> Doc:
        """Return the rules of the session."""
        found: Doc = self.contract.get("session", {})
        return found

    @property
    def limits(self) -> Doc:
        """Return the limits of the session."""
        found: Doc = self.session.get("limits", {})
        return found

    @property
    def tool(self) -> Doc | None:
        """Return what the contract says of the call's tool."""
        return tool_of(self.contract, self.call.tool)

    @property
    def counted(self) -> list[Call]:
        """Return what counts: the history's calls and what the same response holds."""
        return counted(self.history) + self.held


def control(asked: Asked) -> list[str]:
    """Layer 1: killed, closed by a terminal phase, expired."""
    failed = []
    if killed_by(asked.history):
        failed.append("session_killed")
    terminal = [one["name"] for one in asked.session.get("phases", []) if one.get("terminal")]
    if phase(asked.contract, asked.history) in terminal:
        failed.append("session_closed")
    started = events(asked.history, "line")[0].at
    elapsed = asked.now - started - waited(asked.history, asked.now)
    limit = asked.limits.get("max_seconds")
    if limit is not None and elapsed > timedelta(seconds=limit):
        failed.append("session_expired")
    return failed


def principals(asked: Asked) -> list[str]:
    """Layer 2: with rules the default is deny, deny wins; absence matches a deny, not an allow."""
    rules = asked.session.get("principals", [])
    who = asked.call.principal
    mine = [rule for rule in rules if {"*", asked.call.tool} & set(rule["tools"])]

    def matches(rule: Doc) -> bool:
        absent = rule["effect"] == "deny"
        wanted = rule.get("where", {}).items()
        return all(same(who[key], value) if key in who else absent for key, value in wanted)

    effects = [rule["effect"] for rule in mine if matches(rule)]
    refused = bool(rules) and ("deny" in effects or "allow" not in effects)
    return ["principal"] if refused else []


def ruling(asked: Asked) -> str:
    """Return what is ruled for the tool: its decision, or what holds by default."""
    tool = asked.tool
    if tool is None:
        return str(asked.session.get("unmatched_tools", "deny"))
    risks = asked.session.get("risk_defaults", {})
    return str(tool.get("decision", risks.get(tool["side_effect"], "deny")))


def known(asked: Asked) -> list[str]:
    """Layer 3: a tool without contract, a decision or a risk default that denies."""
    if ruling(asked) != "deny":
        return []
    return ["no_contract" if asked.tool is None else "denied"]


def phases(asked: Asked) -> list[str]:
    """Layer 4: the phase is none the tool is valid in, or a forbidding call counts."""
    tool = asked.tool or {}
    failed = []
    now = phase(asked.contract, asked.history)
    target = advances_to(asked.contract, asked.call.tool)
    transitions = asked.session.get("transitions", {}).get(now, [])
    if ("phases" in tool and now not in tool["phases"]["valid_in"]) or (
        target is not None and target not in (now, *transitions)
    ):
        failed.append("wrong_phase")
    after = tool.get("forbidden_after", [])
    failed += [
        "forbidden_in_state" for other in after for one in asked.counted if one.tool == other
    ]
    return failed


def requirements(asked: Asked) -> list[str]:
    """Layer 5: of the commits that meet `same`, the latest must meet everything else."""
    tool = asked.tool or {}
    return ["precondition_not_met" for one in tool.get("requires", []) if not is_met(asked, one)]


def is_met(asked: Asked, wanted: Doc) -> bool:
    """Tell whether one requirement is met."""
    ours = asked.call.arguments

    def agrees(commit: Happened) -> bool:
        for pair in wanted.get("same", []):
            source = commit.call.arguments if "theirs" in pair else commit.data
            theirs = selected(source, pair.get("theirs", pair.get("theirs_output")))
            mine = selected(ours, pair["ours"])
            if not theirs or not mine or not all(same(a, b) for a in theirs for b in mine):
                return False
        return True

    candidates = [
        one for one in committed(asked.history) if one.call.tool == wanted["tool"] and agrees(one)
    ]
    if not candidates:
        return False
    latest = candidates[-1]
    rules = wanted.get("output", [])
    if (rules and latest.data is MISSING) or any(failing(rule, latest.data) for rule in rules):
        return False
    within = wanted.get("within_seconds")
    return within is None or asked.now - latest.at <= timedelta(seconds=within)


@cache
def validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    """Return a schema of 2020-12 with formats asserted that reads nothing from elsewhere."""
    patterns = jsonschema_rs.RegexOptions()
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema), validate_formats=True, offline=True, pattern_options=patterns
    )


def arguments(asked: Asked) -> list[str]:
    """Layer 6: input schema and `arguments`, both; what is no object is malformed."""
    tool = asked.tool or {}
    value = asked.call.arguments
    if value is MALFORMED:
        return ["arguments_malformed"]
    failed = []
    if "input_schema" in tool:
        failed += [] if validator(json.dumps(tool["input_schema"])).is_valid(value) else ["schema"]
    for rule in tool.get("arguments", []):
        failed += [f"argument {name}" for name in failing(rule, value)]
    return failed


@cache
def compiled(text: str) -> cel.Expression:
    """Return a condition over what it may see, made once as making takes long."""
    any_map = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    text_map = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
    seen = {"args": any_map, "principal": any_map, "labels": text_map, "slots": any_map}
    return cel.NewEnv(variables={**seen, "phase": cel.Type.STRING}).compile(text)


def condition(asked: Asked) -> list[str]:
    """Layer 7: anything but true is a denial, an error too."""
    tool = asked.tool or {}
    if "when" not in tool:
        return []
    known_now = {
        "args": asked.call.arguments,
        "principal": asked.call.principal,
        "labels": labels(asked.history),
        "phase": phase(asked.contract, asked.history) or "",
        "slots": slots(asked.contract, asked.history),
    }
    try:
        answer = compiled(tool["when"]).eval(data=known_now)
    except RuntimeError:
        return ["condition"]
    return [] if answer.type() == cel.Type.BOOL and answer.value() is True else ["condition"]


def references(asked: Asked) -> list[str]:
    """Layer 8: rules against slots, and an effect key that is missing or taken."""
    tool = asked.tool or {}
    bound_now = slots(asked.contract, asked.history)
    failed = [
        f"reference {name}"
        for rule in tool.get("arguments", [])
        for name in failing_refs(rule, asked.call.arguments, bound_now)
    ]
    key = effect_key(tool, asked.call)
    if key is None:
        failed.append("effect_key_missing")
    elif key:
        others = [one for one in asked.counted if one.tool == asked.call.tool]
        if any(same(key, effect_key(tool, one)) for one in others):
            failed.append("effect_key_taken")
    return failed


def effect_key(tool: Doc, call: Call) -> list[Any] | None:
    """Return the values at the paths of the effect key, or null where one is missing."""
    values = [selected(call.arguments, path) for path in tool.get("effect_key", [])]
    return None if [] in values else values


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


def people(asked: Asked) -> list[str]:
    """Layer 11: a ruling to ask, or a checkpoint, without an approval."""
    asks = ruling(asked) == "ask" or "checkpoint" in (asked.tool or {})
    return ["approval_required"] if asks and not asked.approved else []


FIRST_NINE = (
    control,
    principals,
    known,
    phases,
    requirements,
    arguments,
    condition,
    references,
    totals,
)


def first_failing(asked: Asked) -> tuple[int | None, list[str]]:
    """Return the first of layers 1 to 9 that fails, and all that fails in it.

    A tool without contract skips 4 to 9; what is no JSON object is denied all the same.
    """
    for layer, judge in enumerate(FIRST_NINE, start=1):
        if asked.tool is None and layer > 3 and layer != 6:
            continue
        failed = judge(asked)
        if failed:
            return layer, failed
    return None, []
