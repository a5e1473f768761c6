"""The bounds of following a session, and the refusal that names them."""

from typing import Final

from placet.kernel.refusals import Unavailable

LIFE_SECONDS: Final = 300.0
"""How long one stream lives."""

HEARTBEAT_SECONDS: Final = 15.0
"""How long a stream is silent at most."""

TICK_SECONDS: Final = 1.0
"""How often the sessions that are followed are looked at."""

PAGE: Final = 100
"""Events read at a time."""

WATCHERS_MAX: Final = 256
"""Streams of one process that live at one time."""

WATCHERS_OF_TENANT_MAX: Final = 64
"""Those of them that are one tenant's."""


class TooManyWatchers(Unavailable):
    """More streams of events are open than this process gives out."""

    hint = "read the events page by page, or try again after the time in Retry-After"
