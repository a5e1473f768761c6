"""From a proposed call to leave to run it: admitted, its grant checked and redeemed."""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable, Refusal
from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus, ReasonView
from placet.replay.sessions.refusals import LeaseLost, TransitionNotAllowed
from placet.sdk.answers import EditedCall, Proposal, ProposedCall
from placet.sdk.arguments import Arguments, arguments_in
from placet.sdk.asks import answered
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import ApprovalPending, CallBlocked, GrantRefused, OutboxFull
from placet.sdk.giving_back import forgo, give_back, undisturbed
from placet.sdk.outbox import LOG
from placet.sdk.plan import Posture
from placet.sdk.reports import Subject
from placet.sdk.session import Session
from placet.sdk.tool import ToolContext

_SHADOW_IN_PRODUCTION: Final = ReasonView(
    code="not_enforced", rule="", detail="in production a call runs only with a grant"
)


T = TypeVar("T")

_MISSING: Final = "missing"
_OF_KEYS: Final = frozenset({"keys", "signature"})
"""Flaws of a grant that newer keys may heal."""


class Permit(Value, frozen=True):
    """Leave to run one tool now, once, with these arguments. `is_reported` where it was granted.

    A granted one ends at `expires_at`. `is_grave` where the contract wants a start. `is_ours` where
    nobody else can have been told of the grant. `may_cancel` where the contract lets a tool that
    has begun be cancelled.
    """

    arguments: Arguments
    context: ToolContext
    is_reported: bool
    is_grave: bool = False
    is_ours: bool = False
    may_cancel: bool = False
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        """Show the call."""
        return f"Permit({self.context!r})"

    @property
    def subject(self) -> Subject:
        """Return what its receipt is about."""
        context = self.context
        return Subject(
            call_id=context.call_id,
            arguments_hash=self.arguments.hash,
            grant=context.grant,
            arguments=self.arguments.text.decode(),
        )


def admit(call: ProposedCall, environment: Environment) -> None:
    """Raise `CallBlocked` or `ApprovalPending` unless the call may be begun.

    A status that this version does not run is a denial.
    """
    match call.status:
        case CallStatus.GRANTED:
            return
        case CallStatus.SHADOWED:
            if environment is Environment.PRODUCTION:
                raise CallBlocked(call.tool, [_SHADOW_IN_PRODUCTION], call.call_id)
        case CallStatus.HELD | CallStatus.AWAITING_APPROVAL:
            raise ApprovalPending(call.tool, call.call_id, call.deadline)
        case _:
            raise CallBlocked(call.tool, call.reasons, call.call_id)


async def obtain(session: Session, tool: str, arguments: Arguments) -> Permit:
    """Ask for one call outside of any model turn: prepared and proposed at once, started if needed.

    Raises `CallBlocked`, `ApprovalPending`, `GrantRefused`, `OutboxFull`, `LeaseLost` and the
    service's refusals. Where nobody answers and the environment allows it, the permit is an
    unguarded one.
    """
    posture = session.posture_now()
    if posture is not None:
        return alone(session, tool, arguments, posture)
    asked = ToolCall(id=str(session.means.ids.new()), name=tool, arguments=arguments.text.decode())

    async def regret(proposal: Proposal) -> None:
        await forgo(session, decided(proposal, asked), arguments, is_ours=True)

    try:
        asking = session.decide_at_once([asked], asked.id)
        proposal = await undisturbed(session, asking, regret)
    except (GovernanceUnavailable, LeaseLost, OutboxFull) as fault:
        posture = session.posture_alone(fault)
        await session.note_alone()
        return alone(session, tool, arguments, posture)
    call = decided(proposal, asked)
    if call.status is CallStatus.AWAITING_APPROVAL and session.approval_seconds > 0:
        (call,) = await answered(session, [call], session.approval_seconds)
        # What people changed is what runs.
        arguments = arguments_in(call.edited) if isinstance(call, EditedCall) else arguments
    return await begin(session, call, arguments, is_ours=True)


def decisions(proposal: Proposal, asked: Sequence[ToolCall]) -> list[ProposedCall]:
    """Return what was decided, one decision for each call, in the order of the calls.

    Raises `GovernanceUnavailable` where the answer tells of other calls, or in another order.
    """
    told = [(call.tool_call_id, call.tool) for call in proposal.calls]
    if told != [(call.id, call.name) for call in asked]:
        names = ", ".join(f"`{call.name}`" for call in asked)
        detail = f"the service's answer does not tell of {names}, in this order"
        raise GovernanceUnavailable(detail=detail)
    return proposal.calls


