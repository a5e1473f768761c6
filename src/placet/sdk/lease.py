"""How long work may be begun under a lease. Arithmetic, and one small box that threads share.

The service's clock decides when a lease ends; this process only knows when it asked. So a lease's
life is counted from the moment the request that granted or renewed it was *first* sent: it cannot
have been granted before. Work is begun in the first two thirds of that life only, which leaves the
last third for requests on their way.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from placet.evidence.fields import Fence
from placet.kernel.refusals import Refusal
from placet.kernel.value import Value
from placet.replay.sessions.lease_model import LeaseAnswer
from placet.replay.sessions.refusals import LeaseLost

WORK_SHARE: Final = 2 / 3
RENEW_SHARE: Final = 1 / 3
RETRY_SHARE: Final = 1 / 15


class Term(Value, frozen=True):
    """One granted or renewed life of a lease. Seconds of the monotone clock, but `expires_at`."""

    fence: Fence
    ttl_seconds: float
    sent: float
    received: float
    expires_at: datetime

    @property
    def works_until(self) -> float:
        """Return when the last piece of work may be begun."""
        return self.sent + self.ttl_seconds * WORK_SHARE

    @property
    def ends(self) -> float:
        """Return when the lease may have ended by the service's clock."""
        return self.sent + self.ttl_seconds

    @property
    def renews_at(self) -> float:
        """Return when a renewal is due."""
        return self.sent + self.ttl_seconds * RENEW_SHARE

    def service_time(self, now: float) -> datetime:
        """Return the latest that the service's clock can show at `now`.

        Its answer was made after the request was sent, so it is at least that much older.
        """
        granted_at = self.expires_at - timedelta(seconds=self.ttl_seconds)
        return granted_at + timedelta(seconds=now - self.sent)


def term_of(answer: LeaseAnswer, sent: float, received: float) -> Term:
    """Return the term that an answer begins; `sent` is when its request first went out."""
    return Term(
        fence=answer.fence,
        ttl_seconds=float(answer.ttl_seconds),
        sent=sent,
        received=received,
        expires_at=answer.lease_expires_at,
    )


def next_renewal(term: Term, now: float, *, failed: bool) -> float | None:
    """Return the seconds until the next renewal is sent, or none once the lease has surely ended.

    A failed renewal is tried again after a fifteenth of the life.
    """
    if now >= term.ends:
        return None
    if failed:
        return min(term.ttl_seconds * RETRY_SHARE, term.ends - now)
    return max(0.0, term.renews_at - now)


class Lease:
    """The lease of one session as this process knows it. Safe to read from every thread."""

    def __init__(self, holder: str) -> None:
        """Take the name under which the lease is held."""
        self.holder = holder
        self._lock = threading.Lock()
        self._term: Term | None = None
        self._binding: str | None = None
        self._binding_sent = float("-inf")
        self._lost: Refusal | None = None
        self._unanswered = False
        self._on_loss: dict[object, Callable[[], object]] = {}

    def __repr__(self) -> str:
        """Show who holds it, under which fence, and whether it is lost."""
        fence = "none" if self._term is None else f"{self._term.fence.epoch}.{self._term.fence.n}"
        state = ", lost" if self._lost is not None else ""
        return f"Lease(holder={self.holder!r}, fence={fence}{state})"

    @property
    def binding(self) -> str | None:
        """Return the latest binding, which goes into the next request."""
        return self._binding

    @property
    def term(self) -> Term | None:
        """Return the present term, or none before the first grant."""
        return self._term

    @property
    def fence(self) -> Fence | None:
        """Return the fence of the present term, also once it has ended; none before the first."""
        return None if self._term is None else self._term.fence

    def bind(self, binding: str | None, sent: float) -> None:
        """Keep the binding of an answer, unless that of a request sent later is already kept."""
        with self._lock:
            if binding is not None and sent >= self._binding_sent:
                self._binding, self._binding_sent = binding, sent

    def begin(self, term: Term, binding: str) -> None:
        """Take over a granted or renewed term. One that began earlier changes nothing."""
        with self._lock:
            if self._term is None or term.sent >= self._term.sent:
                self._term = term
            self._unanswered = False
        self.bind(binding, term.sent)

    @property
    def is_lost(self) -> bool:
        """Tell whether the service said that this lease is over."""
        return self._lost is not None

    @property
    def lost(self) -> Refusal | None:
        """Return what the service said when it ended this lease, or none while it has not."""
        return self._lost

    @property
    def is_unanswered(self) -> bool:
        """Tell whether the last renewal found no service to answer it."""
        return self._unanswered

    def check_open(self) -> None:
        """Raise what the service said when it ended the lease: `LeaseLost`, `SessionKilled`, …."""
        if self._lost is not None:
            raise self._lost.with_traceback(None)

    def lose(self, why: Refusal) -> None:
        """Remember for good that the service said why this lease is over."""
        with self._lock:
            self._lost = self._lost or why
            told, self._on_loss = self._on_loss, {}
        for tell in told.values():
            tell()

    @contextlib.contextmanager
    def telling(self, tell: Callable[[], object]) -> Iterator[None]:
        """Have `tell` called, from any thread, if the lease is lost meanwhile or was before."""
        place = object()
        with self._lock:
            self._on_loss[place] = tell
        try:
            if self._lost is not None:
                tell()
            yield
        finally:
            with self._lock:
                self._on_loss.pop(place, None)

    def miss(self, *, unanswered: bool) -> None:
        """Remember that a renewal failed; `unanswered` where no service was there."""
        self._unanswered = unanswered

    def check(self, now: float) -> Term:
        """Return the term if work may be begun at `now`.

        Raises as `check_open` does, and `LeaseLost` where two thirds of its life have passed.
        """
        self.check_open()
        term = self._term
        if term is None:
            raise LeaseLost(detail="no lease was granted to this session")
        if now >= term.works_until:
            raise LeaseLost(
                detail=f"two thirds of the lease of {term.ttl_seconds:g} s passed without a renewal"
            )
        return term
