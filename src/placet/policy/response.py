"""A response as a whole: the gate, conflicting phases, and calls that wait for each other."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from placet.kernel.value import Value
from placet.policy.amounts import Amount
from placet.policy.decision import Allow, Ask, BlockedWhy, Code, Decision, Deny, Reason
from placet.policy.facts import Facts
from placet.policy.holding import Holding, bound
from placet.policy.judged import Judged
from placet.policy.loaded import Policy
from placet.policy.model import TOTAL_MS_DEFAULT, CommitRequirement, Gate
from placet.policy.remember import arguments_kept
from placet.policy.window import Window

T = TypeVar("T")


class CallVerdict(Value, frozen=True):
    """What becomes of one call of a response.

    Exactly one of these holds: it is `granted`; it is blocked (`blocked_why`); it is `held` as the
    allowed sibling of an open ask; or it awaits approval itself (none of the three, and the
    decision is `Ask`). `reasons` are the decision's and those of the response. `arguments_hash` is
    null where the arguments are malformed. `advances_to` is null where a commit moves nothing.
    `holding` is what a grant of it holds, `amounts` what it gives to aggregates.
    """

    tool: str
    decision: Decision
    reasons: tuple[Reason, ...]
    commit_requirement: CommitRequirement
    granted: bool = False
    blocked_why: BlockedWhy | None = None
    held: bool = False
    arguments_hash: bytes | None = None
    effect_key: bytes | None = None
    advances_to: str | None = None
    start_required: bool = False
    total_ms: int = TOTAL_MS_DEFAULT
    ask_expires_seconds: int | None = None
    holding: Holding | None = None
    amounts: Mapping[str, Amount] = {}


class ResponseDecision(Value, frozen=True):
    """The verdicts on a response, in its order, and the interval in which all of them hold.

    `becomes_text`: under `strip_blocked`, every call was illegal and the agent gets a text answer.
    """

    calls: tuple[CallVerdict, ...]
    becomes_text: bool = False
    holds_from: datetime | None = None
    holds_until: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Outcome:
    """What the response means for its legal calls."""

    blocked_why: BlockedWhy | None
    is_held: bool
    reasons: tuple[Reason, ...]


_ALONE: Final = _Outcome(blocked_why=None, is_held=False, reasons=())


def decide_response(policy: Policy, facts: Facts, judged: Sequence[Judged]) -> ResponseDecision:
    """Return what becomes of each call, given the decision on each by itself."""
    if len(judged) == 1:
        return decide_alone(policy, facts, judged[0])
    outcome = _outcome(policy, facts, judged)
    window = Window()
    for one in judged:
        if one.decision.holds_from is not None:
            window.starts(one.decision.holds_from)
        if one.decision.holds_until is not None:
            window.ends(one.decision.holds_until)
    return ResponseDecision(
        calls=tuple(_verdict(one, facts.phase, outcome) for one in judged),
        becomes_text=policy.gate is Gate.STRIP_BLOCKED
        and bool(judged)
        and all(isinstance(one.decision, Deny) for one in judged),
        holds_from=window.holds_from,
        holds_until=window.holds_until,
    )


def decide_alone(policy: Policy, facts: Facts, one: Judged) -> ResponseDecision:
    """Return what becomes of a call without neighbours: its own decision, whatever it is."""
    decision = one.decision
    return ResponseDecision(
        calls=(_verdict(one, facts.phase, _ALONE),),
        becomes_text=policy.gate is Gate.STRIP_BLOCKED and isinstance(decision, Deny),
        holds_from=decision.holds_from,
        holds_until=decision.holds_until,
    )


def _outcome(policy: Policy, facts: Facts, judged: Sequence[Judged]) -> _Outcome:
    rejects_all = policy.gate is Gate.REJECT_ALL
    legal = [one for one in judged if not isinstance(one.decision, Deny)]
    targets = {one.advances_to(facts.phase) for one in legal} - {None}
    reasons: list[Reason] = []
    blocked_why: BlockedWhy | None = None
    if rejects_all and len(legal) < len(judged):
        reasons.append(_REFUSED)
        blocked_why = BlockedWhy.RESPONSE_REFUSED
    if len(targets) > 1:
        reasons.append(_conflict(targets))
        blocked_why = BlockedWhy.PHASE_CONFLICT
    is_held = (
        blocked_why is None and rejects_all and any(isinstance(one.decision, Ask) for one in legal)
    )
    return _Outcome(blocked_why, is_held, tuple(reasons))


def _verdict(one: Judged, phase: str | None, outcome: _Outcome) -> CallVerdict:
    tool = one.tool
    decision = one.decision
    blocked_why = outcome.blocked_why
    reasons = decision.reasons + outcome.reasons
    is_held = outcome.is_held and isinstance(decision, Allow)
    if isinstance(decision, Deny):
        blocked_why = BlockedWhy.RULE
        reasons = decision.reasons
    elif is_held:
        reasons += (_WAITS,)
    is_granted = isinstance(decision, Allow) and blocked_why is None and not is_held
    return CallVerdict(
        tool=one.call.tool,
        decision=decision,
        reasons=reasons,
        commit_requirement=CommitRequirement.ACKNOWLEDGED
        if tool is None
        else tool.commit_requirement,
        granted=is_granted,
        blocked_why=blocked_why,
        held=is_held,
        arguments_hash=one.arguments_hash,
        effect_key=one.effect_key,
        advances_to=one.advances_to(phase),
        start_required=tool is not None and tool.start_required,
        total_ms=TOTAL_MS_DEFAULT if tool is None else tool.total_ms,
        ask_expires_seconds=decision.expires_seconds if isinstance(decision, Ask) else None,
        holding=holding_of(one, phase) if is_granted else None,
        amounts=_known(one.values.amounts),
    )


def holding_of(one: Judged, phase: str | None) -> Holding:
    """Return what a grant of a call, given in this phase, holds."""
    tool = one.tool
    values = one.values
    return Holding(
        tool=one.call.tool,
        phase=phase,
        advances_to=one.advances_to(phase),
        is_committed=tool is not None and tool.commit_requirement is CommitRequirement.NONE,
        effect_key=one.effect_key,
        repeat=one.repeat,
        amounts=_known(values.amounts),
        firsts=_known(values.firsts),
        arguments=arguments_kept(tool, one.given) if tool and tool.likened_arguments else {},
        slots=bound(tool, one.given, is_output=False) if tool and tool.binds else {},
    )


def _known(values: Mapping[str, T | None]) -> Mapping[str, T]:
    return {name: value for name, value in values.items() if value is not None} if values else {}


_REFUSED = Reason(
    code=Code.RESPONSE_REFUSED,
    rule="session.gate",
    detail="another call of the response is denied",
    needs="a response in which every call is legal",
)
_WAITS = Reason(
    code=Code.SIBLING_AWAITS_APPROVAL,
    rule="session.gate",
    detail="another call of the response awaits approval",
    needs="that call's approval",
)


def _conflict(targets: set[str | None]) -> Reason:
    names = " and ".join(f"`{name}`" for name in sorted(str(name) for name in targets))
    return Reason(
        code=Code.PHASE_CONFLICT,
        rule="session.transitions",
        detail=f"calls of the response lead to {names}",
        needs="calls that lead to one phase",
    )
