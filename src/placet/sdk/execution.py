"""Runs a tool, once, and reports how it ended. A tool is run here and nowhere else."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Final

from placet.sdk.permits import Permit
from placet.sdk.reports import Ran, did, fell, report
from placet.sdk.session import Session
from placet.sdk.tool import Tool

PlainRunner = Callable[[Callable[[], object]], Awaitable[object]]
"""Runs a plain callable somewhere, and lets its result be awaited."""

plain_runner: Final[ContextVar[PlainRunner]] = ContextVar(
    "placet_plain_runner", default=asyncio.to_thread
)
"""Where plain tools run: in a thread, unless the caller has a place of its own for them."""


async def run(session: Session, tool: Tool, permit: Permit) -> object:
    """Run the tool, report how it ended, and return its result or raise its exception.

    A tool that was cancelled or ran out of time is reported as `timed_out`: it may have worked. A
    plain tool's thread goes on after that, and its end is reported too.
    """
    started_at = session.means.clock.now()
    try:
        result = await _work(session, tool, permit, started_at)
    except BaseException as fault:
        await _report(session, permit, fell(fault, started_at, session.means.clock.now()))
        raise
    await _report(session, permit, did(result, started_at, session.means.clock.now()))
    return result


async def _work(session: Session, tool: Tool, permit: Permit, started_at: datetime) -> object:
    if tool.is_async:
        return await tool.call_async(permit.arguments, permit.context)
    plain = functools.partial(tool.call, permit.arguments, permit.context)
    work = asyncio.ensure_future(plain_runner.get()(plain))
    try:
        result = await asyncio.shield(work)
    except asyncio.CancelledError:
        session.outlive(asyncio.ensure_future(_report_late(session, permit, work, started_at)))
        raise
    return await result if inspect.isawaitable(result) else result


async def _report_late(
    session: Session, permit: Permit, work: "asyncio.Future[object]", started_at: datetime
) -> None:
    await asyncio.wait([work])
    fault = work.exception()
    now = session.means.clock.now()
    ran = did(work.result(), started_at, now) if fault is None else fell(fault, started_at, now)
    await _report(session, permit, ran)


async def _report(session: Session, permit: Permit, ran: Ran) -> None:
    if permit.is_reported:
        await report(session, permit.context.call_id, permit.arguments, ran)
