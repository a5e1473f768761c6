"""A session as this process holds it: its life, its lease, and what may be begun in it."""

import asyncio
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from placet.evidence.fields import Fence
from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.replay.sessions.refusals import LeaseLost, NoAuthority
from placet.sdk.answers import SessionAnswer
from placet.sdk.aside import aside
from placet.sdk.attach import Attached, attach, detach, posture_without
from placet.sdk.errors import OutboxFull
from placet.sdk.lease import Lease, Term
from placet.sdk.means import Means, Opening
from placet.sdk.outbox import LOG
from placet.sdk.plan import Posture, decide_posture, strictest

if TYPE_CHECKING:
    from placet.evidence.ed25519 import PublicKey

ALONE_SECONDS = 5.0
"""After a request that nobody answered, development does not ask again for so long."""


class Holding:
    """What one process knows of a session that it holds, or runs without the service."""

    def __init__(self, means: Means, opening: Opening) -> None:
        """Take what the client works with, and which session is wanted."""
        self.means = means
        self.unguarded = 0
        self.captured = 0
        self.phase: str | None = None
        self._opening = opening
        self._attached: Attached | None = None
        self._detached: Posture | None = None
        self._alone_until = float("-inf")
        self._late: dict[asyncio.Task[object], float] = {}
        self._begun: set[UUID] = set()
        self._is_left = False

    def __repr__(self) -> str:
        """Show which session it is and how it stands."""
        if self._attached is None:
            return f"Session({'not open' if self._detached is None else self._detached.value})"
        view = self._attached.view
        return (
            f"Session({view.session_id}, {view.agent}@{view.environment.value}, mode={view.mode}, "
            f"phase={self.phase}, {self._attached.lease!r})"
        )

    async def __aenter__(self) -> Self:
        """Open or find the session and take its lease. Raises as `attach.attach` does.

        Where nobody answers, or nothing is approved, and the environment lets tools run all the
        same, the session is entered without the service.
        """
        if self._attached is not None or self._detached is not None:
            message = "a session is entered once; ask the client for another with its id"
            raise RuntimeError(message)
        try:
            self._attached = await attach(self.means, self._opening)
            self.phase = self._attached.view.current_phase
        except (GovernanceUnavailable, NoAuthority) as refusal:
            self._detached = await posture_without(self.means, refusal)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Begin nothing more, wait for tools that still run, deliver, and give the lease back."""
        self._is_left = True
        try:
            await self._wait_for_late()
        finally:
            if self._attached is not None:
                await detach(self.means, self._attached)

    @property
    def attached(self) -> Attached:
        """Return what this process holds. Raises `GovernanceUnavailable` without the service."""
        if self._attached is None:
            raise GovernanceUnavailable(detail="this session is not attached to the service")
        return self._attached

    @property
    def is_attached(self) -> bool:
        """Tell whether the service governs this session."""
        return self._attached is not None

    @property
    def view(self) -> SessionAnswer:
        """Return the session as it was when it was entered."""
        return self.attached.view

    @property
    def session_id(self) -> UUID:
        """Return the session's id."""
        return self.attached.view.session_id

    @property
    def lease(self) -> Lease:
        """Return the lease as this process knows it."""
        return self.attached.lease

    @property
    def fence(self) -> Fence:
        """Return the fence of the lease."""
        return self.check().fence

    @property
    def keys(self) -> "tuple[PublicKey, ...]":
        """Return the keys that sign grants."""
        return self.attached.keys.known

    @property
    def owed(self) -> int:
        """Return how many receipts are still to be delivered."""
        return 0 if self._attached is None else len(self._attached.outbox)

    @property
    def environment(self) -> Environment:
        """Return the strictest environment that anything here knows of; production by default."""
        found = None if self._attached is None else self._attached.view.environment
        return strictest(self.means.environment, found)

    def check(self) -> Term:
        """Return the lease's term if work may be begun now. Raises `LeaseLost` otherwise."""
        self.check_open()
        return self.attached.lease.check(self.means.clock.monotonic())

    def check_open(self) -> None:
        """Raise `LeaseLost` once the session is left, and what the service said if it ended it."""
        if self._is_left:
            raise LeaseLost(detail="this session was left")
        if self._attached is not None:
            self._attached.lease.check_open()

    def claim(self, call_id: UUID) -> bool:
        """Return whether nobody has begun this call here before; from now on somebody has.

        Whoever claims a call is the only one to begin it, and to say that it was not begun.
        """
        is_first = call_id not in self._begun
        self._begun.add(call_id)
        return is_first

    def expect_none(self, call_id: UUID) -> None:
        """Say that there will be no receipt of a call that was about to be begun."""
        if self._attached is not None:
            self._attached.outbox.expect_none(call_id)

    def note_begun(self, call_id: UUID) -> None:
        """Write into the journal, if there is one, that a call is about to be begun. Blocking.

        Raises `JournalError`; then it may not be begun. May be called from any thread.
        """
        if self._attached is not None and self._attached.journal is not None:
            self._attached.journal.begins(call_id)

    async def note_alone(self) -> None:
        """Write into the journal, if there is one, that a tool runs for a call that it cannot name.

        The service may have granted it, and its answer was lost. Raises as `note_begun` does.
        """
        if self._attached is not None and self._attached.journal is not None:
            doubts, fence = self._attached.journal.doubts, self._attached.lease.fence
            await aside(partial(doubts, fence))

    def is_noted(self, call_id: UUID) -> bool:
        """Tell whether the journal, if there is one, knows that a call may be begun."""
        journal = None if self._attached is None else self._attached.journal
        return journal is not None and journal.may_have_begun(call_id)

    @property
    def has_journal(self) -> bool:
        """Tell whether what is begun here is written down first."""
        return self._attached is not None and self._attached.journal is not None

    def posture_alone(self, fault: GovernanceUnavailable | LeaseLost | OutboxFull) -> Posture:
        """Return how a call is treated whose request nobody answered. Raises `fault` for *not*.

        A lease that ran out because no renewal was answered is the same case, and so are receipts
        that nobody took. A lease that somebody else took is not, and neither is a session that was
        killed.
        """
        self.check_open()
        if isinstance(fault, LeaseLost | OutboxFull) and not self.lease.is_unanswered:
            raise fault
        posture = decide_posture(self.environment, None, reachable=False)
        if posture is not Posture.UNGUARDED:
            raise fault
        self._alone_until = self.means.clock.monotonic() + ALONE_SECONDS
        return posture

    def posture_now(self) -> Posture | None:
        """Return how tools run without the service at this moment, or none while it is asked.

        Raises as `check_open` does.
        """
        self.check_open()
        if self.means.clock.monotonic() < self._alone_until:
            return Posture.UNGUARDED
        return self._detached

    def count_unguarded(self) -> None:
        """Count a call that runs without a grant; the service is told once it answers again."""
        self.unguarded += 1
        if self._attached is not None:
            self._attached.unguarded.ran()

    def outlive(self, task: "asyncio.Task[object]", until: datetime | None = None) -> None:
        """Wait for this task before the session is left, but not after `until` by the service."""
        now = self.means.clock.monotonic()
        term = None if self._attached is None else self._attached.lease.term
        seconds = float("inf")
        if until is not None and term is not None:
            seconds = (until - term.service_time(now)).total_seconds()
        self._late[task] = now + seconds
        task.add_done_callback(lambda done: self._late.pop(done, None))

    async def _wait_for_late(self) -> None:
        while self._late:
            left = max(self._late.values()) - self.means.clock.monotonic()
            if left <= 0:
                LOG.error("%d tools still run, and nobody waits for them", len(self._late))
                return
            timeout = None if left == float("inf") else left
            await asyncio.wait(
                list(self._late), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
