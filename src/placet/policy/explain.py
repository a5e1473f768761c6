"""A contract and a decision in sentences that a person can act on.

A decision is explained by what its reasons say: the rule, what is there in words, and what would
have to be true. No value of a call's arguments is told.
"""

from collections.abc import Iterator
from typing import Final

from placet.kernel.value import Value
from placet.policy.decision import Allow, Ask, Code, Decision, Deny, Reason
from placet.policy.model import Contract, Ruling, ToolContract
from placet.policy.rulings import checkpoint_of, ruling_of
from placet.policy.sentences.line import Line
from placet.policy.sentences.session import session_lines
from placet.policy.sentences.tools import tool_lines

LAYERS: Final = {
    1: "the session may still be acted in",
    2: "who the agent acts for",
    3: "whether the tool may be called at all",
    4: "the phase, and what was called before",
    5: "what earlier calls must have shown",
    6: "the arguments",
    7: "the condition",
    8: "slots, and effects that happen once",
    9: "aggregates, envelopes and labels",
    10: "limits, cost and loops",
    11: "people",
}
"""What each layer of a decision looks at."""

_EVERY: Final = "*"
_NEEDS: Final = {
    Code.SESSION_KILLED: "a new session",
    Code.SESSION_COMPROMISED: "a new session, once an operator has looked at this one",
    Code.SESSION_CLOSED: "a new session",
    Code.SESSION_EXPIRED: "a new session",
    Code.MANUAL_FILTER: "an operator who gives the tool back",
    Code.NO_CONTRACT: "a contract that has this tool",
    Code.EVALUATION_FAILED: "a contract and facts that can be evaluated",
}
"""What would have to be true, where a reason leaves it to be understood."""


class ToolExplained(Value, frozen=True):
    """What holds for the calls of one tool, in the order of the layers.

    `ruling` says what becomes of a call that breaks no rule: it is allowed, asked about, or denied.
    """

    tool: str
    side_effect: str
    ruling: Ruling
    lines: tuple[Line, ...]


class Explained(Value, frozen=True):
    """A contract in sentences: what holds for a session, then for each tool."""

    agent: str
    session: tuple[Line, ...]
    tools: tuple[ToolExplained, ...]


def explain_contract(contract: Contract) -> Explained:
    """Return every rule of a contract as a sentence, by tool and in the order of the layers.

    What the session says of a tool (a limit, an aggregate, a label) stands with the tool, too.
    Raises `PathError` for a path that is none; a contract without errors has no such path.
    """
    session = tuple(_in_layers(session_lines(contract)))
    return Explained(
        agent=contract.agent,
        session=session,
        tools=tuple(_tool(contract, tool, session) for tool in contract.tools),
    )


def explained_text(explained: Explained, tool: str | None = None) -> str:
    """Return an explanation for people: all of it, or what is said of one tool."""
    lines: list[str] = []
    if tool is None:
        lines = [f"{explained.agent}", "", "the session", *_told(explained.session)]
    for one in explained.tools:
        if tool in {None, one.tool}:
            head = f"{one.tool}: {one.side_effect}, {_RULED[one.ruling]}"
            lines += ["", head, *_told(one.lines)]
    return "\n".join(lines).strip("\n")


def explain_decision(tool: str, decision: Decision) -> str:
    """Return why a call of `tool` is decided as it is, and what would have to be true instead."""
    match decision:
        case Allow():
            return f"`{tool}` is allowed ({decision.rule})"
        case Ask():
            head = f"`{tool}` waits for people: nothing else stands in its way"
        case Deny():
            head = f"`{tool}` is denied"
    if isinstance(decision, Deny) and decision.layer is not None:
        head += f" in layer {decision.layer}, {LAYERS[decision.layer]}"
    lines = [head]
    for reason in decision.reasons:
        lines += _reason(reason)
    if isinstance(decision, Ask):
        lines.append(f"    until:  {decision.expires_seconds} s after the call, or it is a no")
    return "\n".join(lines)


_RULED: Final = {
    Ruling.ALLOW: "allowed where its rules hold",
    Ruling.ASK: "asked about where its rules hold",
    Ruling.DENY: "denied",
}


def _tool(contract: Contract, tool: ToolContract, session: tuple[Line, ...]) -> ToolExplained:
    ruling, _ = ruling_of(contract, tool)
    if ruling is Ruling.ALLOW and checkpoint_of(tool, ruling) is not None:
        ruling = Ruling.ASK
    about = _places_about(contract, tool.tool)
    lines = [line for line in session if line.rule in about]
    return ToolExplained(
        tool=tool.tool,
        side_effect=str(tool.side_effect),
        ruling=ruling,
        lines=tuple(_in_layers([*lines, *tool_lines(contract, tool)])),
    )


def _places_about(contract: Contract, tool: str) -> set[str]:
    """Return the places of the session's rules that name a tool, or every tool."""
    session = contract.session
    named: dict[str, list[tuple[str, ...]]] = {
        "principals": [rule.tools for rule in session.principals],
        "aggregates": [(one.tool,) for one in session.aggregates],
        "envelopes": [(one.tool,) for one in session.envelopes],
        "labels": [rule.deny for rule in session.labels],
    }
    places = {
        f"session.{key}[{index}]"
        for key, rules in named.items()
        for index, tools in enumerate(rules)
        if tool in tools or _EVERY in tools
    }
    return places | {f"session.limits.max_calls_per_tool.{tool}"}


def _in_layers(lines: "list[Line] | Iterator[Line]") -> list[Line]:
    """Return lines by layer; those that decide nothing about a call stand last."""
    return sorted(lines, key=lambda line: len(LAYERS) + 1 if line.layer is None else line.layer)


def _told(lines: tuple[Line, ...]) -> Iterator[str]:
    for line in lines:
        layer = "-" if line.layer is None else str(line.layer)
        yield f"  {layer:>2}  {_short(line.says)}  [{line.rule}]"


SAYS_MAX: Final = 240


def _short(says: str) -> str:
    one_line = " ".join(says.split())
    return one_line if len(one_line) <= SAYS_MAX else f"{one_line[:SAYS_MAX]}…"


def _reason(reason: Reason) -> Iterator[str]:
    yield f"  - {reason.detail}"
    yield f"    rule:   {reason.rule} ({reason.code})"
    if needs := reason.needs or _NEEDS.get(reason.code, ""):
        yield f"    needed: {needs}"
