"""Why a session may refuse."""

import dataclasses
from datetime import datetime

from placet.kernel.refusals import Action, Conflict, Gone, Invalid, Unavailable


class SessionKilled(Gone):
    """The session was killed."""

    hint = "stop the agent; a killed session stays dead, open a new one if you may"


class SessionClosing(Gone):
    """The session is closing and takes no new calls."""

    hint = "report what is still out, then open a new session"


class SessionCompleted(Gone):
    """The session is completed."""

    hint = "open a new session for more work"


class SessionExpired(Gone):
    """The session has outlived its contract's time."""

    hint = "report what is still out, then open a new session"


class SessionCompromised(Gone):
    """The session was reported as bypassed."""

    hint = "stop the agent and report what is still out; an operator looks into it"


@dataclasses.dataclass(kw_only=True, eq=False)
class LeaseHeld(Conflict):
    """Another holder has the lease."""

    action = Action.WAIT
    hint = "wait until it expires, or have an operator steal it"
    holder: str
    lease_expires_at: datetime


class LeaseLost(Conflict):
    """The lease is no longer yours."""

    action = Action.STOP
    hint = "stop working on this session; ask for a new lease before anything else"


class AsksFull(Conflict):
    """A session has at most 256 calls that wait for people."""

    action = Action.WAIT
    hint = "wait until people have answered, then propose again; the prepared request stands"


class AllowanceFull(Conflict):
    """Beyond a session, at most 100,000 calls count at once in one aggregate."""

    action = Action.WAIT
    hint = "wait until calls have left the window, then propose again; the prepared request stands"


class StaleState(Conflict):
    """The session's facts moved on while this was decided."""

    action = Action.RETRY_SAME
    hint = "send the same again; nothing was written"


class StaleControl(Conflict):
    """A control was set since the preflight."""

    action = Action.NEW_PREFLIGHT
    hint = "make a new preflight and ask the model again"


class StaleTime(Conflict):
    """The decision's time window closed before it could be written."""

    action = Action.RETRY_SAME
    hint = "send the same again; nothing was written"


class NoAuthority(Conflict):
    """Nothing is approved for this agent in this environment."""

    action = Action.STOP
    hint = "have a contract approved in the workspace of this agent and environment"


class PreparedRequestConsumed(Conflict):
    """The prepared request was consumed already."""

    action = Action.NEW_PREFLIGHT
    hint = "each prepared request takes one response; make a new preflight for another"


class PreparedRequestExpired(Conflict):
    """The prepared request has expired."""

    action = Action.NEW_PREFLIGHT
    hint = "make a new preflight and ask the model again"


class RequestHashMismatch(Conflict):
    """The prepared request was made for another model request."""

    action = Action.NEW_PREFLIGHT
    hint = "send the hash that the preflight was made for, or make a new preflight"


class EvidenceTooWeak(Conflict):
    """The cited receipt is not evidence enough for this outcome."""

    action = Action.STOP
    hint = "bring a receipt of a higher evidence level, or have an operator settle the call"


class OutcomeNotFinal(Invalid):
    """A settlement says what became of the call, for good."""

    hint = "say `succeeded` or `failed`; what nobody knows stays unknown"


class TransitionNotAllowed(Conflict):
    """The call is not in a state for this."""

    hint = "read the session's pending calls and see where this one stands"


class ReasonMissing(Invalid):
    """This needs a reason."""

    hint = "say why in `reason`; it is kept in the evidence"


class ArtifactRevoked(Gone):
    """The approval that this session runs under was revoked."""

    hint = "report what is still out; the agent works again once something else is approved for it"


class AuthorityExpired(Gone):
    """The approval that this session runs under expired, or its break-glass is over."""

    hint = (
        "report what is still out, then open a new session; where an approval expired, have the"
        " contract approved again first"
    )


class ArtifactDoubtful(Unavailable):
    """The artifact that this session stands on does not verify."""

    action = Action.STOP
    hint = "tell an operator: the stored artifact is not what was signed"
