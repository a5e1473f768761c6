"""Calls that ran without a grant while nobody answered, told once somebody does again."""

import threading
from datetime import datetime
from typing import Final
from uuid import UUID

from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.refusals import Exhausted, Refusal, Unavailable
from placet.kernel.value import Value
from placet.sdk.endpoints import Endpoints
from placet.sdk.outbox import LOG
from placet.sdk.retry import Patience

CALLS_MAX: Final = 100_000
"""Calls that one report tells of at most."""


class _Batch(Value, frozen=True):
    key: str
    calls: int
    since: datetime


class Unguarded:
    """What is still to be told of one session's unguarded calls. For any thread."""

    def __init__(self, session_id: UUID, clock: Clock, ids: Ids) -> None:
        """Take the session, and where time and ids come from."""
        self._session_id = session_id
        self._clock = clock
        self._ids = ids
        self._lock = threading.Lock()
        self._calls = 0
        self._since: datetime | None = None
        self._batch: _Batch | None = None

    def __repr__(self) -> str:
        """Show how many are still to be told."""
        return f"Unguarded({len(self)})"

    def __len__(self) -> int:
        """Return how many calls are still to be told of."""
        with self._lock:
            return self._calls + (0 if self._batch is None else self._batch.calls)

    def ran(self) -> None:
        """Count one more."""
        with self._lock:
            self._calls += 1
            self._since = self._since or self._clock.now()

    async def tell(self, endpoints: Endpoints, patience: Patience) -> None:
        """Tell of them if somebody answers. What is told again is the same report."""
        batch = self._next()
        if batch is None:
            return
        try:
            await endpoints.report_unguarded(
                self._session_id,
                calls=batch.calls,
                since=batch.since,
                key=batch.key,
                patience=patience,
            )
        except (Unavailable, Exhausted):
            return
        except Refusal as refusal:
            LOG.error("%d unguarded calls could not be told: %s", batch.calls, refusal)
        with self._lock:
            if self._batch is batch:
                self._batch = None

    def _next(self) -> _Batch | None:
        with self._lock:
            if self._batch is None and self._since is not None:
                calls = min(self._calls, CALLS_MAX)
                self._batch = _Batch(key=str(self._ids.new()), calls=calls, since=self._since)
                self._calls -= calls
                self._since = self._since if self._calls else None
            return self._batch
