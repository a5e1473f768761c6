"""Single rules on single documents: on the arguments of a call, and on an output required of it."""

import dataclasses
from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from placet.kernel import foreign
from placet.policy.cases.contracts import policy_of_contract
from placet.policy.cases.model import Arguments, Case, PastCall, Situation
from placet.policy.cases.situation import UnfitError, facts_of, text_of
from placet.policy.cases.table import Table
from placet.policy.decision import Allow, Code, Decision, Deny
from placet.policy.evaluate import evaluate
from placet.policy.facts import Call
from placet.policy.loaded import Policy
from placet.policy.model import (
    Binding,
    CommitRequirement,
    Contract,
    EvidenceClass,
    Requirement,
    Rule,
    Ruling,
    SessionRules,
    SideEffect,
    ToolContract,
    Write,
)
from placet.policy.operators import references
from placet.policy.text.tree import Steps

_CALL: Final = "call"
_SEEN: Final = "seen"
_SHOWN_MAX: Final = 120
_ARGUMENT_CODES: Final = frozenset(
    {
        Code.ARGUMENT_MISSING,
        Code.ARGUMENT_WRONG_TYPE,
        Code.ARGUMENT_OUT_OF_BOUNDS,
        Code.ARGUMENT_NOT_ALLOWED,
        Code.SLOT_EMPTY,
    }
)
_REQUIRED_CODES: Final = frozenset({Code.PRECONDITION_NOT_MET})


@dataclasses.dataclass(frozen=True, slots=True)
class RuleTrial:
    """One rule on one document. `on_output` is null where the rule compares with a slot."""

    name: str
    line: int | None
    on_arguments: Policy
    on_output: Policy | None
    situation: Situation
    document: bytes
    holds: bool


def rule_trials(
    table: Table, case: Case, situation: Situation, steps: Steps
) -> Iterator[RuleTrial]:
    """Yield a trial for each document of a case with a `rule`.

    Raises `UnfitError` for a document that the rule cannot be tried on, and
    `ContractUnusableError` for a rule with a bad path or pattern.
    """
    rule = case.rule
    if rule is UNSET:
        return
    slots = sorted({slot for _, slot in references(rule)})
    on_arguments = policy_of_contract(_contract(_tool(_CALL, rule), slots=slots))
    required = Requirement(tool=_SEEN, output=(rule,))
    on_output = None
    if not slots:
        requiring = _tool(_CALL, requires=(required,))
        on_output = policy_of_contract(_contract(_tool(_SEEN), requiring))
    told: set[bytes] = set()
    for key, documents in (("holds", case.holds), ("fails", case.fails)):
        for index, given in enumerate(() if documents is UNSET else documents):
            text = _checked(given, told, is_object=bool(slots))
            yield RuleTrial(
                name=f"{case.name}: {key} for {_shown(text)}",
                line=(table.node(*steps, key, index).place or (None,))[0],
                on_arguments=on_arguments,
                on_output=on_output,
                situation=situation,
                document=text,
                holds=key == "holds",
            )


def answers(trial: RuleTrial) -> Iterator[tuple[str, bool | Decision]]:
    """Yield where the rule was asked, and whether it held; a decision is neither yes nor no."""
    document = foreign.parse(trial.document)
    if isinstance(document, dict):
        facts = facts_of(trial.on_arguments, trial.situation)
        call = Call(tool=_CALL, arguments=trial.document)
        yield "arguments", _answer(evaluate(trial.on_arguments, facts, call), _ARGUMENT_CODES)
    if trial.on_output is not None:
        seen = PastCall(tool=_SEEN, output=document)
        facts = facts_of(trial.on_output, Situation(committed=(seen,)))
        call = Call(tool=_CALL, arguments=b"{}")
        yield "requires", _answer(evaluate(trial.on_output, facts, call), _REQUIRED_CODES)


def _answer(decision: Decision, codes: frozenset[Code]) -> bool | Decision:
    match decision:
        case Allow():
            return True
        case Deny() if decision.reasons and {one.code for one in decision.reasons} <= codes:
            return False
    return decision


def _checked(given: Arguments, told: set[bytes], *, is_object: bool) -> bytes:
    text = text_of(given)
    if text in told:
        message = f"the document {_shown(text)} stands twice"
        raise UnfitError(message)
    told.add(text)
    document = foreign.parse(text)
    if is_object and not isinstance(document, dict):
        message = f"the document {_shown(text)} is no object; a slot is compared with arguments"
        raise UnfitError(message)
    return text


def _shown(text: bytes) -> str:
    shown = text.decode()
    return shown if len(shown) <= _SHOWN_MAX else f"{shown[:_SHOWN_MAX]}…"


def _tool(name: str, *rules: Rule, requires: tuple[Requirement, ...] = ()) -> ToolContract:
    return ToolContract(
        tool=name,
        side_effect=SideEffect.READ,
        evidence_class=EvidenceClass.ACK_ONLY,
        commit_requirement=CommitRequirement.ACKNOWLEDGED,
        decision=Ruling.ALLOW,
        arguments=rules,
        requires=requires,
    )


def _contract(*tools: ToolContract, slots: list[str] | None = None) -> Contract:
    bindings = tuple(Binding(slot=slot, write=Write.LAST) for slot in slots or [])
    session = SessionRules(bindings=bindings)
    return Contract(schema_version="1", agent="case", tools=tools, session=session)
