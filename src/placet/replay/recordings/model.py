"""A recorded call, a session of them, and which of them are asked for."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.replay.calls.model import (
    CallStatus,
    ExecutionState,
    ReasonView,
    ReceiptStatus,
    Verdict,
)

CALLS_MAX: Final = 20_000
"""Calls of one window that are read, whatever is asked for."""

SESSIONS_MAX: Final = 5_000
"""Sessions of one window that are looked at."""

BYTES_MAX: Final = 64 * 1024 * 1024
"""Arguments and outputs of one window, in bytes."""

OPENED_BEFORE_MAX: Final = timedelta(days=30)
"""How long before a window a session may have been opened that called in it."""

TEXT_BYTES_MAX: Final = 64 * 1024
"""The arguments or the output of one call, in bytes."""


class RecordedCall(Value, frozen=True):
    """A call as it was proposed, what was decided then, and what is known of its outcome.

    `arguments` are JSON text in foreign form, as they came where they were malformed, null where
    there was too much of them; so is `output` where none was kept. `settled_at` and `told_at` are
    when the call was settled, and when the receipt behind `told` came.
    """

    session_id: UUID
    call_id: UUID
    step_id: int
    ordinal: int
    tool_name: str
    arguments: bytes | None
    arguments_hash: bytes
    verdict: Verdict
    layer: int | None
    reasons: list[ReasonView]
    status: CallStatus
    execution_state: ExecutionState
    proposed_at: datetime
    granted_at: datetime | None
    grant_expires_at: datetime | None
    settled_at: datetime | None
    told: ReceiptStatus | None
    told_at: datetime | None
    output: bytes | None


class Recording(Value, frozen=True):
    """One session's calls, in the order of their proposal, before `until`.

    Those before `since` are there for what the later ones rest on, and do not count by themselves.
    """

    session_id: UUID
    until: datetime
    calls: list[RecordedCall]
    since: datetime | None = None

    def counted(self) -> list[RecordedCall]:
        """Return the calls that count."""
        since = self.since
        return [one for one in self.calls if since is None or one.proposed_at >= since]


class Window(Value, frozen=True):
    """Which recordings are asked for: sessions that called from `since` on and before `until`.

    Nothing that happened at or after `until` is in them. At most `calls_max` calls are read, those
    of the newest sessions, what a session called before `since` among them.
    """

    agent: str
    environment: Environment
    since: datetime
    until: datetime
    calls_max: int


class Found(Value, frozen=True):
    """What a window holds: how many of its sessions were taken, and whether anything was left.

    `calls` are those within the window that were read. `artifact_ids` are those that the sessions
    were pinned to.
    """

    recordings: list[Recording]
    artifact_ids: frozenset[UUID]
    sessions: int
    calls: int
    is_truncated: bool


class SessionCount(Value, frozen=True):
    """How many calls a session has before the end of a window, and how many of them within it.

    `artifact_id` is what it is pinned to.
    """

    session_id: UUID
    artifact_id: UUID
    calls: int
    within: int
