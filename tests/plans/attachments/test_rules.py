"""Who runs what is in force, and who is silent."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.plans.attachments import rules
from placet.plans.attachments.model import Attachment, AttachmentStatus

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINE, OTHER = "a" * 64, "b" * 64
SEEN = Attachment(
    tenant_id=TenantId(UUID(int=1)),
    agent="desk",
    environment=Environment.STAGING,
    instance_id="i-1",
    status=AttachmentStatus.ATTACHED,
    compiled_hash=MINE,
    reason=None,
    sdk_version="1",
    tool_count=None,
    reported_by=ActorId(UUID(int=2)),
    since=NOON,
    first_seen_at=NOON,
    last_seen_at=NOON,
)


@pytest.mark.parametrize("status", AttachmentStatus)
def test_only_an_attached_instance_of_the_same_hash_has_converged(status: AttachmentStatus) -> None:
    is_attached = status is AttachmentStatus.ATTACHED
    assert rules.is_converged(status, MINE, MINE) is is_attached
    assert not rules.is_converged(status, OTHER, MINE)
    assert not rules.is_converged(status, None, MINE)


@pytest.mark.parametrize("status", AttachmentStatus)
def test_where_nothing_is_in_force_only_who_found_no_plan_has_converged(
    status: AttachmentStatus,
) -> None:
    is_without = status is AttachmentStatus.NO_PLAN
    assert rules.is_converged(status, None, None) is is_without


def test_an_instance_is_silent_from_fifteen_minutes_on() -> None:
    last = NOON + timedelta(minutes=15)
    assert not rules.view_of(SEEN, MINE, last - timedelta(microseconds=1)).is_silent
    assert rules.view_of(SEEN, MINE, last).is_silent


def test_what_is_shown_is_compared_with_what_is_in_force() -> None:
    assert rules.view_of(SEEN, MINE, NOON).is_converged
    assert not rules.view_of(SEEN, OTHER, NOON).is_converged
    assert not rules.view_of(replace(SEEN, compiled_hash=None), None, NOON).is_converged
