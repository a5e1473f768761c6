"""Reading what a bundle is to be of."""

from datetime import UTC, datetime

from placet.audit.bundles.model import BundleQuery, ScopeUnclear
from placet.evidence.bundle import BundleScope, ScopeKind


def scope_of(asked: BundleQuery) -> BundleScope:
    """Return the scope that the parameters name. Refuses `scope_unclear`."""
    is_window = asked.since is not None or asked.until is not None
    named = [asked.session_id is not None, asked.approval_id is not None, is_window]
    if sum(named) > 1:
        raise ScopeUnclear(detail="a bundle is of one session, one approval or one window of time")
    if not is_window and (asked.agent is not None or asked.tool is not None):
        raise ScopeUnclear(detail="`agent` and `tool` narrow a window of time")
    if is_window:
        since, until = _time(asked.since, "from"), _time(asked.until, "to")
        if until < since:
            raise ScopeUnclear(detail="`to` lies before `from`")
        return BundleScope(
            kind=ScopeKind.INCIDENT, since=since, until=until, agent=asked.agent, tool=asked.tool
        )
    if asked.session_id is not None:
        return BundleScope(kind=ScopeKind.SESSION, session_id=asked.session_id)
    if asked.approval_id is not None:
        return BundleScope(kind=ScopeKind.APPROVAL, approval_id=asked.approval_id)
    return BundleScope(kind=ScopeKind.TENANT)


def _time(given: datetime | None, name: str) -> datetime:
    if given is None:
        raise ScopeUnclear(detail=f"a window of time has two ends, and `{name}` is missing")
    if given.tzinfo is None:
        raise ScopeUnclear(detail=f"`{name}` names no time zone")
    try:
        return given.astimezone(UTC)
    except OverflowError as fault:
        raise ScopeUnclear(detail=f"`{name}` is no time of this calendar in UTC") from fault
