"""From a database function's code to the refusal that it means. Policy never comes this way."""

from typing import Final

from placet.authority.controls.model import AgentKilled, TenantKilled, ToolKilled
from placet.authority.recovery.model import Recovering
from placet.kernel.refusals import (
    IdempotencyConflict,
    NotFound,
    Refusal,
    ScopeMissing,
    Unauthenticated,
)
from placet.replay.sessions.refusals import (
    AllowanceFull,
    ArtifactRevoked,
    AsksFull,
    AuthorityExpired,
    LeaseLost,
    PreparedRequestConsumed,
    PreparedRequestExpired,
    RequestHashMismatch,
    SessionClosing,
    SessionCompleted,
    SessionCompromised,
    SessionExpired,
    SessionKilled,
    StaleControl,
    StaleState,
    StaleTime,
    TransitionNotAllowed,
)

STALE: Final = "stale_state"
STALE_TIME: Final = "stale_time"
NO_KEY: Final = "no live API key came with the request"

_REFUSALS: Final[dict[str, tuple[type[Refusal], str]]] = {
    "unknown": (Unauthenticated, NO_KEY),
    "revoked": (Unauthenticated, NO_KEY),
    "expired": (Unauthenticated, NO_KEY),
    "disabled": (Unauthenticated, NO_KEY),
    "not_found": (NotFound, "there is no such thing here"),
    "session_killed": (SessionKilled, "this session was killed"),
    "session_closing": (SessionClosing, "this session is closing"),
    "session_completed": (SessionCompleted, "this session is completed"),
    "session_expired": (SessionExpired, "this session has expired"),
    "session_compromised": (SessionCompromised, "this session was reported as bypassed"),
    "tenant_killed": (TenantKilled, "an operator stopped this tenant"),
    "agent_killed": (AgentKilled, "an operator stopped this agent"),
    "tool_killed": (ToolKilled, "an operator stopped this tool"),
    "recovering": (
        Recovering,
        "the database is not the one that authority was last given for, or older than that",
    ),
    "artifact_revoked": (ArtifactRevoked, "the approval of this session was revoked"),
    "authority_expired": (
        AuthorityExpired,
        "what it runs under is over: an approval expired, or a break-glass ended, in time or early",
    ),
    "allowance_full": (
        AllowanceFull,
        "too many calls count already in the window of an aggregate wider than a session",
    ),
    "lease_lost": (LeaseLost, "another holder has the lease, or it ran out"),
    "asks_full": (AsksFull, "too many calls of this session wait for people already"),
    "stale_control": (StaleControl, "a control was set since this was prepared or granted"),
    "stale_time": (StaleTime, "the time for which this was decided had passed each time"),
    "stale_state": (StaleState, "the session's facts kept moving while this was decided"),
    "prepared_request_consumed": (
        PreparedRequestConsumed,
        "this prepared request was consumed by another response",
    ),
    "prepared_request_expired": (
        PreparedRequestExpired,
        "this prepared request has expired",
    ),
    "request_hash_mismatch": (
        RequestHashMismatch,
        "this prepared request was made for another request",
    ),
    "idempotency_conflict": (IdempotencyConflict, "this key or id stands for another request"),
    "transition_not_allowed": (TransitionNotAllowed, "the call is not in a state for this"),
    "grant_lives": (
        TransitionNotAllowed,
        "the grant is still good, so the tool may yet run; wait until it ends",
    ),
    "grant_expired": (TransitionNotAllowed, "the grant has run out"),
}


def refusal(code: str, *, scope: str = "runtime") -> Refusal:
    """Return the refusal that a code means."""
    if code == "forbidden":
        return ScopeMissing(detail=f"this key lacks the scope `{scope}`", scope=scope)
    kind, detail = _REFUSALS[code]
    return kind(detail=detail)
