"""When challenges and enrolments end, and when a key begins to count."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from placet.authority.model import EnrolmentFlaw
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.studio.enrolments import rules
from placet.studio.enrolments.model import (
    CHALLENGE_LASTS,
    ENROLMENT_LASTS,
    Enrolment,
    EnrolmentChallenge,
    EnrolmentId,
    EnrolmentStatus,
)
from placet.studio.workspaces import rules as workspaces
from placet.studio.workspaces.model import (
    ApproverRemoval,
    KeyStanding,
    WorkspaceId,
    WorkspaceKey,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
TENANT = TenantId(UUID(int=1))
ADA = ActorId(UUID(int=2))
WORKSPACE = WorkspaceId(UUID(int=3))


def test_a_challenge_serves_until_its_time_and_not_at_it() -> None:
    ends = NOW + CHALLENGE_LASTS
    challenge = EnrolmentChallenge(
        tenant_id=TENANT,
        challenge_id=UUID(int=4),
        actor_id=ADA,
        challenge=bytes(32),
        issued_at=NOW,
        expires_at=ends,
    )
    assert rules.check_challenge(challenge, ADA, ends - TICK) == []
    (late,) = rules.check_challenge(challenge, ADA, ends)
    assert late.code is EnrolmentFlaw.CHALLENGE_EXPIRED


def test_an_enrolment_waits_until_its_time_and_not_at_it() -> None:
    ends = NOW + ENROLMENT_LASTS
    enrolment = Enrolment(
        tenant_id=TENANT,
        enrolment_id=EnrolmentId(UUID(int=5)),
        workspace_id=WORKSPACE,
        environment=Environment.STAGING,
        actor_id=ADA,
        challenge_id=UUID(int=4),
        challenge=bytes(32),
        key_id="0" * 64,
        public_key=bytes(32),
        proof=b"{}",
        groups=[],
        asked_at=NOW,
        expires_at=ends,
    )
    assert rules.status_at(enrolment, [], ends - TICK) is EnrolmentStatus.PENDING
    assert rules.status_at(enrolment, [], ends) is EnrolmentStatus.EXPIRED


def key(*, since: datetime = NOW, counts_from: datetime = NOW) -> WorkspaceKey:
    return WorkspaceKey(
        tenant_id=TENANT,
        workspace_id=WORKSPACE,
        actor_id=ADA,
        key_id="0" * 64,
        confirmed_by=[],
        since=since,
        counts_from=counts_from,
        proof=b"{}",
    )


def test_a_key_counts_from_its_time_on() -> None:
    late = key(counts_from=NOW + TICK)
    assert workspaces.standing_of(late, [], [], [], NOW) is KeyStanding.NOT_YET
    assert workspaces.standing_of(late, [], [], [], NOW + TICK) is KeyStanding.COUNTS


def test_a_removal_ends_the_keys_let_in_before_it_and_none_after() -> None:
    removal = ApproverRemoval(
        tenant_id=TENANT,
        removal_id=UUID(int=6),
        workspace_id=WORKSPACE,
        actor_id=ADA,
        reason="x",
        removed_by=ADA,
        removed_at=NOW,
    )
    assert workspaces.standing_of(key(), [removal], [], [], NOW) is KeyStanding.REMOVED
    later = key(since=NOW + TICK)
    assert workspaces.standing_of(later, [removal], [], [], NOW) is KeyStanding.COUNTS


def test_a_revoked_key_and_a_disabled_person_count_for_nothing() -> None:
    assert workspaces.standing_of(key(), [], ["0" * 64], [], NOW) is KeyStanding.REVOKED
    assert workspaces.standing_of(key(), [], [], [ADA], NOW) is KeyStanding.DISABLED
