"""Layer 10: what a session may use up, and calls that only repeat themselves."""

from placet.policy.decision import Code, Reason
from placet.policy.facts import Facts
from placet.policy.judged import Held, Judged
from placet.policy.loaded import LoadedLimits, Policy

_PLACE = "session.limits"


def limits(policy: Policy, facts: Facts, held: Held, judged: Judged) -> list[Reason]:
    """Layer 10 but for the sum of all calls, which a response is judged for as a whole."""
    tool, repeat = judged.call.tool, judged.repeat
    reasons = []
    known = policy.limits
    if known.steps is not None and facts.steps + (not facts.is_step_counted) > known.steps:
        reasons.append(_exhausted(Code.STEPS_EXHAUSTED, "max_steps", "responses", known.steps))
    most = known.calls_of.get(tool)
    if most is not None and facts.counted.get(tool, 0) + held.counted.get(tool, 0) + 1 > most:
        rule = f"max_calls_per_tool.{tool}"
        reasons.append(_exhausted(Code.TOOL_CALLS_EXHAUSTED, rule, f"calls of `{tool}`", most))
    if known.cost_micros is not None and _spent(facts) >= known.cost_micros:
        rule, what = "max_cost_micros", "millionths of cost"
        reasons.append(_exhausted(Code.COST_EXHAUSTED, rule, what, known.cost_micros))
    if (
        known.loop_threshold is not None
        and repeat is not None
        and like_calls(known, facts, held, repeat) + 1 >= known.loop_threshold
    ):
        reasons.append(_loop(tool, known.loop_threshold))
    return reasons


def like_calls(known: LoadedLimits, facts: Facts, held: Held, repeat: bytes) -> int:
    """Return how many of the calls that `loop` looks at are like this one."""
    # Earlier calls of this response push none of the facts' calls out of the window, so that a
    # neighbour of another tool makes no difference.
    return facts.repeats[-known.loop_window :].count(repeat) + held.repeats.count(repeat)


def too_many(policy: Policy, facts: Facts, passed: int) -> list[Reason]:
    """Layer 10 for a response with so many calls that passed the nine layers before."""
    most = policy.limits.calls
    if most is None or sum(facts.counted.values()) + passed <= most:
        return []
    return [_exhausted(Code.CALLS_EXHAUSTED, "max_tool_calls", "calls", most)]


def _spent(facts: Facts) -> int:
    return facts.cost_micros + facts.reserved_micros


def _exhausted(code: Code, rule: str, what: str, most: int) -> Reason:
    return Reason(
        code=code,
        rule=f"{_PLACE}.{rule}",
        detail=f"the session may have {most} {what}",
        needs="a new session, or a contract with a higher limit",
    )


def _loop(tool: str, threshold: int) -> Reason:
    return Reason(
        code=Code.LOOP_DETECTED,
        rule=f"{_PLACE}.loop",
        detail=f"this would be call {threshold} or later of `{tool}` with the same arguments",
        needs="other arguments, or another tool",
    )
