"""When a checkpoint is due."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from placet.authority.checkpoints.model import Checkpoint
from placet.authority.checkpoints.rules import is_due
from placet.kernel.ids import TenantId

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAST = Checkpoint(
    tenant_id=TenantId(UUID(int=1)), epoch=1, size=50, root=b"", at=NOON, envelope=b""
)


@pytest.mark.parametrize(
    ("owed", "seconds", "due"),
    [
        (50, 3_600, False),
        (51, 59, False),
        (51, 60, True),
        (1_049, 1, False),
        (1_050, 1, True),
    ],
)
def test_a_checkpoint_is_due_after_so_many_entries_or_so_long(
    owed: int, seconds: int, *, due: bool
) -> None:
    assert is_due(owed, LAST, NOON + timedelta(seconds=seconds)) is due


def test_the_first_checkpoint_waits_for_an_entry_alone() -> None:
    assert not is_due(0, None, NOON)
    assert is_due(1, None, NOON)
