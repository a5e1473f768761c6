"""The quick way to a yes: whether a call passes the first nine layers, without saying why not.

Most calls pass. What is asked here is what the layers ask, in their order and of the same facts,
but nothing is kept for an explanation and the usual rules stand ready (`prepared`). From the layer
on at which a call does not pass, or cannot be told quickly, the layers are asked in full, so that
a refusal is always theirs. A yes here must be a yes there, and narrow the window as it does there;
what a layer narrows before its no, it narrows there too.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from placet.kernel.foreign import Json
from placet.policy import layers, requirements
from placet.policy.allowances import keeps_proportion
from placet.policy.amounts import Amount, keeps
from placet.policy.facts import CommittedCall, Facts, Status
from placet.policy.hashes import likeness
from placet.policy.judged import Held, Judged
from placet.policy.limits import like_calls
from placet.policy.loaded import LoadedPrincipal, LoadedTool, Policy
from placet.policy.model import AggregateScope, Ruling
from placet.policy.numbers import equal
from placet.policy.prepared import PreparedOutput, PreparedSame
from placet.policy.rulings import GRAVE
from placet.policy.window import Window

_ID: Final = "id"


def first_unclear(  # noqa: PLR0913, PLR0917 -- the hot path: one test a layer, no more
    policy: Policy, tool: LoadedTool, facts: Facts, held: Held, judged: Judged, window: Window
) -> int:
    """Return the first layer that a call may fail, or 0 when it surely passes all but the last.

    `window` is narrowed by the layers before. Of the tenth, the sum of all calls of a response is
    judged elsewhere.
    """
    given = judged.given
    if given is None or not _is_open(policy, tool, facts, window):
        return 1
    if not _is_for(policy, tool, facts.principal):
        return 2
    if tool.ruling is Ruling.DENY:
        return 3
    if not _is_in_phase(policy, tool, facts, held.counted):
        return 4
    if tool.requires and not _is_required(tool, facts, given, window):
        return 5
    if not _fits(tool, given, judged.call.arguments):
        return 6
    if tool.condition is not None and not tool.condition.holds(
        given, facts.principal, facts.labels, facts.phase, facts.slots
    ):
        return 7
    if not _is_free(tool, facts, given, held, judged.effect_key):
        return 8
    if not _is_within(tool, facts, held.amounts, judged, window):
        return 9
    return 0 if _is_left(policy, facts, held, judged) else 10


def _is_open(policy: Policy, tool: LoadedTool, facts: Facts, window: Window) -> bool:
    """Layer 1."""
    if (
        facts.status is not Status.ACTIVE
        or facts.phase in policy.terminal_phases
        or tool.name in facts.filtered
        or (facts.is_recovering and tool.side_effect in GRAVE)
    ):
        return False
    lasts = policy.limits.lasts
    if lasts is None:
        return True
    if facts.started_at is None or facts.waiting_since is not None:
        return False
    last = facts.started_at + facts.waited + lasts
    if facts.now > last:
        return False
    window.ends(last)
    return True


def _is_for(policy: Policy, tool: LoadedTool, attributes: Mapping[str, Json]) -> bool:
    """Layer 2."""
    if not policy.principals:
        return True
    is_allowed = False
    for rule in tool.principals:
        if _matches(rule, attributes):
            if rule.is_deny:
                return False
            is_allowed = True
    return is_allowed


def _matches(rule: LoadedPrincipal, attributes: Mapping[str, Json]) -> bool:
    for name, wanted in rule.where:
        if name not in attributes:
            if not rule.is_deny:
                return False
            continue
        value = attributes[name]
        if not (value is wanted or equal(value, wanted)):
            return False
    return True


def _is_in_phase(policy: Policy, tool: LoadedTool, facts: Facts, held: Mapping[str, int]) -> bool:
    """Layer 4."""
    if tool.valid_in is not None:
        now, target = facts.phase, tool.advances_to
        if now is None or now not in tool.valid_in:
            return False
        if target is not None and target != now and target not in policy.transitions.get(now, ()):
            return False
    for other in tool.forbidden_after:
        if facts.counted.get(other, 0) > 0 or other in held:
            return False
    return True


def _is_required(tool: LoadedTool, facts: Facts, given: Mapping[str, Json], window: Window) -> bool:
    """Layer 5."""
    sames, outputs = tool.prepared.sames, tool.prepared.outputs
    if sames is None or outputs is None:
        return not requirements.requires(tool, facts, dict(given), window)
    for requirement, same, output in zip(tool.requires, sames, outputs, strict=True):
        call = _latest(facts.committed.get(requirement.tool, ()), same, given)
        if call is None or not _shows(call.output, output):
            return False
        if requirement.within is not None:
            last = call.committed_at + requirement.within
            if facts.now > last:
                return False
            window.ends(last)
    return True


def _latest(
    calls: Sequence[CommittedCall], sames: Sequence[PreparedSame], given: Mapping[str, Json]
) -> CommittedCall | None:
    if not calls:
        return None
    if not sames:
        return calls[-1]
    wanted = []
    for same in sames:
        if same.ours not in given:
            return None
        like = likeness(given[same.ours], is_secret=same.is_secret)
        wanted.append((same.key, same.is_output, like))
    return requirements.latest(calls, wanted)


def _shows(kept: Mapping[str, object] | None, rules: Sequence[PreparedOutput]) -> bool:
    for rule in rules:
        if kept is None or rule.key not in kept or rule.crowded in kept:
            return False
        value: Json = kept[rule.key]  # type: ignore[assignment]  # -- kept values are JSON
        if type(value) is list or rule.test(value) is not None:
            return False
    return True


def _fits(tool: LoadedTool, given: dict[str, Json], text: bytes) -> bool:
    """Layer 6."""
    prepared = tool.prepared
    if prepared.tests is None or len(text) > prepared.free_bytes:
        return not layers.arguments(tool, given, text)
    if tool.schema_check is not None and not tool.schema_check.is_valid(given):
        return False
    for name, test in prepared.tests:
        if name not in given or test(given[name]) is not None:
            return False
    return True


def _is_free(
    tool: LoadedTool, facts: Facts, given: Mapping[str, Json], held: Held, key: bytes | None
) -> bool:
    """Layer 8."""
    if tool.references and not _compares(tool, facts, given):
        return False
    if not tool.effect_key:
        return True
    return key is not None and key not in facts.effect_keys_taken and key not in held.effect_keys


def _compares(tool: LoadedTool, facts: Facts, given: Mapping[str, Json]) -> bool:
    """Say whether the comparisons with slots hold."""
    for one in tool.prepared.references or ():
        value, operand = given.get(one.name), facts.slots.get(one.slot)
        if type(value) is not int or type(operand) is not int:
            break
        if not one.compare(value, operand):
            return False
    else:
        if tool.prepared.references is not None:
            return True
    return not layers.references(tool, facts, dict(given))


def _is_within(
    tool: LoadedTool,
    facts: Facts,
    held: Mapping[str, Sequence[Amount]],
    judged: Judged,
    window: Window,
) -> bool:
    """Layer 9."""
    for aggregate in tool.aggregates:
        amount = judged.values.amounts[aggregate.name]
        if amount is None or (
            aggregate.scope is AggregateScope.PRINCIPAL and _ID not in facts.principal
        ):
            return False
        known = facts.aggregates.get(aggregate.name)
        if not keeps(aggregate, known, held.get(aggregate.name, ()), amount, facts.now, window):
            return False
    for envelope in tool.envelopes:
        value = judged.values.firsts[envelope.name]
        first = facts.envelopes.get(envelope.name)
        if value is None or not keeps_proportion(envelope, value, first):
            return False
    for rule in tool.labels:
        for name, wanted in rule.when:
            if facts.labels.get(name) != wanted:
                break
        else:
            return False
    return True


def _is_left(policy: Policy, facts: Facts, held: Held, judged: Judged) -> bool:
    """Layer 10."""
    known = policy.limits
    if known.steps is not None and facts.steps + (not facts.is_step_counted) > known.steps:
        return False
    name = judged.call.tool
    most = known.calls_of.get(name)
    if most is not None and facts.counted.get(name, 0) + held.counted.get(name, 0) >= most:
        return False
    spent = facts.cost_micros + facts.reserved_micros
    if known.cost_micros is not None and spent >= known.cost_micros:
        return False
    if known.loop_threshold is None or judged.repeat is None:
        return True
    return like_calls(known, facts, held, judged.repeat) + 1 < known.loop_threshold
