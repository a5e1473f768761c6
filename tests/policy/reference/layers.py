"""Layers 1 to 8 and 11, one function each: what of the layer fails for one call, as codes.

A layer sees the call, the whole history and what the earlier calls of the same response hold.
"""

import json
from datetime import timedelta
from functools import cache
from typing import Any

import jsonschema_rs
from cel_expr_python import cel  # type: ignore[import-untyped]  # -- it ships no types
from tests.policy.reference.asked import Asked
from tests.policy.reference.history import (
    MALFORMED,
    Call,
    Happened,
    advances_to,
    committed,
    events,
    killed_by,
    labels,
    phase,
    slots,
    waited,
)
from tests.policy.reference.operators import (
    MISSING,
    Doc,
    failing,
    failing_refs,
    same,
    selected,
)
from tests.policy.reference.totals import totals


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
    """Tell whether one requirement is met; `same` is not asked of malformed arguments."""
    ours = asked.call.arguments

    def agrees(commit: Happened) -> bool:
        for pair in wanted.get("same", []) if ours is not MALFORMED else ():
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
