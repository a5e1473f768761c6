"""What an approval counts for, and when somebody is told of its end."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from placet.events.model import SYSTEM_ACTOR
from placet.kernel.ids import TenantId
from placet.plans.model import EndingKind
from placet.studio.endings import rules
from placet.studio.endings.model import ApprovalEnding, ApprovalStatus
from placet.studio.workspaces.model import WorkspaceId

NOBODY = UUID(int=0)
APPROVED = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def ending(kind: EndingKind) -> ApprovalEnding:
    revoked = kind is EndingKind.REVOKED
    return ApprovalEnding(
        tenant_id=TenantId(NOBODY),
        approval_id=NOBODY,
        kind=kind,
        workspace_id=WorkspaceId(NOBODY),
        artifact_id=NOBODY,
        reason="wrong" if revoked else None,
        control_id=NOBODY if revoked else None,
        ended_by=SYSTEM_ACTOR,
        ended_at=APPROVED,
    )


@pytest.mark.parametrize(
    ("kinds", "expires", "is_pointed_at", "status"),
    [
        ([], None, True, ApprovalStatus.IN_FORCE),
        ([], None, False, ApprovalStatus.SUPERSEDED),
        ([], timedelta(seconds=1), True, ApprovalStatus.IN_FORCE),
        ([], timedelta(0), True, ApprovalStatus.EXPIRED),
        ([], timedelta(0), False, ApprovalStatus.EXPIRED),
        (["expired"], timedelta(0), False, ApprovalStatus.EXPIRED),
        (["revoked"], None, True, ApprovalStatus.REVOKED),
        (["expired", "revoked"], timedelta(0), False, ApprovalStatus.REVOKED),
    ],
)
def test_an_approval_is_revoked_before_expired_and_expired_before_superseded(
    kinds: list[str], expires: timedelta | None, *, is_pointed_at: bool, status: ApprovalStatus
) -> None:
    found = rules.status_of(
        [ending(EndingKind(kind)) for kind in kinds],
        None if expires is None else APPROVED + expires,
        APPROVED,
        is_pointed_at=is_pointed_at,
    )
    assert found is status


def test_of_two_endings_the_revocation_is_shown() -> None:
    for kinds in (["expired", "revoked"], ["revoked", "expired"]):
        shown = rules.shown_ending([ending(EndingKind(kind)) for kind in kinds])
        assert shown is not None
        assert (shown.kind, shown.reason) == (EndingKind.REVOKED, "wrong")
    assert rules.shown_ending([]) is None


@pytest.mark.parametrize(
    ("validity", "left", "days"),
    [
        (30 * DAY, 14 * DAY + timedelta(microseconds=1), None),
        (30 * DAY, 14 * DAY, 14),
        (30 * DAY, 3 * DAY + timedelta(microseconds=1), 14),
        (30 * DAY, 3 * DAY, 3),
        (30 * DAY, DAY, 1),
        (30 * DAY, timedelta(microseconds=1), 1),
        (30 * DAY, timedelta(0), None),
        (14 * DAY, 14 * DAY, None),
        (5 * DAY, 4 * DAY, None),
        (5 * DAY, 3 * DAY, 3),
        (1 * DAY, timedelta(hours=1), None),
    ],
)
def test_the_nearest_warning_since_the_approval_is_the_one_that_is_due(
    validity: timedelta, left: timedelta, days: int | None
) -> None:
    expires = APPROVED + validity
    assert rules.warning_due(APPROVED, expires, expires - left) == days


@pytest.mark.parametrize(
    ("validity", "passed", "next_left"),
    [
        (30 * DAY, timedelta(0), 14 * DAY),
        (30 * DAY, 16 * DAY, 3 * DAY),
        (30 * DAY, 27 * DAY, DAY),
        (30 * DAY, 29 * DAY, timedelta(0)),
        (5 * DAY, timedelta(0), 3 * DAY),
        (1 * DAY, timedelta(0), timedelta(0)),
    ],
)
def test_an_approval_is_looked_at_again_at_its_next_warning_or_its_end(
    validity: timedelta, passed: timedelta, next_left: timedelta
) -> None:
    expires = APPROVED + validity
    assert rules.next_moment(APPROVED, expires, APPROVED + passed) == expires - next_left
