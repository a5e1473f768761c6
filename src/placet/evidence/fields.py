"""The kinds of field that signed documents are made of."""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

from placet.kernel.value import Input

NUMBER_MAX: Final = 2**53 - 1
NAME_MAX: Final = 200

Count = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
"""A whole number from 0 that every JSON parser reads exactly."""

Ordinal = Annotated[int, msgspec.Meta(ge=1, le=NUMBER_MAX)]
"""A whole number from 1."""

HexDigest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
"""32 bytes as 64 lower-case hexadecimal digits."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX)]
"""A name that people gave, of 1 to 200 characters."""

UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339 in UTC, written with `Z` and with six decimals of a second or none."""


class Fence(Input, frozen=True, order=True):
    """Whose turn it is to write: compared by `epoch` first and then by `n`.

    `n` rises with every grant of the lease, `epoch` with every restore of the database, so that a
    fence from before a restore never again looks new.
    """

    epoch: Count
    n: Count


class ControlSeen(Input, frozen=True):
    """The controls that were read when something was decided.

    `epoch` counts the controls of the whole tenant, `revision` those of the session.
    """

    epoch: Count
    revision: Count


def check_utc(*times: datetime) -> None:
    """Raise `ValueError` unless each time is in UTC, the one zone that signed times are in."""
    if any(time.utcoffset() != timedelta(0) for time in times):
        message = "a signed time is in UTC"
        raise ValueError(message)
