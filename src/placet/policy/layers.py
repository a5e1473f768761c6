"""The layers that look at one call alone: what fails there, in full.

The fifth is in `requirements`, the ninth in `allowances`, the tenth in `limits`.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from placet.kernel.foreign import Json
from placet.policy import recovering
from placet.policy.cost import CHECK_NS_MAX, text_ns, values_in
from placet.policy.decision import Code, Reason
from placet.policy.facts import Facts, Status
from placet.policy.hashes import effect_digest
from placet.policy.loaded import LoadedPrincipal, LoadedTool, Policy
from placet.policy.numbers import equal, normal
from placet.policy.operators import FAULT_SAYS
from placet.policy.paths import MISSING, find, select
from placet.policy.window import TICK, Window

UNMATCHED_RULE: Final = "session.unmatched_tools"
_STATUS_CODES: Final = {
    Status.KILLED: Code.SESSION_KILLED,
    Status.COMPROMISED: Code.SESSION_COMPROMISED,
    Status.CLOSING: Code.SESSION_CLOSED,
    Status.COMPLETED: Code.SESSION_CLOSED,
    Status.EXPIRED: Code.SESSION_EXPIRED,
}


def control(policy: Policy, facts: Facts, tool: str, window: Window) -> list[Reason]:
    """Layer 1: the session may still be acted in, and nobody took the tool away."""
    lasts = policy.limits.lasts
    is_over = lasts is not None and _is_over(lasts, facts, window)
    if (
        facts.status is Status.ACTIVE
        and not is_over
        and facts.phase not in policy.terminal_phases
        and tool not in facts.filtered
        and not (facts.is_recovering and recovering.is_denied(policy, tool))
    ):
        return []
    return list(_stopped(policy, facts, tool, is_over=is_over))


def _stopped(policy: Policy, facts: Facts, tool: str, *, is_over: bool) -> Iterator[Reason]:
    if facts.status is not Status.ACTIVE:
        detail = f"the session is `{facts.status}`"
        yield Reason(code=_STATUS_CODES[facts.status], rule="session.status", detail=detail)
    if facts.phase is not None and facts.phase in policy.terminal_phases:
        detail = f"the session reached its terminal phase `{facts.phase}`"
        yield Reason(code=Code.SESSION_CLOSED, rule="session.phases", detail=detail)
    if is_over:
        yield Reason(
            code=Code.SESSION_EXPIRED,
            rule="session.limits.max_seconds",
            detail=f"the session has lasted longer than {_seconds(policy)} s",
            needs="a new session",
        )
    if tool in facts.filtered:
        detail = f"`{tool}` was taken away from this session"
        yield Reason(code=Code.MANUAL_FILTER, rule="session.tool_filter", detail=detail)
    if facts.is_recovering and recovering.is_denied(policy, tool):
        yield recovering.denied()


def _seconds(policy: Policy) -> int:
    return 0 if policy.limits.lasts is None else int(policy.limits.lasts.total_seconds())


def _is_over(lasts: timedelta, facts: Facts, window: Window) -> bool:
    """Say whether a session's time is up; it stands still while people are waited for."""
    if facts.started_at is None:
        return True
    last = facts.started_at + facts.waited + lasts
    if facts.waiting_since is not None:
        return facts.waiting_since > last
    if facts.now <= last:
        window.ends(last)
        return False
    window.starts(last + TICK)
    return True


def principal(policy: Policy, facts: Facts, name: str, tool: LoadedTool | None) -> list[Reason]:
    """Layer 2: some rule allows the tool for whoever the agent acts for, and none denies it.

    A missing attribute is no match for an allow, and a match for a deny.
    """
    if not policy.principals:
        return []
    if tool is None:
        rules = tuple(rule for rule in policy.principals if rule.covers(name))
    else:
        rules = tool.principals
    is_allowed = False
    reasons = []
    for rule in rules:
        if not _matches(rule, facts.principal):
            continue
        if rule.is_deny:
            reasons.append(_principal_denied(rule, name))
        is_allowed = True
    if reasons or is_allowed:
        return reasons
    detail = f"no rule on principals allows `{name}` for this one"
    needs = "a principal whose attributes some allow rule wants"
    return [Reason(code=Code.PRINCIPAL, rule="session.principals", detail=detail, needs=needs)]


def _matches(rule: LoadedPrincipal, attributes: Mapping[str, Json]) -> bool:
    """Say whether a rule is about these attributes; a missing one is about every deny."""
    for name, wanted in rule.where:
        if name not in attributes:
            if not rule.is_deny:
                return False
        elif not equal(attributes[name], wanted):
            return False
    return True


def _principal_denied(rule: LoadedPrincipal, tool: str) -> Reason:
    names = ", ".join(f"`{name}`" for name, _ in rule.where)
    return Reason(
        code=Code.PRINCIPAL,
        rule=rule.rule,
        detail=f"`{tool}` is denied for this principal",
        needs=f"another value of {names}" if names else "another contract",
    )


def denied(tool: LoadedTool | None) -> Reason:
    """Layer 3: say why a tool, or one without a contract, is denied whatever the arguments."""
    if tool is None:
        detail = "this tool has no contract"
        return Reason(code=Code.NO_CONTRACT, rule=UNMATCHED_RULE, detail=detail)
    return Reason(
        code=Code.DENIED,
        rule=tool.ruling_rule,
        detail=f"`{tool.name}` is denied",
        needs="a contract that rules `allow` or `ask`",
    )


