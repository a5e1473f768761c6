"""What is told of calls that ran without a grant, and what is answered."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.kernel.value import Input, Value
from placet.replay.sessions.model import SessionStatus

CALLS_MAX: Final = 100_000


class ReportUnguarded(Input, frozen=True):
    """So many calls ran without a grant, the first of them at `since` by the reporter's clock."""

    calls: Annotated[int, msgspec.Meta(ge=1, le=CALLS_MAX)]
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class UnguardedAnswer(Value, frozen=True):
    """The session as the report left it: `unguarded` is how many calls were told of in all.

    `stopped` is the limit that stopped the session for ever, where the report reached it.
    """

    session_id: UUID
    status: SessionStatus
    unguarded: int
    state_version: int
    control_revision: int
    stopped: str | None = None
    replayed: bool = False
