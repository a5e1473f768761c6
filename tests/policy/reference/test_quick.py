"""The quick way to a yes says what the layers say in full, and says it of most calls that pass."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.policy.reference.generate import an_example
from tests.policy.reference.moments import moments
from tests.policy.reference.picking import Chance

from placet.policy import evaluate as evaluating
from placet.policy.decision import Deny
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.quick import first_unclear

QUICK_MIN = 0.9

chances: st.SearchStrategy[Chance] = st.randoms(use_true_random=True)


def test_a_decision_is_the_same_with_and_without_the_quick_way() -> None:
    passed = quick = 0

    def noted(*case: object) -> int:
        nonlocal quick
        found = first_unclear(*case)  # type: ignore[arg-type]  # -- handed on as it came
        quick += not found
        return found

    @settings(
        max_examples=400,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(chances)
    def compare(chance: Chance) -> None:
        nonlocal passed
        for moment in moments(an_example(chance)):
            policy, facts = moment.policy, moment.facts
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(evaluating, "first_unclear", lambda *_: 1)
                one_by_one = [evaluate(policy, facts, call) for call in moment.calls]
                together = evaluate_response(policy, facts, moment.calls)
            assert evaluate_response(policy, facts, moment.calls) == together
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(evaluating, "first_unclear", noted)
                assert [evaluate(policy, facts, call) for call in moment.calls] == one_by_one
            passed += sum(
                not isinstance(decision, Deny) and call.tool in policy.tools
                for decision, call in zip(one_by_one, moment.calls, strict=True)
            )

    compare()
    assert passed > 1_000
    assert quick > QUICK_MIN * passed
