"""What holds for a session as a whole, as sentences."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from placet.policy.model import (
    Aggregate,
    AggregateOp,
    AggregateScope,
    Contract,
    Effect,
    Envelope,
    Gate,
    LabelRule,
    Phase,
    PrincipalRule,
    SessionRules,
    Write,
)
from placet.policy.operators import json_text
from placet.policy.sentences.limits import limit_lines
from placet.policy.sentences.line import Line, names, path, texts

_GATES: Final = {
    Gate.REJECT_ALL: "nothing of it is granted",
    Gate.STRIP_PARTIAL: "the legal calls run",
    Gate.STRIP_BLOCKED: "the legal calls run, and without any it becomes a text answer",
}
_KEEPS: Final = {
    Write.ONCE: "its first value, and no later one",
    Write.LAST: "its latest value",
}
_OPS: Final = {
    AggregateOp.SUM: "the sum of",
    AggregateOp.MAX: "the greatest",
    AggregateOp.MIN: "the least",
    AggregateOp.DISTINCT: "the number of different values of",
    AggregateOp.COUNT: "the number",
}
_SCOPES: Final = {
    AggregateScope.SESSION: "of this session",
    AggregateScope.PRINCIPAL: "for the same principal",
    AggregateScope.AGENT: "of this agent",
    AggregateScope.TENANT: "of this tenant",
}
_BOUNDS: Final = {"gt": "greater than", "gte": "at least", "lt": "less than", "lte": "at most"}


def session_lines(contract: Contract) -> Iterator[Line]:
    """Yield a line for each rule of the session. Raises `PathError`."""
    session = contract.session
    yield _line("gate", None, f"a response with refused calls: {_GATES[session.gate]}")
    yield _line("unmatched_tools", 3, f"a tool without a contract: {session.unmatched_tools}")
    for side_effect, ruling in sorted(session.risk_defaults.items()):
        text = f"side effect `{side_effect}`, no decision of its own: {ruling}"
        yield _line(f"risk_defaults.{side_effect}", 3, text)
    for index, phase in enumerate(session.phases):
        yield _line(f"phases[{index}]", 4, _phase(phase))
    for name, targets in sorted(session.transitions.items()):
        text = f"from `{name}` a session may go to {names(targets) or 'no other phase'}"
        yield _line(f"transitions.{name}", 4, text)
    yield from limit_lines(session.limits)
    yield from _principal_lines(session)
    for index, binding in enumerate(session.bindings):
        text = f"the slot `{binding.slot}` keeps {_KEEPS[binding.write]}"
        yield _line(f"bindings[{index}]", None, text)
    for index, aggregate in enumerate(session.aggregates):
        yield _line(f"aggregates[{index}]", 9, aggregate_says(aggregate))
    for index, envelope in enumerate(session.envelopes):
        yield _line(f"envelopes[{index}]", 9, envelope_says(envelope))
    for index, rule in enumerate(session.labels):
        yield _line(f"labels[{index}]", 9, label_says(rule))


def _line(rule: str, layer: int | None, says: str) -> Line:
    return Line(rule=f"session.{rule}", layer=layer, says=says)


def _phase(phase: Phase) -> str:
    parts = [f"`{phase.name}` is a phase"]
    if phase.initial:
        parts.append("a session begins in it")
    if phase.terminal:
        parts.append("a session that reaches it is closed")
    return ", ".join(parts)


def _principal_lines(session: SessionRules) -> Iterator[Line]:
    if session.principals:
        yield _line("principals", 2, "a call that no rule on principals allows is denied")
    for index, rule in enumerate(session.principals):
        yield _line(f"principals[{index}]", 2, principal_says(rule))


def principal_says(rule: PrincipalRule) -> str:
    """Return for whom one rule allows or denies which tools."""
    tools = _tools(rule.tools)
    if not rule.where:
        return f"{'allows' if _allows(rule) else 'denies'} {tools} to everybody"
    pairs = texts({name: f"`{json_text(value)}`" for name, value in rule.where.items()})
    if _allows(rule):
        return f"allows {tools} to a principal whose {pairs}"
    return f"denies {tools} to a principal whose {pairs}; a missing attribute counts as that"


def _allows(rule: PrincipalRule) -> bool:
    return rule.effect is Effect.ALLOW


def aggregate_says(aggregate: Aggregate) -> str:
    """Return what an aggregate is over, and its bounds. Raises `PathError`."""
    of = "" if aggregate.path is UNSET else f" {path(aggregate.path)}"
    bounds = [
        f"{words} `{json_text(bound)}`"
        for name, words in _BOUNDS.items()
        if (bound := getattr(aggregate, name)) is not UNSET
    ]
    parts = [f"`{aggregate.name}`: {_OPS[aggregate.op]}{of} over the calls of `{aggregate.tool}`"]
    parts.append(_SCOPES[aggregate.scope])
    if aggregate.window_seconds is not UNSET:
        parts.append(f"in the last {aggregate.window_seconds} s")
    return f"{' '.join(parts)}, this one too, is {' and '.join(bounds) or 'bounded by nothing'}"


def envelope_says(envelope: Envelope) -> str:
    """Return what an envelope bounds, and how far. Raises `PathError`."""
    ratio = json_text(envelope.within_ratio_of_first)
    return (
        f"`{envelope.name}`: {path(envelope.path)} of `{envelope.tool}` is at most `{ratio}` times "
        "the first committed one of the session"
    )


def label_says(rule: LabelRule) -> str:
    """Return which tools are denied under which labels."""
    pairs = texts({name: f"`{json_text(value)}`" for name, value in rule.when.items()})
    return f"denies {_tools(rule.deny)} while the label {pairs}"


def _tools(of: tuple[str, ...]) -> str:
    return "every tool" if of == ("*",) else names(of)
