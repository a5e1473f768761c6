"""What is answered to a call, and why."""

from datetime import datetime
from enum import StrEnum

from placet.kernel.value import Value
from placet.policy.model import Approvers


class Code(StrEnum):
    """Why a call is not simply allowed."""

    SESSION_KILLED = "session_killed"
    SESSION_COMPROMISED = "session_compromised"
    SESSION_CLOSED = "session_closed"
    SESSION_EXPIRED = "session_expired"
    MANUAL_FILTER = "manual_filter"
    RECOVERING = "recovering"
    PRINCIPAL = "principal"
    NO_CONTRACT = "no_contract"
    DENIED = "denied"
    WRONG_PHASE = "wrong_phase"
    FORBIDDEN_IN_STATE = "forbidden_in_state"
    PRECONDITION_NOT_MET = "precondition_not_met"
    ARGUMENTS_MALFORMED = "arguments_malformed"
    SCHEMA_VIOLATED = "schema_violated"
    ARGUMENT_MISSING = "argument_missing"
    ARGUMENT_WRONG_TYPE = "argument_wrong_type"
    ARGUMENT_OUT_OF_BOUNDS = "argument_out_of_bounds"
    ARGUMENT_NOT_ALLOWED = "argument_not_allowed"
    CONDITION_NOT_MET = "condition_not_met"
    SLOT_EMPTY = "slot_empty"
    EFFECT_KEY_MISSING = "effect_key_missing"
    EFFECT_KEY_TAKEN = "effect_key_taken"
    AGGREGATE_MISSING = "aggregate_missing"
    AGGREGATE_EXCEEDED = "aggregate_exceeded"
    ENVELOPE_MISSING = "envelope_missing"
    ENVELOPE_EXCEEDED = "envelope_exceeded"
    LABELED = "labeled"
    STEPS_EXHAUSTED = "steps_exhausted"
    CALLS_EXHAUSTED = "calls_exhausted"
    TOOL_CALLS_EXHAUSTED = "tool_calls_exhausted"
    COST_EXHAUSTED = "cost_exhausted"
    LOOP_DETECTED = "loop_detected"
    APPROVAL_REQUIRED = "approval_required"
    RESPONSE_REFUSED = "response_refused"
    PHASE_CONFLICT = "phase_conflict"
    SIBLING_AWAITS_APPROVAL = "sibling_awaits_approval"
    EVALUATION_FAILED = "evaluation_failed"


class Reason(Value, frozen=True):
    """One rule that did not hold, what is wrong, and what would have to be true instead.

    `rule` is a place in the contract by the tool's name (`tools.issue_refund.arguments[0].lte`).
    """

    code: Code
    rule: str
    detail: str
    needs: str = ""


class _Decided(Value, frozen=True):
    """What every decision says: the rule that decided and when the decision holds.

    Both ends of the interval belong to it; null means without end.
    """

    rule: str
    layer: int | None = None
    reasons: tuple[Reason, ...] = ()
    holds_from: datetime | None = None
    holds_until: datetime | None = None


class Allow(_Decided, frozen=True, tag_field="verdict", tag="allow"):
    """The call may run."""


class Deny(_Decided, frozen=True, tag_field="verdict", tag="deny"):
    """The call may not run; `reasons` are all that failed in the first failing layer."""


class Ask(_Decided, frozen=True, tag_field="verdict", tag="ask"):
    """People must say yes first."""

    all_of: tuple[Approvers, ...]
    expires_seconds: int
    reason_required: bool


Decision = Allow | Deny | Ask


class BlockedWhy(StrEnum):
    """Why a call of a response is not granted."""

    RULE = "rule"
    RESPONSE_REFUSED = "response_refused"
    PHASE_CONFLICT = "phase_conflict"
