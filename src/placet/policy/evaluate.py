"""The decision on one call, and on a response with several."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError
from placet.policy import layers, recovering, requirements
from placet.policy.allowances import allowances, values_of
from placet.policy.cost import CHECK_NS_MAX, values_in
from placet.policy.decision import Allow, Ask, Code, Decision, Deny, Reason
from placet.policy.facts import Call, Facts
from placet.policy.hashes import arguments_digest, form_digest, repeat_digest
from placet.policy.judged import Held, Judged
from placet.policy.limits import limits, too_many
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import Checkpoint, Ruling
from placet.policy.quick import first_unclear
from placet.policy.response import ResponseDecision, decide_response
from placet.policy.window import Window


@dataclasses.dataclass(slots=True)
class _Case:
    """What the layers are asked about: one call against one session's facts."""

    policy: Policy
    facts: Facts
    held: Held
    judged: Judged
    window: Window
    tool: LoadedTool


_UNDECIDED: Final = Deny(rule="evaluator")
_NOTHING_HELD: Final = Held()


def evaluate(policy: Policy, facts: Facts, call: Call) -> Decision:
    """Return whether a call may run now. Never raises: any error is `Deny`."""
    judged = read_calls(policy, (call,))
    _judge(policy, facts, _NOTHING_HELD, judged[0])
    _judge_together(policy, facts, judged)
    return judged[0].decision


def evaluate_response(policy: Policy, facts: Facts, calls: Sequence[Call]) -> ResponseDecision:
    """Return what becomes of each call of one response. Never raises: any error is `Deny`.

    Calls are judged in order against the same facts and what the earlier allowed ones hold; then
    the contract's gate decides on the response as a whole.
    """
    return evaluate_read(policy, facts, read_calls(policy, calls))


def read_calls(policy: Policy, calls: Sequence[Call]) -> list[Judged]:
    """Return calls with all that a decision needs of them and that no facts change. Never raises.

    Whoever has many calls to judge reads many before the first decision: it costs less in company
    of its like.
    """
    read = []
    for call in calls:
        judged = Judged(call=call, tool=policy.tools.get(call.tool), decision=_UNDECIDED)
        try:
            _read(policy, judged)
            judged.is_read = True
        except Exception as fault:  # noqa: BLE001 -- whatever goes wrong here is a denial
            judged.decision = _failed(fault)
        read.append(judged)
    return read


def evaluate_read(policy: Policy, facts: Facts, judged: Sequence[Judged]) -> ResponseDecision:
    """Return what `evaluate_response` returns for calls that `read_calls` read, each used once."""
    if len(judged) == 1:
        _judge(policy, facts, _NOTHING_HELD, judged[0])
    else:
        held = Held()
        for one in judged:
            _judge(policy, facts, held, one)
            if isinstance(one.decision, Allow):
                held.add(one)
    _judge_together(policy, facts, judged)
    return decide_response(policy, facts, judged)


def arguments_hash(arguments: bytes) -> bytes:
    """Return the hash that stands in a grant for these arguments.

    Raises `ForeignJsonError` for malformed ones.
    """
    return arguments_digest(foreign.parse(arguments))


def _judge_together(policy: Policy, facts: Facts, judged: Sequence[Judged]) -> None:
    """Deny every call that passed nine layers, where all of them together are too many."""
    if policy.limits.calls is None:
        return
    passed = [one for one in judged if one.is_within]
    for reason in too_many(policy, facts, len(passed)):
        for one in passed:
            known = one.decision.reasons if isinstance(one.decision, Deny) else ()
            one.decision = Deny(
                rule=known[0].rule if known else reason.rule,
                layer=10,
                reasons=(*known, reason),
                holds_from=one.decision.holds_from,
                holds_until=one.decision.holds_until,
            )


def _judge(policy: Policy, facts: Facts, held: Held, judged: Judged) -> None:
    if not judged.is_read:
        return
    try:
        judged.decision = _decide(policy, facts, held, judged)
    except Exception as fault:  # noqa: BLE001 -- whatever goes wrong here is a denial
        judged.decision = _failed(fault)
        judged.is_within = False


def _read(policy: Policy, judged: Judged) -> None:
    """Take out of the arguments what the layers ask, and what a grant would hold."""
    text = judged.call.arguments
    try:
        given, form, is_whole = foreign.read(text)
    except ForeignJsonError:
        return
    if not isinstance(given, dict):
        return
    judged.given = given
    judged.arguments_hash = form_digest(form)
    tool = judged.tool
    volatile = () if tool is None else tool.volatile
    if policy.limits.loop_threshold is not None:
        judged.repeat = repeat_digest(
            judged.call.tool, given, judged.arguments_hash, volatile, is_whole=is_whole
        )
    # What layer 6 will refuse for its length is not read any further.
    if tool is None or (
        len(text) > tool.prepared.free_bytes
        and tool.cost.of(values_in(text), len(text)) > CHECK_NS_MAX
    ):
        return
    if tool.effect_key:
        judged.effect_key = layers.effect_key(tool, given, is_whole=is_whole)
    if tool.aggregates or tool.envelopes:
        judged.values = values_of(tool, given)


