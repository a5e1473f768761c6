"""From a proposed call to leave to run it: admitted, its grant checked and redeemed."""

from typing import Final

from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus, ReasonView
from placet.replay.sessions.model import LeaseLost
from placet.sdk.answers import Proposal, ProposedCall
from placet.sdk.arguments import Arguments
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import ApprovalPending, CallBlocked, GrantRefused
from placet.sdk.outbox import LOG
from placet.sdk.plan import Posture
from placet.sdk.reports import never_begun, report
from placet.sdk.session import Session
from placet.sdk.tool import Tool, ToolContext

_SHADOW_IN_PRODUCTION: Final = ReasonView(
    code="not_enforced", rule="", detail="in production a call runs only with a grant"
)


class Permit(Value, frozen=True):
    """Leave to run one tool now, once, with these arguments. `is_reported` where it was granted."""

    arguments: Arguments
    context: ToolContext
    is_reported: bool

    def __repr__(self) -> str:
        """Show the call."""
        return f"Permit({self.context!r})"


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


async def obtain(session: Session, tool: Tool, arguments: Arguments) -> Permit:
    """Ask for one call outside of any model turn: preflight, proposal, and start where needed.

    Raises `CallBlocked`, `ApprovalPending`, `GrantRefused`, `LeaseLost` and the service's refusals.
    Where nobody answers and the environment allows it, the permit is an unguarded one.
    """
    posture = session.posture_now()
    if posture is not None:
        return alone(session, tool.name, arguments, posture)
    try:
        prepared = await session.preflight(
            offered_tools=[tool.name], request_hash=_direct_hash(tool.name, arguments)
        )
        asked = ToolCall(
            id=str(session.means.ids.new()), name=tool.name, arguments=arguments.text.decode()
        )
        proposal = await session.propose(prepared, [asked])
        return await begin(session, decided(proposal, asked), arguments)
    except (GovernanceUnavailable, LeaseLost) as fault:
        return alone(session, tool.name, arguments, session.posture_alone(fault))


def decided(proposal: Proposal, asked: ToolCall) -> ProposedCall:
    """Return what was decided on a call. Raises `GovernanceUnavailable` where nothing was."""
    for call in proposal.calls:
        if (call.tool_call_id, call.tool) == (asked.id, asked.name):
            return call
    raise GovernanceUnavailable(detail=f"the service's answer does not tell of `{asked.name}`")


def alone(session: Session, tool: str, arguments: Arguments, posture: Posture) -> Permit:
    """Return leave that nobody gave, and count it."""
    if posture is Posture.CAPTURE:
        session.captured += 1
    else:
        session.unguarded += 1
        LOG.warning("`%s` runs unguarded: nobody answered", tool)
    context = ToolContext(tool=tool, call_id=session.means.ids.new())
    return Permit(arguments=arguments, context=context, is_reported=False)


async def begin(session: Session, call: ProposedCall, arguments: Arguments) -> Permit:
    """Return leave to run a proposed call now, after its grant was checked and redeemed.

    The last look at the lease comes after the last request. A granted call that is not begun is
    reported as failed, because that is what is known of it. Raises as `obtain` does.
    """
    admit(call, session.environment)
    if call.status is CallStatus.SHADOWED:
        context = ToolContext(tool=call.tool, call_id=call.call_id)
        return Permit(arguments=arguments, context=context, is_reported=False)
    try:
        context = _checked(session, call, arguments)
        if call.start_required:
            await session.start(call.call_id)
            session.check()
    except BaseException:
        await forgo(session, call, arguments)
        raise
    return Permit(arguments=arguments, context=context, is_reported=True)


async def forgo(session: Session, call: ProposedCall, arguments: Arguments) -> None:
    """Report that a granted call was never begun and never will be."""
    if call.status is CallStatus.GRANTED:
        await report(session, call.call_id, arguments, never_begun(session.means.clock.now()))


def _checked(session: Session, call: ProposedCall, arguments: Arguments) -> ToolContext:
    # The signature library is loaded where there is something to verify, not on import.
    from placet.sdk.grants import RunOf, check_grant, header_of  # noqa: PLC0415 -- see above

    term = session.check()
    now = term.service_time(session.means.clock.monotonic())
    if call.grant_expires_at is not None and now >= call.grant_expires_at:
        detail = "its grant has expired"
        raise GrantRefused(call.tool, call.call_id, "expired", detail)
    if call.arguments_hash not in {None, arguments.hash}:
        detail = "other arguments were granted than those that would be run"
        raise GrantRefused(call.tool, call.call_id, "arguments", detail)
    if session.keys:
        run = RunOf(
            session_id=session.session_id, arguments_hash=arguments.hash, fence=term.fence, at=now
        )
        check_grant(call, session.keys, run)
    return ToolContext(
        tool=call.tool,
        call_id=call.call_id,
        grant=header_of(call),
        fence=f"{term.fence.epoch}.{term.fence.n}",
    )


def _direct_hash(tool: str, arguments: Arguments) -> str:
    document = {"tool": tool, "arguments_hash": arguments.hash}
    return digest("direct_request", canonical(document)).hex()
