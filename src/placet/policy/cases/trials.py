"""A table to trials: one for every expectation, with everything it needs made ready."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from msgspec import UNSET

from placet.kernel.foreign import ForeignJsonError
from placet.policy.cases.contracts import ContractUnusableError, Policies
from placet.policy.cases.defaults import call_of, kind_of, situation_of
from placet.policy.cases.model import Case, Expected, GivenCall, Override
from placet.policy.cases.rules import RuleTrial, rule_trials
from placet.policy.cases.situation import UnfitError, facts_of, id_of, text_of
from placet.policy.cases.table import Table
from placet.policy.facts import Call, Facts
from placet.policy.finding import Finding
from placet.policy.loaded import Policy
from placet.policy.text.tree import Steps


@dataclasses.dataclass(frozen=True, slots=True)
class CallTrial:
    """One call by itself."""

    name: str
    line: int | None
    policy: Policy
    facts: Facts
    call: Call
    expect: Expected


@dataclasses.dataclass(frozen=True, slots=True)
class ResponseTrial:
    """Several calls of one response."""

    name: str
    line: int | None
    policy: Policy
    facts: Facts
    calls: tuple[Call, ...]
    expect: Expected


@dataclasses.dataclass(frozen=True, slots=True)
class NarrowTrial:
    """The tools that could pass now; `wanted` is None for those of the contract."""

    name: str
    line: int | None
    policy: Policy
    facts: Facts
    wanted: tuple[str, ...] | None
    expect: Expected


Trial: TypeAlias = CallTrial | ResponseTrial | NarrowTrial | RuleTrial


def trials(
    table: Table, contract: Mapping[str, object] | None = None
) -> tuple[list[Trial], list[Finding]]:
    """Return the trials of a table, in its order, and what keeps some case from being tried.

    `contract` is the document of the contract that the table names by a path.
    """
    if contract is None and isinstance(table.file.contract, dict):
        contract = table.file.contract
    policies = Policies({} if contract is None else contract)
    made: list[Trial] = []
    faults: list[Finding] = []
    try:
        if contract is not None:
            policies.of(Override())
    except ContractUnusableError as fault:
        return [], [table.fault(("contract",), one) for one in fault.faults]
    for index, case in enumerate(table.file.cases):
        try:
            made += _trials(table, policies, case, ("cases", index))
        except (ContractUnusableError, ForeignJsonError, OverflowError, UnfitError) as fault:
            key = "rule" if case.contract is UNSET else "contract"
            faults.append(table.fault(("cases", index, key), f"`{case.name}`: {fault}"))
    return made, faults


def _trials(table: Table, policies: Policies, case: Case, steps: Steps) -> Iterator[Trial]:
    given = GivenCall() if table.file.defaults.call is UNSET else table.file.defaults.call
    kind = kind_of(case, given)
    situation = situation_of(case, table.file.defaults.facts)
    if kind == "rule":
        yield from rule_trials(table, case, situation, steps)
        return
    policy = policies.of(Override() if case.contract is UNSET else case.contract)
    calls = (call_of(case, given),) if kind == "call" else case.calls
    made = tuple(
        Call(tool=str(one.tool), arguments=text_of(one.arguments), call_id=id_of(index))
        for index, one in enumerate(() if calls is UNSET else calls)
    )
    approved = frozenset(
        id_of(index)
        for index, one in enumerate(() if calls is UNSET else calls)
        if one.approved is True
    )
    facts = facts_of(policy, situation, approved)
    line = (table.node(*steps).place or (None,))[0]
    expect = Expected() if case.expect is UNSET else case.expect
    match kind:
        case "call":
            yield CallTrial(case.name, line, policy, facts, made[0], expect)
        case "calls":
            yield ResponseTrial(case.name, line, policy, facts, made, expect)
        case _:
            wanted = case.narrow if isinstance(case.narrow, tuple) else None
            yield NarrowTrial(case.name, line, policy, facts, wanted, expect)
