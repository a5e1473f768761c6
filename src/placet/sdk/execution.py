"""Runs a tool, once, and reports how it ended. A tool is run here and nowhere else."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Final

from placet.sdk.gate import Gate
from placet.sdk.permits import Permit, last_look
from placet.sdk.reports import Ran, did, fell, never_begun, report
from placet.sdk.session import Session
from placet.sdk.tool import Tool

PlainRunner = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a plain callable somewhere, and lets its result be awaited."""

plain_runner: Final[ContextVar[PlainRunner]] = ContextVar(
    "placet_plain_runner", default=asyncio.to_thread
)
"""Where plain tools run: in a thread, unless the caller has a place of its own for them."""


async def run(session: Session, tool: Tool, permit: Permit, gate: Gate | None = None) -> object:
    """Run the tool, report how it ended, and return its result or raise its exception.

    The last look at the lease and the grant is taken where the tool is begun, which for a plain
    tool may be long after it was handed to a thread: raises `LeaseLost` and `GrantRefused` as
    `last_look` does. What was not begun by then never is; `gate` tells which it was. A tool that
    was cancelled or ran out of time is reported as `timed_out`: it may have worked. A plain tool's
    thread goes on after that, and its end is reported too.
    """
    passing = Gate() if gate is None else gate
    started_at = session.means.clock.now()
    try:
        result = await _work(session, tool, permit, passing, started_at)
    except BaseException as fault:
        now = session.means.clock.now()
        if not passing.shut():
            await _report(session, permit, fell(fault, started_at, now, is_grave=permit.is_grave))
        elif permit.is_ours:
            await _report(session, permit, never_begun(now))
        raise
    await _report(session, permit, did(result, started_at, session.means.clock.now()))
    return result


async def _work(
    session: Session, tool: Tool, permit: Permit, gate: Gate, started_at: datetime
) -> object:
    def may_begin() -> bool:
        last_look(session, permit)
        return gate.begin()

    def plain() -> object:
        # Nobody waits for one that was given up while it stood in line.
        return tool.call(permit.arguments, permit.context) if may_begin() else None

    if tool.is_async:
        may_begin()
        return await tool.call_async(permit.arguments, permit.context)
    work = asyncio.ensure_future(plain_runner.get()(plain))
    try:
        result = await asyncio.shield(work)
    except asyncio.CancelledError:
        if not gate.shut():
            session.outlive(asyncio.ensure_future(_report_late(session, permit, work, started_at)))
        raise
    return await result if inspect.isawaitable(result) else result


async def _report_late(
    session: Session, permit: Permit, work: "asyncio.Future[object]", started_at: datetime
) -> None:
    await asyncio.wait([work])
    fault = work.exception()
    now = session.means.clock.now()
    if fault is None:
        ran = did(work.result(), started_at, now)
    else:
        ran = fell(fault, started_at, now, is_grave=permit.is_grave)
    await _report(session, permit, ran)


async def _report(session: Session, permit: Permit, ran: Ran) -> None:
    if permit.is_reported:
        await report(session, permit.context.call_id, permit.arguments, ran)
