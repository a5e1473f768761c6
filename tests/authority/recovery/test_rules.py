"""Which of the checkpoints that were kept outside a log has to lead to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest

from placet.authority.recovery.model import AuthorityRecovery
from placet.authority.recovery.rules import comparable
from placet.evidence.checkpoint import CheckpointPayload
from placet.kernel.ids import TenantId

TENANT = TenantId(UUID(int=7))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def seen(epoch: int, size: int) -> CheckpointPayload:
    """Return a checkpoint that was kept outside."""
    return CheckpointPayload(
        tenant_id=TENANT,
        origin=f"placet/{TENANT}",
        size=size,
        root=f"{epoch:02x}" * 32,
        epoch=epoch,
        system_identifier="1",
        timeline=1,
        time=NOON,
        previous=None,
        key_id="ab" * 32,
    )


def raised(epoch: int, from_epoch: int, log_size: int) -> AuthorityRecovery:
    """Return a raise that the database knows of."""
    return AuthorityRecovery(
        tenant_id=TENANT,
        epoch=epoch,
        from_epoch=from_epoch,
        log_size=log_size,
        witnessed_size=None,
        began_at=NOON,
    )


# The first restore left 40 of 60 entries, and epoch 2 went on to 50; the second one is of 100.
HELD = [seen(1, 30), seen(1, 60), seen(2, 45), seen(2, 50)]


@pytest.mark.parametrize(
    ("epoch", "recoveries"),
    [(1, []), (3, [raised(3, 1, 100)]), (4, [raised(4, 3, 100), raised(3, 1, 100)])],
)
def test_a_second_restore_to_more_is_held_against_no_epoch_that_the_database_never_had(
    epoch: int, recoveries: Sequence[AuthorityRecovery]
) -> None:
    assert comparable(HELD, epoch, 100, recoveries) == {30: "01" * 32, 60: "01" * 32}


def test_a_log_is_held_against_every_epoch_that_it_went_through() -> None:
    known = [raised(3, 2, 50), raised(2, 1, 40)]
    sizes = {30: "01" * 32, 45: "02" * 32, 50: "02" * 32}
    assert comparable(HELD, 3, 70, known) == sizes
    assert comparable(HELD, 2, 70, known[1:]) == sizes


def test_what_was_witnessed_beyond_a_restore_or_the_log_says_nothing() -> None:
    assert set(comparable(HELD, 2, 48, [raised(2, 1, 40)])) == {30, 45}
    assert set(comparable(HELD, 3, 70, [raised(3, 2, 47), raised(2, 1, 40)])) == {30, 45}
    assert set(comparable(HELD, 1, 59, [])) == {30}
