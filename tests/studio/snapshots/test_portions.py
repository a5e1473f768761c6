"""How much of a draft's history is replayed between two words with the database."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from placet.kernel.ids import ActorId, TenantId
from placet.studio.drafts.model import (
    BusinessCommand,
    CommandOrigin,
    CommandType,
    DraftId,
    ValidationState,
)
from placet.studio.snapshots.service import portions

MEGABYTE = 1024 * 1024


def command(version: int, size: int) -> BusinessCommand:
    return BusinessCommand(
        tenant_id=TenantId(UUID(int=1)),
        draft_id=DraftId(UUID(int=2)),
        version=version,
        command_id=UUID(int=version),
        command_type=CommandType.COMMENT,
        payload_json=bytes(size),
        expected_draft_version=version - 1,
        origin=next(iter(CommandOrigin)),
        actor_id=ActorId(UUID(int=3)),
        idempotency_key="key",
        validation_state=next(iter(ValidationState)),
        applied_at=datetime(2026, 1, 1, tzinfo=UTC),
        chain_hash=bytes(32),
    )


@pytest.mark.parametrize(
    ("count", "size", "most"),
    [(1_000, 100, 200), (30, MEGABYTE, 5), (1, 9 * MEGABYTE, 1), (0, 1, 0)],
)
def test_every_command_is_replayed_once_and_in_order_in_bounded_portions(
    count: int, size: int, most: int
) -> None:
    commands = [command(version, size) for version in range(1, count + 1)]
    told = list(portions(commands))
    assert [one for some in told for one in some] == commands
    assert max(map(len, told), default=0) <= most
    assert all(told)
