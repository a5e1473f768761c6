"""The rules of break-glass over plain values: what no real row can be made to wait for."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from placet.evidence.vote import VotePurpose
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, Unplanned
from placet.studio.approvals.model import ApprovalHead
from placet.studio.break_glass import rules
from placet.studio.break_glass.model import (
    Activation,
    ActivationCase,
    ActivationEnd,
    ActivationFlaw,
    ActivationStatus,
    Operator,
)
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import (
    ApprovalPolicy,
    GovernanceWorkspace,
    RuntimeAuthorityKind,
    WorkspaceId,
    WorkspaceStatus,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
ADA, BEN, CY = (ActorId(UUID(int=number)) for number in (101, 102, 103))

WORKSPACE = GovernanceWorkspace(
    tenant_id=TenantId(UUID(int=1)),
    workspace_id=WorkspaceId(UUID(int=2)),
    agent="desk",
    environment=Environment.PRODUCTION,
    status=WorkspaceStatus.ACTIVE,
    runtime_authority_kind=RuntimeAuthorityKind.NONE,
    active_draft_id=None,
    active_draft_snapshot_id=None,
    active_approval_id=None,
    enforcement=Enforcement.BLOCK,
    unplanned=Unplanned.DENY,
    approval_policy=ApprovalPolicy(),
    created_by=ADA,
    created_at=NOON,
)
APPROVAL = ApprovalHead(
    approval_id=UUID(int=3),
    workspace_id=WORKSPACE.workspace_id,
    draft_snapshot_id=SnapshotId(UUID(int=4)),
    request_id=UUID(int=5),
    approval_version=1,
    artifact_id=UUID(int=6),
    approved_by=[ADA],
    approved_at=NOON,
    expires_at=NOON + HOUR,
    purpose=VotePurpose.BREAK_GLASS,
)
CASE = ActivationCase(
    workspace=WORKSPACE,
    approval=APPROVAL,
    artifact_hash="a" * 64,
    revoked_at=None,
    earlier=[],
    in_effect=None,
    now=NOON,
)
OPEN = Activation(
    tenant_id=WORKSPACE.tenant_id,
    activation_id=UUID(int=7),
    workspace_id=WORKSPACE.workspace_id,
    approval_id=APPROVAL.approval_id,
    artifact_id=APPROVAL.artifact_id,
    artifact_hash="a" * 64,
    status=ActivationStatus.OPEN,
    minutes=30,
    reason="r",
    opened_by=ADA,
    opener_key_id="b" * 64,
    opener_envelope=b"{}",
    opened_at=NOON,
    lapses_at=NOON + timedelta(minutes=15),
)
ACTIVE = replace(
    OPEN,
    status=ActivationStatus.ACTIVE,
    confirmed_by=BEN,
    confirmer_key_id="c" * 64,
    confirmer_envelope=b"{}",
    confirmed_at=NOON,
    ends_at=NOON + timedelta(minutes=30),
)


def operator(actor_id: ActorId) -> Operator:
    return Operator(actor_id=actor_id, is_operator=True, revoked=frozenset())


def codes(case: ActivationCase) -> list[ActivationFlaw]:
    return [reason.code for reason in rules.check_standby(case)]


def test_nothing_stands_against_what_stands_by() -> None:
    assert codes(CASE) == []


def test_an_approval_is_activated_before_its_expiry_and_not_at_it() -> None:
    assert codes(replace(CASE, now=NOON + HOUR - MOMENT)) == []
    assert codes(replace(CASE, now=NOON + HOUR)) == [ActivationFlaw.APPROVAL_EXPIRED]
    lasting = replace(APPROVAL, expires_at=None)
    assert codes(replace(CASE, approval=lasting, now=NOON + 1000 * HOUR)) == []


def test_nothing_is_activated_in_an_archived_workspace() -> None:
    archived = replace(WORKSPACE, status=WorkspaceStatus.ARCHIVED)
    assert codes(replace(CASE, workspace=archived)) == [ActivationFlaw.WORKSPACE_NOT_ACTIVE]


def test_everything_that_stands_against_it_is_told() -> None:
    case = replace(
        CASE,
        workspace=replace(WORKSPACE, status=WorkspaceStatus.ARCHIVED),
        approval=replace(APPROVAL, purpose=VotePurpose.ORDINARY),
        revoked_at=NOON,
        in_effect=UUID(int=8),
        now=NOON + HOUR,
    )
    assert set(codes(case)) == {
        ActivationFlaw.WORKSPACE_NOT_ACTIVE,
        ActivationFlaw.NOT_FOR_BREAK_GLASS,
        ActivationFlaw.APPROVAL_REVOKED,
        ActivationFlaw.APPROVAL_EXPIRED,
        ActivationFlaw.ACTIVE_ALREADY,
    }


@pytest.mark.parametrize(("minutes", "left"), [(30, 30), (60, 60), (60, 45), (1, 1)])
def test_it_ends_in_time_and_never_after_its_approval(minutes: int, left: int) -> None:
    case = replace(CASE, now=NOON + HOUR - timedelta(minutes=left))
    end = case.now + timedelta(minutes=min(minutes, left))
    assert rules.ends_at(case, minutes) == end
    lasting = replace(case, approval=replace(APPROVAL, expires_at=None))
    assert rules.ends_at(lasting, minutes) == case.now + timedelta(minutes=minutes)


@pytest.mark.parametrize(("first", "second"), [(ADA, BEN), (BEN, ADA)])
def test_a_pair_rests_for_a_day_to_the_moment(first: ActorId, second: ActorId) -> None:
    def against(now: datetime) -> list[ActivationFlaw]:
        case = replace(CASE, earlier=[ACTIVE], now=now)
        opened = replace(OPEN, opened_by=first, lapses_at=now + HOUR)
        found = rules.check_confirmation(opened, operator(first), operator(second), case)
        return [reason.code for reason in found]

    assert against(NOON + 24 * HOUR - MOMENT) == [ActivationFlaw.PAIR_RESTS]
    assert against(NOON + 24 * HOUR) == []


def test_another_pair_with_one_of_them_need_not_rest() -> None:
    case = replace(CASE, earlier=[ACTIVE])
    assert rules.check_confirmation(OPEN, operator(ADA), operator(CY), case) == []


def test_one_that_is_open_lapses_at_its_moment() -> None:
    lapses = OPEN.lapses_at
    assert rules.as_it_counts(OPEN, None, lapses - MOMENT) == OPEN
    lapsed = rules.as_it_counts(OPEN, None, lapses)
    assert (lapsed.status, lapsed.ended_at) == (ActivationStatus.LAPSED, lapses)


def test_one_that_is_active_runs_out_at_its_moment() -> None:
    end = NOON + timedelta(minutes=30)
    assert rules.as_it_counts(ACTIVE, None, end - MOMENT) == ACTIVE
    over = rules.as_it_counts(ACTIVE, None, end)
    assert (over.status, over.end_why, over.ended_at) == (
        ActivationStatus.ENDED,
        ActivationEnd.RAN_OUT,
        end,
    )


def test_a_revocation_ends_it_if_it_came_before_its_time_was_over() -> None:
    end = NOON + timedelta(minutes=30)
    revoked = rules.as_it_counts(ACTIVE, end - MOMENT, end + HOUR)
    assert (revoked.end_why, revoked.ended_at) == (ActivationEnd.REVOKED, end - MOMENT)
    assert rules.as_it_counts(ACTIVE, end, end + HOUR).end_why is ActivationEnd.RAN_OUT


@pytest.mark.parametrize(
    "status", [ActivationStatus.ENDED, ActivationStatus.LAPSED, ActivationStatus.WITHDRAWN]
)
def test_what_is_over_stays_as_it_was(status: ActivationStatus) -> None:
    over = replace(ACTIVE, status=status, ended_at=NOON)
    assert rules.as_it_counts(over, NOON, NOON + 1000 * HOUR) == over
