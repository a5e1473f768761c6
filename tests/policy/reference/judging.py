"""A response: its calls in order, each knowing what the earlier ones hold, then all together."""

from dataclasses import dataclass
from datetime import datetime

from tests.policy.reference.asked import Asked
from tests.policy.reference.history import (
    Call,
    Happened,
    History,
    advances_to,
    counted,
    events,
    has,
    phase,
)
from tests.policy.reference.layers import first_failing, people
from tests.policy.reference.operators import MISSING, Doc
from tests.policy.reference.totals import exhausted

LIFTED = (4, 5, 7, 8, 9)
"""Layers that a commit could satisfy: by its phase, its result, its slots or its amounts."""


@dataclass
class Judged:
    """The deciding layer of a call, what failed in it, and what the earlier calls held."""

    call: Call
    layer: int | None
    failed: list[str]
    held: list[Call]

    @property
    def verdict(self) -> str:
        """Return the verdict: nothing failed, only people are missing, or a rule failed."""
        return "allow" if self.layer is None else "ask" if self.layer == 11 else "deny"

    @property
    def passes_nine(self) -> bool:
        """Tell whether the call passes layers 1 to 9."""
        return self.layer in (None, 10, 11)


def judge(contract: Doc, history: History, calls: list[Call], now: datetime) -> list[Judged]:
    """Judge the calls of a response.

    An earlier call holds when it is allowed. Those that pass layers 1 to 9 are all denied where
    they would pass `max_tool_calls` together.
    """
    held: list[Call] = []
    found: list[Judged] = []
    for call in calls:
        found.append(alone(contract, history, call, now, held))
        if found[-1].layer is None:
            held = [*held, call]
    if is_beyond_all(contract, history, found):
        for one in found:
            if one.passes_nine:
                others = one.failed if one.layer == 10 else []
                one.layer, one.failed = 10, [*others, "calls_exhausted"]
    return found


def alone(contract: Doc, history: History, call: Call, now: datetime, held: list[Call]) -> Judged:
    """Judge one call by all layers, `max_tool_calls` aside."""
    asked = Asked(contract, history, call, now, held, has(history, "approved", call))
    layer, failed = first_failing(asked)
    if layer is None:
        failed = exhausted(asked)
        layer = 10 if failed else None
    if layer is None:
        failed = people(asked)
        layer = 11 if failed else None
    return Judged(call, layer, failed, held)


def is_beyond_all(contract: Doc, history: History, found: list[Judged]) -> bool:
    """Tell whether those that pass layers 1 to 9 would pass `max_tool_calls` together."""
    limit = contract.get("session", {}).get("limits", {}).get("max_tool_calls")
    passing = sum(one.passes_nine for one in found)
    return limit is not None and len(counted(history)) + passing > limit


def refusals(contract: Doc, history: History, found: list[Judged]) -> list[str]:
    """Return why nothing of a response is granted, if so.

    Two legal calls that lead to different phases, the present one aside; with `reject_all` one
    denied call.
    """
    legal = [one for one in found if one.verdict != "deny"]
    targets = {advances_to(contract, one.call.tool) for one in legal}
    codes = ["phase_conflict"] if len(targets - {None, phase(contract, history)}) > 1 else []
    is_rejected = len(legal) < len(found) and rejects_all(contract)
    return [*codes, "response_refused"] if is_rejected else codes


def rejects_all(contract: Doc) -> bool:
    """Tell whether one denied call refuses a whole response."""
    gate = contract.get("session", {}).get("gate", "reject_all")
    return bool(gate == "reject_all")


def would_lift(
    contract: Doc, history: History, found: list[Judged], at: int, tried: dict[Call, object]
) -> bool:
    """Tell whether committing one of the calls tried, with its result, would lift a denial.

    The denial is the one at the place `at`. It must go by itself, with what the earlier calls of
    the response hold, and also when the whole response is judged again.
    """
    now = events(history, "line")[-1].at
    calls, denied = [one.call for one in found], found[at]
    for other, output in tried.items():
        more = [Happened("committed", now, other, output)]
        if not has(history, "granted", other):
            more = [Happened("granted", now, other, phase(contract, history)), *more]
        itself = alone(contract, history + more, denied.call, now, denied.held)
        if itself.verdict == "deny":
            continue
        if judge(contract, history + more, calls, now)[at].verdict != "deny":
            return True
    return False


def may_lift(denied: Judged) -> bool:
    """Tell whether any commit could satisfy what failed: a phase, a result, a slot, an amount.

    What counts against a call, a forbidding one or a taken effect key, no commit takes away.
    """
    counts = {"forbidden_in_state", "effect_key_taken", "effect_key_missing"}
    return denied.layer in LIFTED and not counts.issuperset(denied.failed)


def candidates(history: History, calls: list[Call], lines: list[Doc]) -> dict[Call, object]:
    """Return which calls may have committed where they were recorded, with their results.

    Those that did not commit here, and of whose failure there is no record.
    """
    failed = {one for line in lines for one in line.get("failed", [])}
    outputs: Doc = {}
    for line in lines:
        outputs = line.get("outputs", {}) | outputs
    return {
        call: outputs.get(call.call_id, MISSING)
        for call in calls
        if call.call_id not in failed and not has(history, "committed", call)
    }
