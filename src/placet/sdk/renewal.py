"""Renews a lease from a thread of its own, so that a blocked event loop loses no lease.

The thread has its own connections and its own event loop, and touches nothing of the session but
its lease and its outbox. It ends with the process, and never keeps it alive.
"""

import asyncio
import threading
from functools import partial
from typing import Final
from uuid import UUID

from placet.kernel.refusals import Action, Refusal, Unavailable
from placet.replay.sessions.lease_model import ChangeLease, LeaseAction
from placet.sdk.aside import aside
from placet.sdk.caller import Caller
from placet.sdk.endpoints import Endpoints
from placet.sdk.lease import Lease, next_renewal, term_of
from placet.sdk.outbox import LOG, Outbox
from placet.sdk.retry import Patience
from placet.sdk.unguarded import Unguarded

_OWED_PAUSE: Final = 1.0
_STOP_SECONDS: Final = 2.0


class Renewal:
    """The renewals of one session's lease, from `start` to `stop`."""

    def __init__(
        self, caller: Caller, session_id: UUID, lease: Lease, owed: tuple[Outbox, Unguarded]
    ) -> None:
        """Take a caller that this thread alone uses, and what it keeps alive and delivers."""
        self._caller = caller
        self._session_id = session_id
        self._lease = lease
        self._outbox, self._unguarded = owed
        self._stop = threading.Event()
        name = f"placet-lease-{session_id}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __repr__(self) -> str:
        """Show the session and whether the thread lives."""
        alive = "running" if self._thread.is_alive() else "stopped"
        return f"Renewal({self._session_id}, {alive})"

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    async def stop(self) -> None:
        """End the renewals; one that is under way is waited for, but not for long."""
        self._stop.set()
        await aside(partial(self._thread.join, _STOP_SECONDS))

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            failed = False
            while not self._stop.wait(self._pause(failed=failed)):
                failed = not self._held(runner)
            runner.run(self._caller.close())

    def _held(self, runner: asyncio.Runner) -> bool:
        try:
            return runner.run(self._tick())
        except Exception:  # noqa: BLE001 -- without this thread the lease ends
            LOG.exception("session %s was not renewed; it is tried again", self._session_id)
            return False

    def _pause(self, *, failed: bool) -> float:
        """Return the seconds to the next tick: a renewal, or a second for what is still owed."""
        term = self._lease.term
        if term is None or self._lease.is_lost:
            return _OWED_PAUSE
        pause = next_renewal(term, self._caller.clock.monotonic(), failed=failed)
        return _OWED_PAUSE if pause is None else pause

    async def _tick(self) -> bool:
        """Renew if there is something to renew, then deliver what is owed. True if it held."""
        term = self._lease.term
        if term is None:
            return True
        patience = Patience(total=0.0, attempt=max(term.ttl_seconds / 3, 0.5))
        endpoints = Endpoints(self._caller, patience)
        held = self._lease.is_lost or await self._renew(endpoints, patience)
        if held and len(self._outbox):
            await self._outbox.deliver(endpoints, patience)
        if held and len(self._unguarded):
            await self._unguarded.tell(endpoints, patience)
        return held

    async def _renew(self, endpoints: Endpoints, patience: Patience) -> bool:
        term = self._lease.term
        if term is None:
            return False
        change = ChangeLease(
            action=LeaseAction.RENEW,
            holder=self._lease.holder,
            request_id=self._caller.ids.new(),
            ttl_seconds=int(term.ttl_seconds),
        )
        try:
            answer, heard = await endpoints.lease(
                self._session_id, change, self._lease.binding, patience
            )
        except Refusal as refusal:
            if refusal.action is Action.STOP and type(refusal) is not Refusal:
                self._lease.lose(refusal)
            else:
                self._lease.miss(unanswered=isinstance(refusal, Unavailable))
            return False
        self._lease.begin(term_of(answer, heard.sent, heard.received), answer.binding)
        return True
