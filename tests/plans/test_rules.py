"""What a plan counts for, and who may look at it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment, Principal
from placet.plans import rules
from placet.plans.model import Enforcement, GovernancePlan, PlanQuery, PlanStatus, Unplanned

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ASKED = PlanQuery(agent="desk", environment=Environment.STAGING)


def plan(status: PlanStatus, **changes: object) -> GovernancePlan:
    made = GovernancePlan(
        tenant_id=TenantId(UUID(int=1)),
        plan_id=UUID(int=2),
        agent="desk",
        environment=Environment.STAGING,
        status=status,
        version=3,
        artifact_id=UUID(int=4),
        compiled_hash="a" * 64,
        approval_id=UUID(int=5),
        enforcement=Enforcement.BLOCK,
        unplanned=Unplanned.DENY,
        approved_at=NOON,
        approval_expires_at=NOON + timedelta(days=1),
        updated_at=NOON,
    )
    return replace(made, **changes)


def caller(agent: str | None, environment: Environment | None) -> Principal:
    return Principal(
        tenant_id=TenantId(UUID(int=1)),
        actor_id=ActorId(UUID(int=6)),
        key_id="k",
        secret_hash=b"",
        scopes=frozenset(),
        agent=agent,
        environment=environment,
    )


@pytest.mark.parametrize("status", [PlanStatus.APPROVED, PlanStatus.ENFORCING])
def test_an_approval_counts_until_the_moment_it_runs_out_and_not_at_it(status: PlanStatus) -> None:
    made = plan(status)
    end = NOON + timedelta(days=1)
    assert rules.plan_at(made, end - timedelta(microseconds=1)) == made
    over = rules.plan_at(made, end)
    assert over.status is PlanStatus.READY
    assert (over.artifact_id, over.compiled_hash, over.approval_id) == (None, None, None)


def test_an_approval_without_an_end_counts_for_ever() -> None:
    made = plan(PlanStatus.APPROVED, approval_expires_at=None)
    assert rules.plan_at(made, NOON + timedelta(days=36_500)) == made


def test_only_an_approved_plan_that_blocks_becomes_enforcing() -> None:
    assert rules.may_enforce(plan(PlanStatus.APPROVED))
    assert not rules.may_enforce(plan(PlanStatus.APPROVED, enforcement=Enforcement.REPORT))
    assert not rules.may_enforce(plan(PlanStatus.ENFORCING))
    assert not rules.may_enforce(plan(PlanStatus.READY))


def test_a_bound_key_looks_at_its_own_plan_alone_and_an_unbound_one_at_any() -> None:
    assert rules.may_look(caller("desk", Environment.STAGING), ASKED)
    assert rules.may_look(caller(None, None), ASKED)
    assert not rules.may_look(caller("other", Environment.STAGING), ASKED)
    assert not rules.may_look(caller("desk", Environment.PRODUCTION), ASKED)
    assert not rules.may_look(caller("desk", None), ASKED)


ACTIVATION: dict[str, object] = {
    "activation_id": UUID(int=7),
    "activated_artifact_id": UUID(int=8),
    "activated_hash": "b" * 64,
    "activated_approval_id": UUID(int=9),
    "activated_at": NOON,
    "activated_until": NOON + timedelta(hours=1),
}
OVER: dict[str, object] = dict.fromkeys(ACTIVATION)


@pytest.mark.parametrize("status", PlanStatus)
def test_what_is_activated_is_named_until_its_end_and_not_at_it(status: PlanStatus) -> None:
    made = plan(status, **ACTIVATION)
    end = NOON + timedelta(hours=1)
    during = rules.plan_at(made, end - timedelta(microseconds=1))
    assert (during.status, during.artifact_id) == (PlanStatus.ENFORCING, UUID(int=8))
    assert (during.compiled_hash, during.approval_id) == ("b" * 64, UUID(int=9))
    assert (during.approved_at, during.approval_expires_at) == (NOON, end)
    assert rules.plan_at(made, end) == plan(status, **OVER)


def test_what_is_activated_outlasts_an_approval_that_runs_out_meanwhile() -> None:
    made = plan(PlanStatus.APPROVED, **ACTIVATION, approval_expires_at=NOON)
    assert rules.plan_at(made, NOON).artifact_id == UUID(int=8)
    assert rules.plan_at(made, NOON + timedelta(hours=1)).status is PlanStatus.READY


def test_what_is_activated_never_makes_the_plan_beneath_it_enforcing() -> None:
    for enforcement in Enforcement:
        made = plan(PlanStatus.READY, **ACTIVATION, enforcement=enforcement)
        assert not rules.may_enforce(rules.plan_at(made, NOON))
