"""Where a closed stream stands, by a policy."""

from datetime import datetime, timedelta

from placet.audit.retention.model import ClosedStream, Stand


def stand_of(stream: ClosedStream, days: int | None, now: datetime) -> Stand:
    """Return whether a stream's bodies are gone, due, or why neither. Without `days` none is due.

    What comes first in this order is told: nothing there, too young, unsettled, in no checkpoint,
    in no export.
    """
    if not stream.has_bodies:
        return Stand.ERASED
    if days is None or stream.closed_at + timedelta(days=days) > now:
        return Stand.YOUNG
    if stream.is_unsettled:
        return Stand.UNSETTLED
    if not stream.is_logged:
        return Stand.UNLOGGED
    return Stand.DUE if stream.is_exported else Stand.UNEXPORTED


def why_nothing(days: int | None, exports: int, log_size: int, *, is_exporting: bool) -> str | None:
    """Return why no stream of a class is erased, whichever it is, or None."""
    if days is None:
        return "no policy says that anything is to be erased"
    if exports == 0:
        return "no export was recorded; take one with `placet bundle export`"
    if log_size == 0:
        return "no checkpoint of the log was signed yet"
    if is_exporting:
        return "an export was begun and has not ended; one that was given up counts for an hour"
    return None
