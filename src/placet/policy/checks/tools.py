"""Findings about tools one by one: their evidence, their ceiling, and what follows a call."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import UNSET

from placet.kernel.principal import Environment
from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.finding import Finding, Strength
from placet.policy.model import (
    AggregateOp,
    Cancel,
    CommitRequirement,
    EvidenceClass,
    Rule,
    Ruling,
    SessionRules,
    SideEffect,
    Start,
    ToolContract,
)
from placet.policy.numbers import is_number
from placet.policy.rulings import GRAVE
from placet.policy.text.tree import Steps

COSTLY: Final = frozenset({SideEffect.DESTRUCTIVE, SideEffect.FINANCIAL})
"""Side effects that need a ceiling, and in production more than cooperation."""


def check_tools(
    known: Known, environment: Environment | None, strength: Mapping[str, Strength]
) -> Iterator[Finding]:
    """Yield what is wrong with single tools; one without a strength is governed cooperatively."""
    capped = _capped(known.contract.session)
    for steps, tool in tools_of(known.contract):
        yield from _evidence(steps, tool)
        yield from _approval(steps, tool)
        yield from _following(steps, tool)
        if tool.side_effect in COSTLY and not known.is_denied(tool.tool):
            yield from _ceiling(steps, tool, is_capped=tool.tool in capped)
            is_loose = strength.get(tool.tool, Strength.COOPERATIVE) is Strength.COOPERATIVE
            if environment is Environment.PRODUCTION and is_loose:
                message = f"`{tool.tool}` is `{tool.side_effect}` and governed only cooperatively"
                hint = "govern it by a proxy, or let its host verify grants"
                yield found("cooperative_only", (*steps, "side_effect"), message, hint)


def _evidence(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    is_weak = tool.evidence_class is not EvidenceClass.LOCAL_TRANSACTION
    if is_weak and tool.side_effect in GRAVE:
        message = f"`{tool.evidence_class}` cannot prove what a `{tool.side_effect}` tool did"
        hint = "write `local_transaction`, and make the tool's effect provable"
        yield found("evidence_too_weak", (*steps, "evidence_class"), message, hint)
    is_uncommitted = tool.commit_requirement is CommitRequirement.NONE
    if is_uncommitted and tool.side_effect is not SideEffect.READ:
        message = f"`none` is only for a read, and `{tool.tool}` is `{tool.side_effect}`"
        here = (*steps, "commit_requirement")
        yield found("commit_without_evidence", here, message, "write `acknowledged`")


def _approval(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    if tool.checkpoint is not UNSET and tool.decision is Ruling.ALLOW:
        message = "a checkpoint always asks; `decision: allow` contradicts it"
        here, other = (*steps, "checkpoint"), (*steps, "decision")
        hint = "take one of them out"
        yield found("allow_with_checkpoint", here, message, hint, related=other)


def _following(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    """Yield what is risky once a grave call has been granted."""
    if tool.side_effect not in GRAVE:
        return
    if tool.start is Start.OPTIONAL:
        message = f"a crash leaves it unknown whether a `{tool.side_effect}` tool has begun"
        yield found("start_optional", (*steps, "start"), message, "write `start: required`")
    if tool.cancel is Cancel.SAFE:
        message = f"half of what a `{tool.side_effect}` tool does may remain"
        hint = "write `cancel: never`, unless the tool undoes what it has begun"
        yield found("cancel_safe", (*steps, "cancel"), message, hint)
    if tool.retries.retry_on and not tool.effect_key:
        message = f"a retry of a `{tool.side_effect}` tool could take effect twice"
        hint = "give an `effect_key`, or leave `retry_on` empty"
        yield found("retry_without_effect_key", (*steps, "retries", "retry_on"), message, hint)


def _ceiling(steps: Steps, tool: ToolContract, *, is_capped: bool) -> Iterator[Finding]:
    is_bounded = any(map(_is_upper_bound, tool.arguments))
    if not is_bounded and not is_capped and tool.checkpoint is UNSET:
        message = f"nothing limits how much `{tool.tool}` can do"
        hint = "add an upper bound, aggregate, envelope, per-tool limit or checkpoint"
        yield found("no_ceiling", steps, message, hint)


def _is_upper_bound(rule: Rule) -> bool:
    """Say whether a rule keeps a number below something; named numbers do, too."""
    named = [rule.equals] if rule.one_of is UNSET else rule.one_of
    upper = (rule.lt, rule.lte, rule.lt_ref, rule.lte_ref)
    return all(map(is_number, named)) or any(bound is not UNSET for bound in upper)


def _capped(session: SessionRules) -> set[str]:
    """Return the tools that an aggregate, an envelope or a limit bounds from above."""
    capped = {envelope.tool for envelope in session.envelopes}
    capped |= session.limits.max_calls_per_tool.keys()
    return capped | {
        one.tool
        for one in session.aggregates
        if one.op is not AggregateOp.MIN and not (one.lt is UNSET and one.lte is UNSET)
    }
