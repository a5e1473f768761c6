"""The decision on one call, and on a response with several."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.policy import layers, requirements
from placet.policy.cost import CHECK_NS_MAX, values_in
from placet.policy.decision import Allow, Ask, Code, Decision, Deny, Reason
from placet.policy.facts import Call, Facts
from placet.policy.hashes import arguments_digest
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import Checkpoint, Ruling
from placet.policy.response import Judged, ResponseDecision, decide_response
from placet.policy.window import Window


@dataclasses.dataclass(slots=True)
class Held:
    """What earlier allowed calls of the same response hold."""

    counted: dict[str, int] = dataclasses.field(default_factory=dict)
    effect_keys: set[bytes] = dataclasses.field(default_factory=set)


_UNDECIDED: Final = Deny(rule="evaluator")


def evaluate(policy: Policy, facts: Facts, call: Call) -> Decision:
    """Return whether a call may run now. Never raises: any error is `Deny`."""
    return _judge(policy, facts, Held(), call).decision


def evaluate_response(policy: Policy, facts: Facts, calls: Sequence[Call]) -> ResponseDecision:
    """Return what becomes of each call of one response. Never raises: any error is `Deny`.

    Calls are judged in order against the same facts and what the earlier allowed ones hold; then
    the contract's gate decides on the response as a whole.
    """
    held = Held()
    judged: list[Judged] = []
    for call in calls:
        found = _judge(policy, facts, held, call)
        judged.append(found)
        if isinstance(found.decision, Allow):
            held.counted[call.tool] = held.counted.get(call.tool, 0) + 1
            if found.effect_key is not None:
                held.effect_keys.add(found.effect_key)
    return decide_response(policy, facts, judged)


def arguments_hash(arguments: bytes) -> bytes:
    """Return the hash that stands in a grant for these arguments.

    Raises `ForeignJsonError` for malformed ones.
    """
    return arguments_digest(arguments, foreign.parse(arguments))


def _judge(policy: Policy, facts: Facts, held: Held, call: Call) -> Judged:
    judged = Judged(call=call, tool=policy.tools.get(call.tool), decision=_UNDECIDED)
    try:
        given = _parse(call.arguments)
        if given is not None:
            judged.arguments_hash = arguments_digest(call.arguments, given)
            if judged.tool is not None and _has_effect_key(judged.tool, call.arguments):
                judged.effect_key = layers.effect_key(judged.tool, given)
        judged.decision = _decide(policy, facts, held, judged, given)
    except Exception as fault:  # noqa: BLE001 -- whatever goes wrong here is a denial
        judged.decision = _failed(fault)
    return judged


def _has_effect_key(tool: LoadedTool, text: bytes) -> bool:
    """Say whether a call takes an effect key, and layer 6 will not refuse it for its length."""
    is_checked = tool.cost.of(values_in(text), len(text)) <= CHECK_NS_MAX
    return bool(tool.effect_key) and is_checked


def _parse(text: bytes) -> dict[str, Json] | None:
    try:
        given = foreign.parse(text)
    except ForeignJsonError:
        return None
    return given if isinstance(given, dict) else None


def _decide(
    policy: Policy, facts: Facts, held: Held, judged: Judged, given: dict[str, Json] | None
) -> Decision:
    tool = judged.tool
    window = Window()
    if reasons := layers.control(policy, facts):
        return _deny(1, reasons, window)
    if tool is None:
        return _unmatched(policy, facts, judged.call, is_readable=given is not None)
    if tool.ruling is Ruling.DENY:
        return _deny(3, [layers.denied(tool)], window)
    if reasons := layers.phase(policy, tool, facts, held.counted):
        return _deny(4, reasons, window)
    if given is None:
        return _unreadable(tool, facts, window)
    if reasons := requirements.requires(tool, facts, given, window):
        return _deny(5, reasons, window)
    if reasons := layers.arguments(tool, given, judged.call.arguments):
        return _deny(6, reasons, window)
    if reasons := layers.effect(tool, facts, held.effect_keys, judged.effect_key):
        return _deny(8, reasons, window)
    rules = (tool.ruling_rule, tool.checkpoint_rule)
    return _permit(tool.checkpoint, rules, window, is_approved=_is_approved(facts, judged.call))


def _is_approved(facts: Facts, call: Call) -> bool:
    return call.call_id is not None and call.call_id in facts.approved


def _deny(layer: int, reasons: list[Reason], window: Window) -> Deny:
    return Deny(
        rule=reasons[0].rule,
        layer=layer,
        reasons=tuple(reasons),
        holds_from=window.holds_from,
        holds_until=window.holds_until,
    )


def _unmatched(policy: Policy, facts: Facts, call: Call, *, is_readable: bool) -> Decision:
    window = Window()
    if policy.unmatched_tools is Ruling.DENY:
        return _deny(3, [layers.denied(None)], window)
    if not is_readable:
        return _deny(6, [_malformed("arguments")], window)
    checkpoint = Checkpoint() if policy.unmatched_tools is Ruling.ASK else None
    rules = (layers.UNMATCHED_RULE, layers.UNMATCHED_RULE)
    return _permit(checkpoint, rules, window, is_approved=_is_approved(facts, call))


def _unreadable(tool: LoadedTool, facts: Facts, window: Window) -> Deny:
    """Deny arguments that cannot be read, after what no arguments could have passed."""
    if reasons := requirements.requires_possible(tool, facts, window):
        return _deny(5, reasons, window)
    return _deny(6, [_malformed(f"tools.{tool.name}.arguments")], window)


def _malformed(rule: str) -> Reason:
    return Reason(
        code=Code.ARGUMENTS_MALFORMED,
        rule=rule,
        detail="the arguments are no JSON object that can be taken",
        needs="one JSON object, each key once",
    )


def _permit(
    checkpoint: Checkpoint | None, rules: tuple[str, str], window: Window, *, is_approved: bool
) -> Allow | Ask:
    """Layer 11: allow, unless people must say yes and have not. `rules` name either's place."""
    rule, checkpoint_rule = rules
    if checkpoint is None or is_approved:
        return Allow(
            rule=rule if checkpoint is None else checkpoint_rule,
            holds_from=window.holds_from,
            holds_until=window.holds_until,
        )
    people = " and ".join(f"{group.count} {group.role}" for group in checkpoint.all_of)
    return Ask(
        rule=checkpoint_rule,
        layer=11,
        reasons=(
            Reason(
                code=Code.APPROVAL_REQUIRED,
                rule=checkpoint_rule,
                detail="people must say yes first",
                needs=f"a yes of {people}",
            ),
        ),
        holds_from=window.holds_from,
        holds_until=window.holds_until,
        all_of=checkpoint.all_of,
        expires_seconds=checkpoint.expires_seconds,
        reason_required=checkpoint.reason_required,
    )


def _failed(fault: Exception) -> Deny:
    return Deny(
        rule="evaluator",
        reasons=(
            Reason(
                code=Code.EVALUATION_FAILED,
                rule="evaluator",
                detail=f"the evaluation ended with {type(fault).__name__}",
            ),
        ),
    )
