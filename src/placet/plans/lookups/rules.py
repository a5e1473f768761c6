"""The tag of a plan, and who is told that it still stands."""

import functools
from typing import Final

from placet import __version__
from placet.kernel.hashing import digest

KNOWN_MAX: Final = 4_096


@functools.lru_cache(KNOWN_MAX)
def tag_of(stamp: str | None) -> str:
    """Return the entity tag of what is known by this stamp, in its quotes.

    Another release may answer in another form, so its tags are others.
    """
    known_by = f"{__version__} {stamp}".encode()
    return f'"{digest("plan_answer", known_by).hex()}"'
