"""The facts as they would be, had one more call been granted and committed just now."""

from collections.abc import Mapping, Sequence

from msgspec import structs

from placet.kernel.foreign import Json
from placet.policy import layers
from placet.policy.allowances import values_of
from placet.policy.amounts import Amounts
from placet.policy.facts import CommittedCall, Facts
from placet.policy.hashes import arguments_digest, principal_digest, repeat_digest
from placet.policy.holding import Holding, bound, fill
from placet.policy.ledger import Ledger
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import AggregateScope, CommitRequirement
from placet.policy.remember import arguments_kept
from placet.policy.simulation.candidates import Candidate


def imagined(
    policy: Policy, ledger: Ledger, facts: Facts, candidate: Candidate, *, is_whole: bool = True
) -> Facts:
    """Return `facts`, which `ledger` made, with a call of a tool under contract committed.

    A call that was granted is committed with what its grant holds; any other is granted first.
    Unless `is_whole`, what only calls of the same tool can see is left as it is: effect keys
    and amounts.
    """
    tool = policy.tools[candidate.call.tool]
    holding = holding_of(policy, ledger, candidate)
    is_open = candidate.call_id in ledger.calls
    is_here = not is_open or holding.phase == facts.phase
    if not is_open:
        is_new_step = candidate.step not in ledger.steps
        facts = _granted(policy, facts, holding, is_new_step=is_new_step, is_whole=is_whole)
    return structs.replace(
        facts,
        phase=holding.advances_to if is_here and holding.advances_to else facts.phase,
        slots=_slots(tool, facts, holding, candidate),
        envelopes={**holding.firsts, **facts.envelopes},
        aggregates=_aggregates(tool, facts, holding, candidate, is_open=is_open)
        if is_whole and tool.aggregates
        else facts.aggregates,
        committed=_committed(tool, facts, holding, candidate),
    )


def holding_of(policy: Policy, ledger: Ledger, candidate: Candidate) -> Holding:
    """Return what a call's grant holds, or would hold: without a phase, then."""
    granted = ledger.calls.get(candidate.call_id)
    if granted is not None:
        return granted.holding
    if candidate.holding is None:
        candidate.holding = _holding(policy, policy.tools[candidate.call.tool], candidate)
    return candidate.holding


def _holding(policy: Policy, tool: LoadedTool, candidate: Candidate) -> Holding:
    given = candidate.given()
    values = values_of(tool, given)
    repeat = None
    if policy.limits.loop_threshold is not None:
        digest = arguments_digest(given)
        repeat = repeat_digest(tool.name, given, digest, tool.volatile, is_whole=False)
    return Holding(
        tool=tool.name,
        phase=None,
        advances_to=tool.advances_to,
        is_committed=tool.commit_requirement is CommitRequirement.NONE,
        effect_key=layers.effect_key(tool, given) if tool.effect_key else None,
        repeat=repeat,
        amounts={name: one for name, one in values.amounts.items() if one is not None},
        firsts={name: one for name, one in values.firsts.items() if one is not None},
        arguments=arguments_kept(tool, given),
        slots=bound(tool, given, is_output=False),
    )


def _granted(
    policy: Policy, facts: Facts, holding: Holding, *, is_new_step: bool, is_whole: bool
) -> Facts:
    keys, repeats = facts.effect_keys_taken, facts.repeats
    if is_whole and holding.effect_key is not None:
        keys = keys | {holding.effect_key}
    if holding.repeat is not None:
        repeats = [*repeats, holding.repeat][-policy.limits.loop_window :]
    counted = facts.counted.get(holding.tool, 0) + 1
    return structs.replace(
        facts,
        counted={**facts.counted, holding.tool: counted},
        effect_keys_taken=keys,
        repeats=repeats,
        steps=facts.steps + is_new_step,
    )


def _slots(
    tool: LoadedTool, facts: Facts, holding: Holding, candidate: Candidate
) -> Mapping[str, Json]:
    if not tool.binds:
        return facts.slots
    values, output = holding.slots, candidate.output
    if output is not None:
        values = values | output.slots
    slots = dict(facts.slots)
    fill(tool, values, slots)
    return slots


def _aggregates(
    tool: LoadedTool, facts: Facts, holding: Holding, candidate: Candidate, *, is_open: bool
) -> Mapping[str, Amounts]:
    amounts = dict(facts.aggregates)
    is_same = principal_digest(facts.principal) == principal_digest(candidate.principal)
    for one in tool.aggregates:
        amount = holding.amounts.get(one.name)
        if amount is None or (one.scope is AggregateScope.PRINCIPAL and not is_same):
            continue
        known = amounts.get(one.name)
        series = Amounts(one.op, one.window) if known is None else known.copy()
        if not is_open:
            series.open(amount)
        series.commit(amount, facts.now)
        amounts[one.name] = series
    return amounts


def _committed(
    tool: LoadedTool, facts: Facts, holding: Holding, candidate: Candidate
) -> Mapping[str, Sequence[CommittedCall]]:
    if not tool.is_required:
        return facts.committed
    output = candidate.output
    call = CommittedCall(
        call_id=candidate.call_id,
        committed_at=facts.now,
        arguments=holding.arguments,
        output=None if output is None else output.kept,
    )
    return {**facts.committed, tool.name: [*facts.committed.get(tool.name, ()), call]}
