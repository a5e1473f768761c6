"""What holds at every moment of every made session, whatever its contract."""

import copy
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.policy.reference.compare import policy_of
from tests.policy.reference.denying import with_a_denial
from tests.policy.reference.generate import an_example
from tests.policy.reference.moments import Moment, moments
from tests.policy.reference.picking import Chance, Picker

from placet.kernel.foreign import Json
from placet.policy.decision import Allow, Ask, Decision
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.facts import Call, CommittedCall, Facts
from placet.policy.response import ResponseDecision

TICK: Final = timedelta(microseconds=1)
FAR: Final = timedelta(days=4_000)
IN_ORDER: Final = settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
chances: st.SearchStrategy[Chance] = st.randoms(use_true_random=True)


def rank(decision: Decision) -> int:
    """Return how far a decision lets a call go."""
    return 2 if isinstance(decision, Allow) else 1 if isinstance(decision, Ask) else 0


def said(decision: Decision) -> tuple[int, int | None, tuple[str, ...]]:
    """Return what a decision says, but for when it holds."""
    return rank(decision), decision.layer, tuple(one.rule for one in decision.reasons)


def of_each(response: ResponseDecision, calls: list[Call]) -> dict[object, object]:
    """Return what a response says of each call, by its id."""
    pairs = zip(calls, response.calls, strict=True)
    return {
        call.call_id: (said(one.decision), one.granted, one.held, one.blocked_why)
        for call, one in pairs
    }


@IN_ORDER
@given(chances)
def test_a_denial_more_lets_no_call_go_further(chance: Chance) -> None:
    pick = Picker(chance)
    for moment in moments(an_example(chance)):
        policy = policy_of(with_a_denial(pick, moment.contract))
        for call in moment.calls:
            before = evaluate(moment.policy, moment.facts, call)
            after = evaluate(policy, moment.facts, call)
            assert rank(after) <= rank(before), (call, before, after)


@IN_ORDER
@given(chances)
def test_where_an_unrelated_neighbour_stands_makes_no_difference(chance: Chance) -> None:
    for moment in moments(an_example(chance, focus=("loop", "per_tool"))):
        expected = of_each(
            evaluate_response(moment.policy, moment.facts, moment.calls), moment.calls
        )
        for calls in moved(moment):
            response = evaluate_response(moment.policy, moment.facts, calls)
            assert of_each(response, calls) == expected


def moved(moment: Moment) -> Iterator[list[Call]]:
    """Yield the response with one call elsewhere that is unrelated to all others.

    Slots change with commits alone, and aggregates, effect keys and counts are those of a tool; so
    another tool is related only where one of the two is forbidden after the other.
    """
    after = {one["tool"]: set(one.get("forbidden_after", ())) for one in moment.contract["tools"]}
    for call in moment.calls:
        others = [one for one in moment.calls if one is not call]
        tools = {one.tool for one in others}
        forbidding = set().union(*(after.get(tool, set()) for tool in tools))
        if call.tool in tools | forbidding or after.get(call.tool, set()) & tools:
            continue
        for place in range(len(moment.calls)):
            yield [*others[:place], call, *others[place:]]


@IN_ORDER
@given(chances)
def test_without_a_fact_that_supports_it_no_call_goes_further(chance: Chance) -> None:
    for moment in moments(an_example(chance, focus=("principals", "requires"))):
        for call in moment.calls:
            before = rank(evaluate(moment.policy, moment.facts, call))
            for facts in with_less(moment.facts):
                assert rank(evaluate(moment.policy, facts, call)) <= before, (call, facts)


def with_less(facts: Facts) -> Iterator[Facts]:
    """Yield the facts without one that can only support a call.

    Of the commits of a tool that is the oldest, or all: a newer one may well stand against a call
    that an older one would support, as newer knowledge wins. For the same reason the outputs go all
    at once. A condition can ask for the absence of anything; none of those here does.
    """
    for tool, calls in facts.committed.items():
        for fewer in ([], [*calls][1:], [without_output(one) for one in calls]):
            yield replaced(facts, committed={**facts.committed, tool: fewer})
    for slot in facts.slots:
        yield replaced(facts, slots=less(facts.slots, slot))
    for name in facts.principal:
        yield replaced(facts, principal=less(facts.principal, name))
    for call_id in facts.approved:
        yield replaced(facts, approved=facts.approved - {call_id})


def without_output(call: CommittedCall) -> CommittedCall:
    """Return a commit of which no output is known."""
    return msgspec.structs.replace(call, output=None)


def less(values: object, name: str) -> dict[str, Json]:
    """Return a mapping without one of its names."""
    assert isinstance(values, dict)
    return {key: value for key, value in values.items() if key != name}


def replaced(facts: Facts, **changes: object) -> Facts:
    """Return the facts with some of them replaced."""
    return msgspec.structs.replace(facts, **changes)


@IN_ORDER
@given(chances)
def test_the_same_arguments_give_the_same_decision_and_stay_as_they_were(chance: Chance) -> None:
    for moment in moments(an_example(chance)):
        before = snapshot(moment.facts)
        first = evaluate_response(moment.policy, moment.facts, moment.calls)
        for call in moment.calls:
            alone = evaluate(moment.policy, moment.facts, call)
            assert evaluate(moment.policy, moment.facts, call) == alone
        assert evaluate_response(moment.policy, moment.facts, moment.calls) == first
        assert evaluate_response(policy_of(moment.contract), moment.facts, moment.calls) == first
        assert snapshot(moment.facts) == before


def snapshot(facts: Facts) -> object:
    """Return all that facts hold, apart from them."""
    amounts = {name: one.document() for name, one in facts.aggregates.items()}
    fields = {name: getattr(facts, name) for name in facts.__struct_fields__}
    return copy.deepcopy(fields | {"aggregates": amounts})


def test_a_decision_stays_as_it_is_from_one_end_of_its_interval_to_the_other() -> None:
    ends: Counter[str] = Counter()

    @IN_ORDER
    @given(chances)
    def run(chance: Chance) -> None:
        for moment in moments(an_example(chance, focus=("requires",))):
            for call in moment.calls:
                decision = evaluate(moment.policy, moment.facts, call)
                ends.update(from_=decision.holds_from is not None)
                ends.update(until=decision.holds_until is not None)
                for now in inside(decision, moment.facts.now):
                    facts = replaced(moment.facts, now=now)
                    assert evaluate(moment.policy, facts, call) == decision, now
            response = evaluate_response(moment.policy, moment.facts, moment.calls)
            for now in inside(response, moment.facts.now):
                facts = replaced(moment.facts, now=now)
                assert evaluate_response(moment.policy, facts, moment.calls) == response, now

    run()
    assert min(ends["from_"], ends["until"]) > 50, ends


def inside(decision: Decision | ResponseDecision, now: datetime) -> Iterator[datetime]:
    """Yield both ends of an interval, far places where it has none, and some between."""
    begin, end = decision.holds_from or now, decision.holds_until or now + FAR
    assert begin <= now <= end
    yield from (begin, end, begin + (now - begin) / 2, now + (end - now) / 2)
    if begin < end:
        yield from (begin + TICK, end - TICK)
