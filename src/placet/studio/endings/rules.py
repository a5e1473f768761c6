"""What an approval counts for at a moment, and when somebody is to be told of its end."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from placet.evidence.vote import VotePurpose
from placet.plans.model import EndingKind
from placet.studio.endings.model import (
    WARNING_DAYS,
    ApprovalEnding,
    ApprovalStatus,
    EndingShown,
)


def status_of(
    endings: Sequence[ApprovalEnding],
    expires_at: datetime | None,
    now: datetime,
    *,
    is_pointed_at: bool,
    purpose: VotePurpose = VotePurpose.ORDINARY,
) -> ApprovalStatus:
    """Return what an approval counts for at `now`.

    `endings` are its own, `is_pointed_at` whether its workspace points at it. The clock decides
    that it expired, whether or not anybody has written that down. One for break-glass stands by
    until it ends, activated or not.
    """
    if any(ending.kind is EndingKind.REVOKED for ending in endings):
        return ApprovalStatus.REVOKED
    if expires_at is not None and expires_at <= now:
        return ApprovalStatus.EXPIRED
    if purpose is VotePurpose.BREAK_GLASS:
        return ApprovalStatus.STANDBY
    return ApprovalStatus.IN_FORCE if is_pointed_at else ApprovalStatus.SUPERSEDED


def shown_ending(endings: Sequence[ApprovalEnding]) -> EndingShown | None:
    """Return the ending that others see: the revocation, where there is one."""
    if not endings:
        return None
    told = max(endings, key=lambda ending: ending.kind is EndingKind.REVOKED)
    return EndingShown(
        kind=told.kind, reason=told.reason, ended_by=told.ended_by, ended_at=told.ended_at
    )


def warning_due(approved_at: datetime, expires_at: datetime, now: datetime) -> int | None:
    """Return the nearest warning whose moment has come, in days before the end, or None.

    One whose moment lies before the approval itself is never given.
    """
    due = [days for days, at in _warnings(approved_at, expires_at) if at <= now < expires_at]
    return min(due, default=None)


def next_moment(approved_at: datetime, expires_at: datetime, now: datetime) -> datetime:
    """Return when an approval that has not ended is to be looked at next."""
    later = [at for _, at in _warnings(approved_at, expires_at) if at > now]
    return min(later, default=expires_at)


def _warnings(approved_at: datetime, expires_at: datetime) -> list[tuple[int, datetime]]:
    moments = [(days, expires_at - timedelta(days=days)) for days in WARNING_DAYS]
    return [(days, at) for days, at in moments if at > approved_at]
