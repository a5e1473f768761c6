"""Runs a tool, once, and reports how it ended. A tool is run here and nowhere else."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Final

from placet.replay.calls.model import CallStatus
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk.answers import Prepared, ReceiptAnswer
from placet.sdk.endpoints import NextRequest
from placet.sdk.gate import Gate
from placet.sdk.notes import Notes
from placet.sdk.permits import Permit, last_look
from placet.sdk.reports import Ran, cite, did, fell, never_begun, noted, report
from placet.sdk.session import Session
from placet.sdk.tool import Tool

PlainRunner = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a plain callable somewhere, and lets its result be awaited."""

plain_runner: Final[ContextVar[PlainRunner]] = ContextVar(
    "placet_plain_runner", default=asyncio.to_thread
)
"""Where plain tools run: in a thread, unless the caller has a place of its own for them."""


class Ahead:
    """The model request that follows a run: its preflight goes along with the run's receipt."""

    def __init__(self, request: Callable[[object, Exception | None], NextRequest]) -> None:
        """Take what makes the request out of the tool's result, or out of what it raised."""
        self._request = request
        self.prepared: Prepared | None = None
        self.fault: Exception | None = None

    def __repr__(self) -> str:
        """Show whether it was prepared."""
        return f"Ahead(prepared={self.prepared is not None})"

    def request(self, result: object, fault: BaseException | None) -> NextRequest | None:
        """Return the request; none where there will be none, because the program is ending.

        What the program raises while it makes it is kept as `fault`: the run's receipt does not
        wait for it.
        """
        if fault is not None and not isinstance(fault, Exception):
            return None
        try:
            return self._request(result, fault)
        except Exception as wrong:  # noqa: BLE001 -- whoever asked for the request raises it
            self.fault = wrong
            return None


async def run(
    session: Session,
    tool: Tool,
    permit: Permit,
    gate: Gate | None = None,
    ahead: Ahead | None = None,
) -> object:
    """Run the tool, report how it ended, and return its result or raise its exception.

    The last look at the lease and the grant is taken where the tool is begun, which for a plain
    tool may be long after it was handed to a thread: raises `LeaseLost` and `GrantRefused` as
    `last_look` does. What was not begun by then never is; `gate` tells which it was. A tool that
    ran out of time is reported as `timed_out`: it may have worked. So is one whose caller was
    cancelled; it goes on, and its end is told too, unless its contract says `cancel: safe`: then it
    is cancelled with its caller, and with the lease. With `ahead`, the receipt of a tool that was
    begun carries the preflight of what follows.
    """
    return await _Run(session, tool, permit, Gate() if gate is None else gate, ahead).run()


class _Run:
    """One tool that is run once, and what it says of itself meanwhile."""

    def __init__(
        self, session: Session, tool: Tool, permit: Permit, gate: Gate, ahead: Ahead | None
    ) -> None:
        self._ahead = ahead
        self._session = session
        self._tool = tool
        self._permit = permit
        self._gate = gate
        self._notes = Notes()
        self._started_at = self._now()

    async def run(self) -> object:
        try:
            result = await self._work()
        except BaseException as fault:
            if not self._gate.shut():
                await self._report(self._fell(fault), self._following(None, fault))
            elif self._permit.is_ours:
                await self._report(never_begun(self._now()))
            self._session.expect_none(self._permit.context.call_id)
            raise
        await self._report(self._did(result), self._following(result, None))
        return result

    def _following(self, result: object, fault: BaseException | None) -> NextRequest | None:
        return None if self._ahead is None else self._ahead.request(result, fault)

    async def _work(self) -> object:
        tool, permit = self._tool, self._permit
        if tool.is_async:
            if permit.is_reported:
                await self._session.note_handed_out(permit.context.call_id)
            # A cancellation that came meanwhile is heard here, before the tool is begun.
            await asyncio.sleep(0)
            work = asyncio.ensure_future(self._asynchronous())
            if permit.may_cancel or not permit.is_reported:
                return await self._cancellable(work)
        else:
            work = asyncio.ensure_future(self._threaded())
        try:
            result = await asyncio.shield(work)
        except asyncio.CancelledError:
            if not self._gate.shut():
                late = asyncio.ensure_future(self._report_late(work))
                self._session.outlive(late, until=permit.expires_at)
            raise
        return result

    async def _threaded(self) -> object:
        """Run a plain callable; what it returns to be awaited is the tool, and goes on likewise."""
        result = await plain_runner.get()(self._plain)
        if not inspect.isawaitable(result):
            return result
        return await self._tool.finish(result, self._permit.context, self._notes)

    async def _cancellable(self, work: "asyncio.Future[object]") -> object:
        """Await a tool that ends with its caller, and with the lease that it was begun under."""
        if not self._permit.is_reported:
            return await work
        lease, loop = self._session.lease, asyncio.get_running_loop()
        try:
            with lease.telling(lambda: loop.call_soon_threadsafe(work.cancel)):
                return await work
        except asyncio.CancelledError as fault:
            task = asyncio.current_task()
            if lease.is_lost and (task is None or not task.cancelling()):
                raise LeaseLost(detail="its tool was cancelled with the lease") from fault
            raise

    def _may_begin(self) -> bool:
        last_look(self._session, self._permit)
        return self._gate.begin()

    async def _asynchronous(self) -> object:
        if not self._may_begin():
            return None
        return await self._tool.call_async(
            self._permit.arguments, self._permit.context, self._notes
        )

    def _plain(self) -> object:
        if self._permit.is_reported:
            self._session.note_begun(self._permit.context.call_id)
        # Nobody waits for one that was given up while it stood in line.
        if not self._may_begin():
            return None
        return self._tool.call(self._permit.arguments, self._permit.context, self._notes)

    async def _report_late(self, work: "asyncio.Future[object]") -> None:
        await asyncio.wait([work])
        if work.cancelled():
            return
        fault = work.exception()
        ran = self._did(work.result()) if fault is None else self._fell(fault)
        answer = await self._report(ran)
        if answer is not None and answer.call_status == CallStatus.UNKNOWN:
            await cite(self._session, answer, ran.status)

    def _did(self, result: object) -> Ran:
        return noted(did(result, self._started_at, self._now()), self._notes)

    def _fell(self, fault: BaseException) -> Ran:
        ran = fell(fault, self._started_at, self._now(), is_grave=self._permit.is_grave)
        return noted(ran, self._notes)

    async def _report(self, ran: Ran, following: NextRequest | None = None) -> ReceiptAnswer | None:
        if not self._permit.is_reported:
            return None
        answer = await report(self._session, self._permit.subject, ran, following)
        if self._ahead is not None and answer is not None and following is not None:
            self._ahead.prepared = answer.next
        return answer

    def _now(self) -> datetime:
        return self._session.means.clock.now()
