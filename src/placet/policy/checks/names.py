"""Findings about names: each is given once, and names a tool that has a contract."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import EVERY_TOOL, Known
from placet.policy.finding import Finding
from placet.policy.model import Contract
from placet.policy.text.tree import Steps

HINTS_MAX: Final = 10
COMPARED_MAX: Final = 64
APART_MAX: Final = 3
NEAR_MAX: Final = 200
"""The nearest known name takes long to find: it is looked for only for the first unknown names, up
to a length, among so many known ones whose length differs by so little."""


def check_names(known: Known) -> Iterator[Finding]:
    """Yield names that are given twice, that name nothing, or that name what is denied."""
    yield from _twice(known.contract)
    for count, (code, steps, name) in enumerate(_unknown(known)):
        near = _nearest(name, known.tools) if count < HINTS_MAX else ""
        hint = f"did you mean `{near}`?" if near else "give it a contract, or take it out"
        yield found(code, steps, f"`{name}` has no contract", hint)
    yield from _denied(known)


def _nearest(name: str, tools: Iterable[str]) -> str:
    """Return the tool whose name is nearest, or nothing; long names are not compared."""
    if len(name) > COMPARED_MAX:
        return ""
    about = [tool for tool in tools if abs(len(tool) - len(name)) <= APART_MAX]
    return next(iter(difflib.get_close_matches(name, about[:NEAR_MAX], n=1)), "")


def _twice(contract: Contract) -> Iterator[Finding]:
    tools = [((*steps, "tool"), tool.tool) for steps, tool in tools_of(contract)]
    hint = "a tool is known by its name alone, whatever its server"
    yield from _repeated("tool_twice", tools, "the tool `{}` is listed twice", hint)
    session = contract.session
    slots = [
        (("session", "bindings", index, "slot"), binding.slot)
        for index, binding in enumerate(session.bindings)
    ]
    yield from _repeated("slot_twice", slots, "the slot `{}` is declared twice")
    aggregates = [
        (("session", "aggregates", index, "name"), it.name)
        for index, it in enumerate(session.aggregates)
    ]
    yield from _repeated("aggregate_twice", aggregates, "the name `{}` is given twice")
    envelopes = [
        (("session", "envelopes", index, "name"), it.name)
        for index, it in enumerate(session.envelopes)
    ]
    yield from _repeated("envelope_twice", envelopes, "the name `{}` is given twice")


def _repeated(
    code: str, names: Iterable[tuple[Steps, str]], says: str, hint: str = "keep one of them"
) -> Iterator[Finding]:
    seen: dict[str, Steps] = {}
    for steps, name in names:
        if name in seen:
            yield found(code, steps, says.format(name), hint, related=seen[name])
        seen.setdefault(name, steps)


def _unknown(known: Known) -> Iterator[tuple[str, Steps, str]]:
    session = known.contract.session
    named = [*_named_dead(known.contract)]
    for index, aggregate in enumerate(session.aggregates):
        named.append((("session", "aggregates", index, "tool"), aggregate.tool))
    for index, envelope in enumerate(session.envelopes):
        named.append((("session", "envelopes", index, "tool"), envelope.tool))
    for steps, name in named:
        if name not in known.tools:
            yield "unknown_tool", steps, name
    for steps, tool in tools_of(known.contract):
        for index, name in enumerate(tool.forbidden_after):
            if name not in known.tools:
                yield "forbidden_after_unknown", (*steps, "forbidden_after", index), name


def _denied(known: Known) -> Iterator[Finding]:
    for steps, name in _named_dead(known.contract):
        if known.is_denied(name):
            tool = known.tools[name]
            by = "its risk default" if tool.decision is UNSET else "its own decision"
            message = f"`{name}` is denied by {by}, so this has no effect"
            yield found("denied_tool", steps, message, "take it out, or permit the tool")


def _named_dead(contract: Contract) -> Iterator[tuple[Steps, str]]:
    """Yield the names of tools in limits, principals and labels: dead where the tool is denied."""
    session = contract.session
    for name in session.limits.max_calls_per_tool:
        yield ("session", "limits", "max_calls_per_tool", name), name
    for index, rule in enumerate(session.principals):
        for at, name in enumerate(rule.tools):
            if name != EVERY_TOOL:
                yield ("session", "principals", index, "tools", at), name
    for index, label in enumerate(session.labels):
        for at, name in enumerate(label.deny):
            if name != EVERY_TOOL:
                yield ("session", "labels", index, "deny", at), name
