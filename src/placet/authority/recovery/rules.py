"""Whether a log is the one that was witnessed, and how a lost range is shown: pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from placet.authority.recovery.model import (
    AuthorityRecovery,
    CloseRecovery,
    RecoveryUnfinished,
    RecoveryView,
)
from placet.authority.recovery.witness import Witnessed
from placet.evidence.checkpoint import CheckpointPayload

TOLD_MAX: Final = 10
"""How much of what is open a refusal says in words; its members name all."""


def next_epoch(epoch: int, witnessed: Iterable[Witnessed], seconds: int) -> int:
    """Return the epoch above the database's and above all that was kept outside.

    It is at least the database's time in `seconds` since 1970. A second restore, to before an
    earlier raise, knows nothing of that one, and would give its epoch once more.
    """
    seen = [one.epoch for file in witnessed for one in file.checkpoints]
    return max(max([epoch, *seen]) + 1, seconds)


def find_newer(epoch: int, size: int, newest: CheckpointPayload | None) -> str | None:
    """Say how a checkpoint is newer than a log of this epoch and size; None where it is not.

    One of an earlier epoch is none of these: a raise of the epoch has taken note of it.
    """
    if newest is None or newest.epoch < epoch:
        return None
    if newest.epoch > epoch:
        return f"the witness has seen epoch {newest.epoch}, and the database stands in {epoch}"
    if newest.size > size:
        return f"the witness has seen {newest.size} entries, and the log has {size}"
    return None


def comparable(
    checkpoints: Sequence[CheckpointPayload],
    epoch: int,
    size: int,
    recoveries: Sequence[AuthorityRecovery],
) -> dict[int, str]:
    """Return the roots, in hex, that a log of this epoch and size must have had, by size.

    What was witnessed beyond a point to which the database was taken back is of a history that is
    lost, and says nothing of this one. So is all that was witnessed of an epoch into which the
    database had not come when it was taken back: in it the log may have gone on from fewer entries.
    """
    wanted: dict[int, str] = {}
    for one in checkpoints:
        later = [raised for raised in recoveries if raised.epoch > one.epoch]
        if epoch < one.epoch or any(raised.from_epoch < one.epoch for raised in later):
            continue
        if one.size <= min([size, *(raised.log_size for raised in later)]):
            wanted[one.size] = one.root
    return wanted


def find_other(wanted: Mapping[int, str], roots: Mapping[int, str]) -> str | None:
    """Say which checkpoint that was kept outside the log does not lead to; None for none."""
    for size in sorted(wanted):
        if roots.get(size) != wanted[size]:
            return f"the first {size} entries of the log do not hash to what was witnessed"
    return None


def unfinished(ranges: Sequence[AuthorityRecovery], asked: CloseRecovery) -> RecoveryUnfinished:
    """Return the refusal to close these lost ranges, with everything that is still open."""
    untold = [one.epoch for one in ranges if one.told_seq is None]
    ends = [] if asked.is_repeated else [end for one in ranges for end in one.lost_ends]
    told = [f"the restore of epoch {epoch} broke off" for epoch in untold]
    told += [f"{end.type} of {end.target} is to be repeated" for end in ends]
    if len(told) > TOLD_MAX:
        told = [*told[:TOLD_MAX], f"and {len(told) - TOLD_MAX} more"]
    return RecoveryUnfinished(detail="; ".join(told), untold_epochs=untold, lost_ends=ends)


def view_of(recovery: AuthorityRecovery) -> RecoveryView:
    """Return a lost range without the tenant, which the reader knows."""
    return RecoveryView(
        epoch=recovery.epoch,
        from_epoch=recovery.from_epoch,
        log_size=recovery.log_size,
        witnessed_size=recovery.witnessed_size,
        began_at=recovery.began_at,
        closed_at=recovery.closed_at,
        closed_by=recovery.closed_by,
        close_reason=recovery.close_reason,
        is_told=recovery.told_seq is not None,
        lost_ends=recovery.lost_ends,
    )
