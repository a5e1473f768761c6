"""All that ever happened in a session, as one list that only grows, and questions about it.

Every question reads the whole list again from its beginning. Nothing is folded or remembered.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from tests.policy.reference.operators import Doc, same, selected, without

from placet.kernel import foreign

MALFORMED: Final = object()


@dataclass(eq=False)
class Call:
    """One proposed call, and the line of output that will be printed for it."""

    line: int
    call_id: str
    tool: str
    text: str
    principal: Doc
    verdict: str = "deny"
    layer: int | None = None
    reasons: list[str] = field(default_factory=list)
    unjudged: bool = False

    @cached_property
    def arguments(self) -> Any:  # noqa: ANN401 -- any JSON, or the mark
        """Return the arguments, or `MALFORMED`: no JSON, no object, or a key twice."""
        try:
            value = foreign.parse(self.text.encode())
        except (foreign.ForeignJsonError, UnicodeEncodeError):
            return MALFORMED
        return value if isinstance(value, dict) else MALFORMED


@dataclass(eq=False)
class Happened:
    """One thing that happened: `what`, when, to which call, with what."""

    what: str
    at: datetime
    call: Any = None
    data: Any = None


History = list[Happened]


def events(history: History, *what: str) -> History:
    """Return what happened of these kinds, in order."""
    return [one for one in history if one.what in what]


def has(history: History, what: str, call: Call) -> bool:
    """Tell whether this ever happened to the call."""
    return any(one.call is call for one in events(history, what))


def granted(history: History) -> list[Call]:
    """Return the calls that were granted, in the order of their grants."""
    return [one.call for one in events(history, "granted")]


def counted(history: History) -> list[Call]:
    """Return what counts: granted and committed calls; a settled failure releases."""
    return [call for call in granted(history) if not has(history, "failed", call)]


def committed(history: History) -> History:
    """Return the commits, in their order; `data` is the output, or `MISSING`."""
    return events(history, "committed")


def is_open(history: History, call: Call) -> bool:
    """Tell whether a counted call is not yet committed."""
    return not has(history, "committed", call)


def phase(contract: Doc, history: History) -> str | None:
    """Return the phase: the initial one, moved by each commit in turn.

    A commit moves from where its call was granted, by a declared transition; one that finds the
    phase elsewhere moves nothing.
    """
    session = contract.get("session", {})
    now: str | None = next(
        (one["name"] for one in session.get("phases", []) if one.get("initial")), None
    )
    seen: dict[int, str | None] = {}
    for one in events(history, "granted", "committed"):
        if one.what == "granted":
            seen[id(one.call)] = one.data
            continue
        target = advances_to(contract, one.call.tool)
        moves = target is not None and seen[id(one.call)] == now
        now = target if moves else now
    return now


def tool_of(contract: Doc, name: str) -> Doc | None:
    """Return what the contract says of a tool."""
    return next((one for one in contract["tools"] if one["tool"] == name), None)


def advances_to(contract: Doc, name: str) -> str | None:
    """Return the phase that a tool's commit leads to."""
    tool = tool_of(contract, name) or {}
    target: str | None = tool.get("phases", {}).get("advances_to")
    return target


def slots(contract: Doc, history: History) -> Doc:
    """Return the slots: what committed calls left; `once` keeps the first, `last` the latest."""
    session = contract.get("session", {})
    writes = {one["slot"]: one["write"] for one in session.get("bindings", [])}
    found: Doc = {}
    for commit in committed(history):
        tool = tool_of(contract, commit.call.tool) or {}
        for bind in tool.get("binds", []):
            source = commit.call.arguments if bind["from"] == "arguments" else commit.data
            values = selected(source, bind["path"])
            if not values or (bind["slot"] in found and writes[bind["slot"]] == "once"):
                continue
            found[bind["slot"]] = values if "[*]" in bind["path"] else values[0]
    return found


def labels(history: History) -> dict[str, str]:
    """Return the labels: those of a line replace the named ones, and last."""
    found: dict[str, str] = {}
    for one in events(history, "line"):
        found |= one.data
    return found


def steps(history: History) -> set[int]:
    """Return the responses that count as steps: one granted call of theirs has not failed."""
    return {call.line for call in counted(history)}


def spent(history: History) -> int:
    """Return the cost of all calls, recorded in full; a later word on a call replaces earlier."""
    return sum({one.call.call_id: one.data for one in events(history, "cost")}.values())


def in_a_row(history: History, bad: str, good: str) -> int:
    """Return how often `bad` happened since the last `good`."""
    count = 0
    for one in events(history, bad, good):
        count = count + 1 if one.what == bad else 0
    return count


def killed_by(history: History) -> str | None:
    """Return the name of the limit that killed the session."""
    return next((one.data for one in events(history, "killed")), None)


def open_asks(history: History) -> list[Call]:
    """Return the calls that wait for people now."""
    return [one.call for one in events(history, "asked") if not has(history, "answered", one.call)]


def waited(history: History, now: datetime) -> timedelta:
    """Return how long at least one ask was open: the union of all of them."""
    spans = []
    for asked in events(history, "asked"):
        ends = [one.at for one in events(history, "answered") if one.call is asked.call]
        spans.append((asked.at, min([*ends, now])))
    total = timedelta(0)
    until = datetime.min.replace(tzinfo=now.tzinfo)
    for begin, end in sorted(spans):
        total += max(timedelta(0), end - max(begin, until))
        until = max(until, end)
    return total


def is_same_call(one: Call, other: Call, volatile: list[str]) -> bool:
    """Tell whether two calls are of one tool with the same arguments, volatile paths aside."""
    if one.tool != other.tool:
        return False
    if MALFORMED in (one.arguments, other.arguments):
        return one.text == other.text
    return same(without(one.arguments, volatile), without(other.arguments, volatile))