def _decide(policy: Policy, facts: Facts, held: Held, judged: Judged) -> Decision:
    window = Window()
    tool = judged.tool
    if tool is None:
        return _unmatched(policy, facts, held, judged, window)
    unclear = first_unclear(policy, tool, facts, held, judged, window)
    if unclear:
        case = _Case(policy, facts, held, judged, window, tool)
        for layer, failing in _LAYERS[unclear - 1 :]:
            if reasons := failing(case):
                return _deny(layer, reasons, window)
    judged.is_within = True
    if unclear and (reasons := limits(policy, facts, held, judged)):
        return _deny(10, reasons, window)
    return _last(facts, judged, tool, window)


def _last(facts: Facts, judged: Judged, tool: LoadedTool, window: Window) -> Decision:
    """Layer 11."""
    if facts.is_recovering and (meanwhile := recovering.checkpoint_of(tool)) is not None:
        rules = (tool.ruling_rule, recovering.RULE)
        return _permit(
            meanwhile,
            rules,
            window,
            is_approved=_is_approved(facts, judged.call),
            code=Code.RECOVERING,
        )
    if tool.checkpoint is None:
        return Allow(
            rule=tool.ruling_rule, holds_from=window.holds_from, holds_until=window.holds_until
        )
    rules = (tool.ruling_rule, tool.checkpoint_rule)
    return _permit(tool.checkpoint, rules, window, is_approved=_is_approved(facts, judged.call))


def _control(case: _Case) -> list[Reason]:
    return layers.control(case.policy, case.facts, case.tool.name, case.window)


def _principal(case: _Case) -> list[Reason]:
    return layers.principal(case.policy, case.facts, case.tool.name, case.tool)


def _ruling(case: _Case) -> list[Reason]:
    return [layers.denied(case.tool)] if case.tool.ruling is Ruling.DENY else []


def _phase(case: _Case) -> list[Reason]:
    return layers.phase(case.policy, case.tool, case.facts, case.held.counted)


def _requires(case: _Case) -> list[Reason]:
    """Layer 5; with arguments that cannot be read, what no arguments could have passed."""
    given = case.judged.given
    if given is None:
        return requirements.requires_possible(case.tool, case.facts, case.window)
    return requirements.requires(case.tool, case.facts, given, case.window)


def _arguments(case: _Case) -> list[Reason]:
    given = case.judged.given
    if given is None:
        return [_malformed(f"tools.{case.tool.name}.arguments")]
    return layers.arguments(case.tool, given, case.judged.call.arguments)


def _condition(case: _Case) -> list[Reason]:
    return layers.condition(case.tool, case.facts, case.judged.given or {})


def _taken(case: _Case) -> list[Reason]:
    key = case.judged.effect_key
    reasons = layers.references(case.tool, case.facts, case.judged.given)
    return reasons + layers.effect(case.tool, case.facts, case.held.effect_keys, key)


def _allowances(case: _Case) -> list[Reason]:
    held = case.held.amounts
    return allowances(case.tool, case.facts, case.judged.values, held, case.window)


_LAYERS: Final[tuple[tuple[int, Callable[[_Case], list[Reason]]], ...]] = (
    (1, _control),
    (2, _principal),
    (3, _ruling),
    (4, _phase),
    (5, _requires),
    (6, _arguments),
    (7, _condition),
    (8, _taken),
    (9, _allowances),
)


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


def _unmatched(
    policy: Policy, facts: Facts, held: Held, judged: Judged, window: Window
) -> Decision:
    """Decide on a tool without a contract, for which layers 4 to 9 have no rules."""
    if reasons := layers.control(policy, facts, judged.call.tool, window):
        return _deny(1, reasons, window)
    if reasons := layers.principal(policy, facts, judged.call.tool, None):
        return _deny(2, reasons, window)
    if policy.unmatched_tools is Ruling.DENY:
        return _deny(3, [layers.denied(None)], window)
    if judged.given is None:
        return _deny(6, [_malformed("arguments")], window)
    judged.is_within = True
    if reasons := limits(policy, facts, held, judged):
        return _deny(10, reasons, window)
    checkpoint = Checkpoint() if policy.unmatched_tools is Ruling.ASK else None
    rules = (layers.UNMATCHED_RULE, layers.UNMATCHED_RULE)
    return _permit(checkpoint, rules, window, is_approved=_is_approved(facts, judged.call))


def _malformed(rule: str) -> Reason:
    return Reason(
        code=Code.ARGUMENTS_MALFORMED,
        rule=rule,
        detail="the arguments are no JSON object that can be taken",
        needs="one JSON object, each key once",
    )


def _permit(
    checkpoint: Checkpoint | None,
    rules: tuple[str, str],
    window: Window,
    *,
    is_approved: bool,
    code: Code = Code.APPROVAL_REQUIRED,
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
                code=code,
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
