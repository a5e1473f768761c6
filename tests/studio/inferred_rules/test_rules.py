"""Proposals against the calls that they come from."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict
from tests.studio.story import AGENT, LOOKUP, contract

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.ids import ActorId, TenantId
from placet.policy.compile import compile_contract
from placet.policy.decision import Deny
from placet.policy.evaluate import evaluate
from placet.policy.facts import Call, Facts
from placet.policy.load import load_policy
from placet.policy.model import Contract, SideEffect
from placet.policy.text.parse import read_contract
from placet.studio.drafts.places import Document
from placet.studio.drafts.replaying import replay
from placet.studio.inferred_rules import rules
from placet.studio.inferred_rules.model import (
    InferredKind,
    InferredRule,
    InferredRuleId,
    Proposal,
)
from placet.studio.sources.calls import ObservedCall
from placet.studio.workspaces.model import WorkspaceId

AT = datetime(2030, 1, 1, tzinfo=UTC)
NOBODY = UUID(int=1)
TOOL = "ship_order"
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["post", "van", "[redacted:email]", "\u00e9", "it's"]),
)
NAMES = st.sampled_from(["a", "b", "c d", "it's", "$"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
CHOICES = st.sampled_from(["post", "van", "it's"])
ARGUMENTS = st.fixed_dictionaries(
    {"n": NUMBERS, "to": CHOICES, "in": st.fixed_dictionaries({"n": st.integers()})},
    optional=dict.fromkeys(("a", "c d", "$"), VALUES),
)
CALLS = st.lists(ARGUMENTS, min_size=10, max_size=14)


def kept(proposal: Proposal) -> InferredRule:
    return InferredRule(
        tenant_id=TenantId(NOBODY),
        inferred_rule_id=InferredRuleId(NOBODY),
        workspace_id=WorkspaceId(NOBODY),
        source_snapshot_hash="",
        rule_hash=rules.hash_rule(proposal),
        inferred_by=ActorId(NOBODY),
        inferred_at=AT,
        **asdict(proposal),
    )


def accepted(document: bytes, proposal: Proposal) -> bytes:
    """Return a contract after a proposal was accepted."""
    effect = SideEffect.READ if proposal.kind is InferredKind.TOOL else None
    tool = rules.accept(document, AGENT, kept(proposal), effect)
    payload: Document = {"type": "accept_inferred_rule", "tool": tool}
    return foreign.encode(replay(cast("Document", foreign.parse(document)), payload))


@settings(max_examples=60, deadline=None)
@given(calls=CALLS)
def test_no_call_that_was_observed_is_refused_by_what_was_inferred_from_it(
    calls: list[dict[str, Json]],
) -> None:
    materials = {TOOL: rules.Material(calls=calls)}
    document = foreign.encode(cast("Json", contract(LOOKUP)))
    for _ in range(2):
        for proposal in rules.propose(document, materials):
            document = accepted(document, proposal)
    read = read_contract(foreign.parse(document))
    assert isinstance(read, Contract)
    policy = load_policy(compile_contract(read).runtime)
    for arguments in calls:
        call = Call(tool=TOOL, arguments=foreign.encode(arguments))
        decision = evaluate(policy, Facts(now=AT), call)
        assert not isinstance(decision, Deny), (arguments, decision, read)


def test_what_the_contract_says_already_is_not_proposed() -> None:
    calls: list[dict[str, Json]] = [{"grams": number, "to": "a"} for number in range(12)]
    said = LOOKUP | {
        "input_schema": True,
        "arguments": [{"path": "$.grams", "lte": 5}, {"path": "$.to", "equals": "a"}],
    }
    document = foreign.encode(cast("Json", contract(said)))
    found = rules.propose(document, {"lookup_order": rules.Material(calls=calls)})
    assert [(one.kind, one.path) for one in found] == [(InferredKind.ARGUMENT, "$.to")]
    few = rules.propose(document, {"lookup_order": rules.Material(calls=calls[:9])})
    assert few == []


def test_two_declared_schemas_are_none() -> None:
    schemas: list[dict[str, Json]] = [{"type": "object"}, {"type": "object", "title": "x"}]
    document = foreign.encode(cast("Json", contract(LOOKUP)))
    assert rules.propose(document, {TOOL: rules.Material(schemas=schemas)}) == []
    assert len(rules.propose(document, {TOOL: rules.Material(schemas=schemas[:1] * 2)})) == 1


def test_the_hash_of_a_proposal_is_that_of_what_it_would_set() -> None:
    document = foreign.encode(cast("Json", contract(LOOKUP)))
    calls: list[dict[str, Json]] = [{"a": 1}] * 3
    (few,) = rules.propose(document, {TOOL: rules.Material(calls=calls)})
    (more,) = rules.propose(document, {TOOL: rules.Material(calls=calls * 9)})
    (other,) = rules.propose(document, {TOOL: rules.Material(calls=[*calls, {"b": 1}])})
    assert few.sample_size != more.sample_size
    assert rules.hash_rule(few) == rules.hash_rule(more) != rules.hash_rule(other)


def test_no_more_calls_are_read_than_are_looked_at() -> None:
    read: list[int] = []

    def calls() -> Iterator[ObservedCall]:
        for number in range(9):
            read.append(number)
            yield ObservedCall(f"p{number}", TOOL, {"n": number})

    first, are_more = rules.first_calls(calls(), 5)
    assert ([call.part_id for call in first], are_more) == (["p0", "p1", "p2", "p3", "p4"], True)
    assert len(read) == 6
    assert rules.first_calls(calls(), 9)[1] is False
