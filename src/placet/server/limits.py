"""Every limit of the door, and the refusals that name them."""

from typing import Final

from placet.kernel.refusals import Malformed, TooLarge, Unavailable

BODY_BYTES_MAX: Final = 1024 * 1024
"""Bytes of a body. A route that takes more says so."""

HEAD_BYTES_MAX: Final = 32 * 1024
"""Bytes of a request line and its headers together."""

HEAD_SECONDS: Final = 4.0
"""From the connection, or from a request's first byte, to the end of its headers."""

BODY_SECONDS: Final = 4.0
"""From a request's headers to the end of its body."""

LINGER_SECONDS: Final = 8.0
"""From a request's headers until a connection whose body still goes on is cut."""

STALL_SECONDS: Final = 60.0
"""How long a client may leave unread what waits to be sent, before its connection is cut."""

REQUESTS_MAX: Final = 256
"""Requests being answered at one time, in one process."""

CONNECTIONS_MAX: Final = 1024
"""Open connections of one process."""

IDLE_SECONDS: Final = 30
"""How long a connection may stay open between requests."""

GRACE_SECONDS: Final = 3
"""How long a stop waits for the requests that are being answered."""

REQUEST_ID_MAX: Final = 128
"""Characters of a request id that a client chose."""


class RequestIncomplete(Malformed):
    """The request did not arrive completely in time."""

    hint = "send headers and body within four seconds each"


class HeadersTooLarge(TooLarge):
    """The request line and headers are larger than is taken here."""

    hint = "a request line and its headers may have 32 KiB together"


class TooBusy(Unavailable):
    """More requests are being answered than this process takes."""

    hint = "try again after the time in Retry-After"