def phase(policy: Policy, tool: LoadedTool, facts: Facts, held: dict[str, int]) -> list[Reason]:
    """Layer 4: the phase fits, and nothing that forbids the tool has counted.

    `held` are counts of this response's earlier calls, beside those of the facts.
    """
    reasons = _phase_reasons(policy, tool, facts)
    for index, other in enumerate(tool.forbidden_after):
        if facts.counted.get(other, 0) + held.get(other, 0) > 0:
            reasons.append(
                Reason(
                    code=Code.FORBIDDEN_IN_STATE,
                    rule=f"tools.{tool.name}.forbidden_after[{index}]",
                    detail=f"`{other}` was called in this session",
                    needs=f"no call of `{other}` that is granted, unknown or committed",
                )
            )
    return reasons


def _phase_reasons(policy: Policy, tool: LoadedTool, facts: Facts) -> list[Reason]:
    now, target = facts.phase, tool.advances_to
    if tool.valid_in is None:
        return []
    if now is None or now not in tool.valid_in:
        wanted = " or ".join(f"`{name}`" for name in tool.valid_in)
        return [
            Reason(
                code=Code.WRONG_PHASE,
                rule=f"tools.{tool.name}.phases.valid_in",
                detail=f"the session is in `{now}`",
                needs=f"the session is in {wanted}",
            )
        ]
    if target is None or target == now or target in policy.transitions.get(now, ()):
        return []
    return [
        Reason(
            code=Code.WRONG_PHASE,
            rule=f"tools.{tool.name}.phases.advances_to",
            detail=f"there is no transition from `{now}` to `{target}`",
            needs=f"the session is in a phase that leads to `{target}`",
        )
    ]


def arguments(tool: LoadedTool, given: Json, text: bytes) -> list[Reason]:
    """Layer 6: the schema and the rules on arguments, both; `text` is what `given` was read from.

    What could take too long is not begun, and refused.
    """
    values = values_in(text)
    spent = tool.cost.of(values, len(text))
    if spent > CHECK_NS_MAX:
        return [_too_much(f"tools.{tool.name}.arguments", f"of {len(text)} bytes")]
    reasons = tool.schema_check.reasons(given, values) if tool.schema_check is not None else []
    for operator in tool.arguments:
        if operator.is_simple:
            fault = operator.fault_of(find(operator.path, given))
        else:
            found = select(operator.path, given)
            spent += text_ns(operator, found)
            if spent > CHECK_NS_MAX:
                reasons.append(_too_much(operator.rule, f"under `{operator.path.text}`"))
                break
            fault = operator.fault(found)
        if fault is not None:
            reasons.append(
                Reason(
                    code=fault.value,
                    rule=operator.rule,
                    detail=f"`{operator.path.text}`: {FAULT_SAYS[fault]}",
                    needs=operator.needs,
                )
            )
    return reasons


def _too_much(rule: str, which: str) -> Reason:
    return Reason(
        code=Code.ARGUMENT_OUT_OF_BOUNDS,
        rule=rule,
        detail=f"the arguments {which} are too long to be checked in time",
        needs="shorter arguments, or a simpler contract",
    )


def condition(tool: LoadedTool, facts: Facts, given: dict[str, Json]) -> list[Reason]:
    """Layer 7: the condition is true; an error in it is not."""
    if tool.condition is None or tool.condition.holds(
        given, facts.principal, facts.labels, facts.phase, facts.slots
    ):
        return []
    return [
        Reason(
            code=Code.CONDITION_NOT_MET,
            rule=f"tools.{tool.name}.when",
            detail="the condition is not true",
            needs=f"`{tool.condition.text}`",
        )
    ]


def references(tool: LoadedTool, facts: Facts, given: Json) -> list[Reason]:
    """Layer 8: values compare with the slots as the rules say."""
    reasons = []
    for reference in tool.references:
        operand = facts.slots.get(reference.slot, MISSING)
        if operand is MISSING:
            code, detail = Code.SLOT_EMPTY, f"the slot `{reference.slot}` is empty"
        else:
            fault = reference.fault(select(reference.path, given), operand)
            if fault is None:
                continue
            code, detail = fault.value, f"`{reference.path.text}`: {FAULT_SAYS[fault]}"
        reasons.append(Reason(code=code, rule=reference.rule, detail=detail, needs=reference.needs))
    return reasons


def effect_key(tool: LoadedTool, given: Json, *, is_whole: bool = False) -> bytes | None:
    """Return the hash of a call's effect key, or None where a value of it is missing.

    `is_whole` says that `foreign.read` found nothing but integers in the arguments.
    """
    values: list[Json] = []
    for path in tool.effect_key:
        found = select(path, given)
        if MISSING in found:
            return None
        kept: list[Json] = [value for value in found if value is not MISSING]
        if not is_whole:
            kept = list(map(normal, kept))
        values.append(kept if path.is_many else kept[0])
    return effect_digest(tool.name, values, is_whole=is_whole)


def effect(tool: LoadedTool, facts: Facts, held: set[bytes], key: bytes | None) -> list[Reason]:
    """Layer 8: the effect key has its values, and nobody holds it."""
    if not tool.effect_key:
        return []
    rule = f"tools.{tool.name}.effect_key"
    if key is None:
        names = ", ".join(f"`{path.text}`" for path in tool.effect_key)
        return [
            Reason(
                code=Code.EFFECT_KEY_MISSING,
                rule=rule,
                detail="a value of the effect key is missing",
                needs=f"{names} are there",
            )
        ]
    if key in facts.effect_keys_taken or key in held:
        return [
            Reason(
                code=Code.EFFECT_KEY_TAKEN,
                rule=rule,
                detail="another call with the same effect is granted, unknown or committed",
                needs="no other call of this tool with the same effect key",
            )
        ]
    return []
