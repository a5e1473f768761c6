"""Moments as people write them on a command line."""

from datetime import UTC, datetime
from typing import Final

from placet.cli.exits import CommandRefused

FORM: Final = "such as 2026-03-01T00:00Z"


def moment(text: object) -> datetime | None:
    """Return the moment that a text names, in UTC where it names no offset; None for none.

    Takes a date, or a date and a time with or without seconds. Raises `CommandRefused`.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as fault:
        raise CommandRefused(
            detail=f"`{text}` is no time", remedy="write it as 2026-03-01T00:00Z"
        ) from fault
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
