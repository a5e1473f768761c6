"""When a key lies ready, and when it takes over."""

from datetime import datetime, timedelta
from typing import Final

from placet.authority.key_changes.model import KeyInFile, Turn
from placet.authority.model import KeyPurpose

LEAD: Final = timedelta(hours=1)
"""How long a key is listed before it signs, so that whoever checks grants offline knows it."""

GRANT_KEY_LIFE: Final = timedelta(hours=24)


def decide_turn(
    purpose: KeyPurpose, current: KeyInFile, ready: KeyInFile | None, now: datetime
) -> Turn:
    """Return what is next for the keys of one purpose, `now` being the database's clock."""
    if ready is None:
        return Turn.MAKE if current.is_ended or _is_old(purpose, current, now) else Turn.NOTHING
    if ready.is_ended:
        return Turn.DISCARD
    if ready.listed_at is None:
        return Turn.LIST
    if current.is_ended or now - ready.listed_at >= LEAD:
        return Turn.TAKE_OVER
    return Turn.NOTHING


def _is_old(purpose: KeyPurpose, current: KeyInFile, now: datetime) -> bool:
    """Tell whether a grant key's day is nearly over. Other keys are changed by people alone."""
    if purpose is not KeyPurpose.GRANT or current.listed_at is None:
        return False
    return now - current.listed_at >= GRANT_KEY_LIFE - LEAD
