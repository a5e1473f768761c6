"""When a checkpoint is due, and how one is shown."""

from datetime import datetime

from placet.authority.checkpoints.model import (
    AGE_MAX,
    ENTRIES_MAX,
    Checkpoint,
    CheckpointView,
)


def is_due(owed: int, last: Checkpoint | None, now: datetime) -> bool:
    """Tell whether a checkpoint is due, given the size up to which one is owed."""
    if last is None:
        return owed > 0
    if owed <= last.size:
        return False
    return owed - last.size >= ENTRIES_MAX or now - last.at >= AGE_MAX


def view_of(checkpoint: Checkpoint) -> CheckpointView:
    """Return a checkpoint as it is offered."""
    return CheckpointView(
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        epoch=checkpoint.epoch,
        at=checkpoint.at,
        envelope=checkpoint.envelope.decode(),
    )