def decided(proposal: Proposal, asked: ToolCall) -> ProposedCall:
    """Return what was decided on the only call of a proposal. Raises as `decisions` does."""
    return decisions(proposal, [asked])[0]


def alone(session: Session, tool: str, arguments: Arguments, posture: Posture) -> Permit:
    """Return leave that nobody gave, and count it."""
    if posture is Posture.CAPTURE:
        session.captured += 1
    else:
        session.count_unguarded()
        LOG.warning("`%s` runs unguarded: nobody answered", tool)
    context = ToolContext(tool=tool, call_id=session.means.ids.new())
    return Permit(arguments=arguments, context=context, is_reported=False)


async def begin(
    session: Session, call: ProposedCall, arguments: Arguments, *, is_ours: bool
) -> Permit:
    """Return leave to run a proposed call now, after its grant was checked and redeemed.

    A call is begun once: for the second who asks, `GrantRefused` says `begun`. One that is surely
    not begun is reported as failed, if the answer `is_ours`: if nobody else can have had it. Where
    nobody answers any more and the environment allows it, the permit is an unguarded one, and the
    call stays open. Raises as `obtain` does.
    """
    admit(call, session.environment)
    if call.status is CallStatus.SHADOWED:
        context = ToolContext(tool=call.tool, call_id=call.call_id)
        return Permit(
            arguments=arguments, context=context, is_reported=False, is_grave=call.start_required
        )
    if not session.claim(call.call_id):
        detail = "this call was begun before, or given back"
        raise GrantRefused(call.tool, call.call_id, "begun", detail)
    try:
        try:
            session.attached.outbox.expect(call.call_id)
            permit = await _redeemed(session, call, arguments)
            return msgspec.structs.replace(permit, is_ours=is_ours)
        except (GovernanceUnavailable, LeaseLost, OutboxFull) as fault:
            posture = session.posture_alone(fault)
            await session.note_handed_out(call.call_id)
            session.expect_none(call.call_id)
            return alone(session, call.tool, arguments, posture)
    except BaseException as fault:
        session.expect_none(call.call_id)
        if is_ours and not _leaves_doubt(fault):
            await give_back(session, call, arguments.hash)
        raise


def last_look(session: Session, permit: Permit) -> None:
    """Raise unless the tool may be begun at this very moment. May be called from any thread.

    Leave that was granted ends with the lease and with the grant; any other, where the session was
    left or ended.
    """
    if not permit.is_reported:
        session.check_open()
        return
    now = session.check().service_time(session.means.clock.monotonic())
    if permit.expires_at is not None and now >= permit.expires_at:
        context = permit.context
        raise GrantRefused(context.tool, context.call_id, "expired", "its grant has expired")


async def _redeemed(session: Session, call: ProposedCall, arguments: Arguments) -> Permit:
    permit = await _checked(session, call, arguments)
    if call.start_required:
        # First: a journal that knows nothing of a redeemed grant is one that lost something.
        await session.note_handed_out(call.call_id)
        await session.redeem(call.call_id)
    return permit


def _leaves_doubt(fault: BaseException) -> bool:
    """Tell whether somebody else may have begun the call: by start, or by an answer like this."""
    return isinstance(fault, TransitionNotAllowed) or (
        isinstance(fault, GrantRefused) and fault.flaw == _MISSING
    )


async def _checked(session: Session, call: ProposedCall, arguments: Arguments) -> Permit:
    # The signature library is loaded where there is something to verify, not on import.
    from placet.sdk.grants import RunOf, check_grant, header_of  # noqa: PLC0415 -- see above

    def run_of() -> RunOf:
        term = session.check()
        return RunOf(
            session_id=session.session_id,
            arguments_hash=arguments.hash,
            fence=term.fence,
            at=term.service_time(session.means.clock.monotonic()),
        )

    try:
        grant = check_grant(call, session.keys, run_of())
    except GrantRefused as no:
        if no.flaw not in _OF_KEYS:
            raise
        with contextlib.suppress(Refusal):
            await session.attached.keys.fetch()
        grant = check_grant(call, session.keys, run_of())
    context = ToolContext(
        tool=call.tool,
        call_id=call.call_id,
        grant=header_of(call),
        fence=f"{grant.fence.epoch}.{grant.fence.n}",
    )
    return Permit(
        arguments=arguments,
        context=context,
        is_reported=True,
        is_grave=call.start_required,
        may_cancel=call.cancel_safe,
        expires_at=grant.expires_at,
    )
