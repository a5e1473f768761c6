"""Attaching to a session and leaving it, and what holds where that is not possible."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Coroutine, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable, NotFound, Refusal, Unavailable
from placet.plans.model import PlanAnswer
from placet.replay.sessions.lease_model import ChangeLease, LeaseAction
from placet.replay.sessions.refusals import (
    SessionCompleted,
    SessionCompromised,
    SessionExpired,
    SessionKilled,
)
from placet.sdk.answers import SessionAnswer
from placet.sdk.aside import aside
from placet.sdk.caller import Ask
from placet.sdk.keys import GrantKeys
from placet.sdk.lease import Lease, term_of
from placet.sdk.means import Means, Opening
from placet.sdk.outbox import LOG, Outbox
from placet.sdk.plan import Posture, decide_posture, strictest
from placet.sdk.renewal import Renewal
from placet.sdk.retry import Patience
from placet.sdk.unguarded import Unguarded

if TYPE_CHECKING:
    from placet.sdk.journal import Journal

_RELEASE: Final = Patience(total=0.0, attempt=2.0)

ENDED: Final = (SessionKilled, SessionCompleted, SessionExpired, SessionCompromised)
"""What is said of a session that nobody holds ever again."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attached:
    """A session that this process holds: as it was found, its lease, and who keeps it."""

    view: SessionAnswer
    lease: Lease
    outbox: Outbox
    renewal: Renewal
    keys: GrantKeys
    unguarded: Unguarded
    journal: "Journal | None" = None


async def attach(means: Means, opening: Opening) -> Attached:
    """Open or find the session, learn the grant keys, take the lease and begin to renew it.

    Raises the service's refusals: `no_authority`, `not_found`, `lease_held`, `session_killed`, …,
    and `GovernanceUnavailable` where nobody answers. Either way the service is told, later on.
    """
    try:
        attached = await _attach(means, opening)
    except Refusal as refusal:
        means.telling.failed(refusal)
        raise
    means.telling.attached(attached.view.compiled_session_hash)
    return attached


async def _attach(means: Means, opening: Opening) -> Attached:
    if opening.session_id is not None:
        journal = await _journal_of(opening, opening.session_id)
        with _letting_go(journal):
            view = None
            try:
                view = await means.endpoints.session(opening.session_id)
                return await _hold(means, opening, view, journal)
            except Unavailable:
                raise
            except Refusal as refusal:
                if journal is not None:
                    await _tell_owed(means, opening.session_id, journal, is_read=view is not None)
                    journal.close(is_ended=isinstance(refusal, ENDED))
                raise
    view = await means.endpoints.open_session(opening.mode, means.ids.new(), opening.assertion)
    journal = await _journal_of(opening, view.session_id)
    with _letting_go(journal):
        return await _hold(means, opening, view, journal)


async def _hold(
    means: Means, opening: Opening, view: SessionAnswer, journal: "Journal | None"
) -> Attached:
    keys = GrantKeys(means, view.agent, view.environment)
    await keys.fetch()
    lease = Lease(opening.holder if journal is None else journal.holder or opening.holder)
    await _grant(means, opening, view, lease)
    outbox = Outbox(view.session_id, lease, journal)
    if journal is not None and lease.fence is not None:
        await aside(partial(journal.leased, lease.fence))
        outbox.owe(*journal.owed())
    unguarded = Unguarded(view.session_id, means.clock, means.ids)
    renewal = Renewal(means.caller.another(), view.session_id, lease, (outbox, unguarded))
    renewal.start()
    return Attached(
        view=view,
        lease=lease,
        outbox=outbox,
        renewal=renewal,
        keys=keys,
        unguarded=unguarded,
        journal=journal,
    )


async def _tell_owed(means: Means, session_id: UUID, journal: "Journal", *, is_read: bool) -> None:
    """Deliver what is owed to a session that cannot be held any more: reports need no lease.

    One that could not be read is perhaps not this key's: what is refused there stays owed.
    """
    outbox = Outbox(session_id, Lease(""), journal, is_read=is_read)
    outbox.owe(*journal.owed())
    await outbox.deliver(means.endpoints, means.patience)


@contextlib.contextmanager
def _letting_go(journal: "Journal | None") -> Iterator[None]:
    try:
        yield
    except BaseException:
        if journal is not None:
            journal.close()
        raise


async def _journal_of(opening: Opening, session_id: UUID) -> "Journal | None":
    folder = opening.journal
    return None if folder is None else await aside(partial(_open, folder, session_id, opening))


