"""Who may be begun: only what was granted, or shadowed outside production."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.replay.calls.model import CallStatus, ReasonView, Verdict
from placet.sdk.answers import Proposal, ProposedCall
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import ApprovalPending, CallBlocked
from placet.sdk.permits import admit, decisions

DEADLINE = datetime(2026, 3, 1, 12, tzinfo=UTC)
REASON = ReasonView(
    code="argument_above", rule="/arguments/0", detail="`amount_cents` is above 50000"
)


def call(status: CallStatus, tool_call_id: str = "c1", tool: str = "pay") -> ProposedCall:
    return ProposedCall(
        call_id=UUID(int=3),
        tool_call_id=tool_call_id,
        tool=tool,
        verdict=Verdict.ALLOW,
        status=status,
        reasons=[REASON],
        deadline=DEADLINE,
    )


@pytest.mark.parametrize("environment", Environment)
def test_a_granted_call_is_admitted_everywhere(environment: Environment) -> None:
    admit(call(CallStatus.GRANTED), environment)


def test_a_shadowed_call_is_admitted_everywhere_but_in_production() -> None:
    admit(call(CallStatus.SHADOWED), Environment.DEVELOPMENT)
    admit(call(CallStatus.SHADOWED), Environment.STAGING)
    with pytest.raises(CallBlocked):
        admit(call(CallStatus.SHADOWED), Environment.PRODUCTION)


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("status", [CallStatus.HELD, CallStatus.AWAITING_APPROVAL])
def test_a_waiting_call_is_admitted_nowhere_and_tells_its_deadline(
    status: CallStatus, environment: Environment
) -> None:
    with pytest.raises(ApprovalPending) as caught:
        admit(call(status), environment)
    assert (caught.value.call_id, caught.value.deadline) == (UUID(int=3), DEADLINE)
    assert "2026-03-01" in str(caught.value)


RUNNABLE = {CallStatus.GRANTED, CallStatus.SHADOWED}
WAITING = {CallStatus.HELD, CallStatus.AWAITING_APPROVAL}


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("status", sorted(set(CallStatus) - RUNNABLE - WAITING))
def test_every_other_status_is_a_denial_with_its_reasons(
    status: CallStatus, environment: Environment
) -> None:
    with pytest.raises(CallBlocked) as caught:
        admit(call(status), environment)
    assert caught.value.reasons == [REASON]
    assert str(caught.value) == "`pay` was blocked: `amount_cents` is above 50000"


def proposal(*calls: ProposedCall) -> Proposal:
    return Proposal(request_seq=1, state_version=1, calls=list(calls), binding="b")


def asked(tool_call_id: str, tool: str = "pay", arguments: str = "{}") -> ToolCall:
    return ToolCall(id=tool_call_id, name=tool, arguments=arguments)


def test_each_call_has_the_decision_in_its_own_place_also_where_two_go_by_one_id() -> None:
    first, second = call(CallStatus.BLOCKED), call(CallStatus.GRANTED)
    found = decisions(proposal(first, second), [asked("c1"), asked("c1", arguments='{"a":1}')])
    assert [each is call for each, call in zip(found, (first, second), strict=True)] == [True, True]


@pytest.mark.parametrize(
    "answered",
    [
        [],
        [call(CallStatus.GRANTED, "c2"), call(CallStatus.GRANTED, "c1")],
        [call(CallStatus.GRANTED, "c1")],
        [call(CallStatus.GRANTED, "c1"), call(CallStatus.GRANTED, "c2", "refund")],
        [call(CallStatus.GRANTED, each) for each in ("c1", "c2", "c3")],
    ],
)
def test_an_answer_about_other_calls_or_in_another_order_permits_nothing(
    answered: list[ProposedCall],
) -> None:
    with pytest.raises(GovernanceUnavailable):
        decisions(proposal(*answered), [asked("c1"), asked("c2")])