def _open(folder: Path, session_id: UUID, opening: Opening) -> "Journal":
    """Return the journal, held by this process, with the name under which the lease is held.

    Whoever holds the journal of a process that is gone stands in its place, and under its name gets
    the lease at once, with a higher fence.
    """
    from placet.sdk.journal import Journal  # noqa: PLC0415 -- few sessions have one

    journal = Journal(folder, session_id).open()
    try:
        journal.opens(journal.holder or opening.holder)
    except BaseException:
        journal.close()
        raise
    return journal


async def _grant(means: Means, opening: Opening, view: SessionAnswer, lease: Lease) -> None:
    steals = opening.steal_reason is not None
    change = ChangeLease(
        action=LeaseAction.STEAL if steals else LeaseAction.GRANT,
        holder=lease.holder,
        request_id=means.ids.new(),
        ttl_seconds=opening.ttl_seconds,
        reason=opening.steal_reason,
    )
    total = max(means.patience.total, opening.wait_seconds)
    patience = Patience(total=total, attempt=means.patience.attempt)
    answer, heard = await means.endpoints.lease(view.session_id, change, None, patience)
    lease.begin(term_of(answer, heard.sent, heard.received), answer.binding)


async def detach(means: Means, attached: Attached) -> None:
    """Deliver what is owed, stop renewing, and give the lease back if it is still ours.

    Whoever is cancelled meanwhile delivers no more, but lets go of everything before that is told.
    """
    try:
        await attached.outbox.deliver(means.endpoints, means.patience)
        if not len(attached.outbox):
            # Otherwise nobody answers, and leaving would only take longer.
            await attached.unguarded.tell(means.endpoints, means.patience)
    finally:
        await _to_its_end(_let_go(means, attached))


async def _let_go(means: Means, attached: Attached) -> None:
    end: Refusal | None = None
    try:
        await attached.renewal.stop()
        attached.outbox.leave()
        _log_untold(attached)
        end = attached.lease.lost or await _release(means, attached)
    finally:
        if attached.journal is not None:
            await aside(partial(attached.journal.close, is_ended=isinstance(end, ENDED)))
        await means.telling.left()


async def _to_its_end(work: Coroutine[object, object, None]) -> None:
    """Wait for work that is done soon, also where nobody waits for this any more."""
    doing, cancelled = asyncio.ensure_future(work), None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as fault:
            cancelled = fault
    if cancelled is not None:
        raise cancelled
    doing.result()


def _log_untold(attached: Attached) -> None:
    session_id = attached.view.session_id
    if untold := len(attached.unguarded):
        LOG.error("%d unguarded calls of session %s were not told", untold, session_id)
    if owed := len(attached.outbox):
        LOG.error("%d receipts of session %s were not delivered", owed, session_id)


async def _release(means: Means, attached: Attached) -> Refusal | None:
    """Give the lease back. Returns why that was not possible, if it was not."""
    session_id, lease = attached.view.session_id, attached.lease
    change = ChangeLease(
        action=LeaseAction.RELEASE, holder=lease.holder, request_id=means.ids.new()
    )
    try:
        await means.endpoints.lease(session_id, change, lease.binding, _RELEASE)
    except Refusal as refusal:
        # It ends by itself; a lease that cannot be given back is only waited for.
        LOG.info("the lease of session %s was not given back: %s", session_id, refusal)
        return refusal
    return None


async def posture_without(means: Means, refusal: Refusal) -> Posture:
    """Return what holds where a session could not be attached. Raises the refusal if nothing may.

    Nobody answered, or nothing is approved: the table of environments decides.
    """
    if isinstance(refusal, GovernanceUnavailable):
        posture = decide_posture(strictest(means.environment), None, reachable=False)
    else:
        # Only needed where nothing is approved; every model costs start time.
        from placet.tenancy.model import Me  # noqa: PLC0415 -- see above

        me = await means.caller.ask(Ask(method="GET", path="/tenancy/me"), Me, means.patience)
        environment = strictest(means.environment, me.environment)
        plan = await _plan_of(means, me.agent, environment)
        posture = decide_posture(environment, plan, reachable=True)
    if posture in {Posture.UNGUARDED, Posture.CAPTURE}:
        LOG.warning("this session is not governed (%s): %s", posture.value, refusal)
        return posture
    raise refusal


async def _plan_of(means: Means, agent: str | None, environment: Environment) -> PlanAnswer | None:
    if agent is None:
        return None
    try:
        known = await means.plans.fetch(agent, environment)
    except NotFound:
        return None
    return known.plan if known.is_fresh else None
