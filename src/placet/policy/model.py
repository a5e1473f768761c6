"""The contract, the facts, the call, the decision and the findings: values without behaviour."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from placet.kernel.value import Input, Value

COMMITTED_MAX: Final = 256
"""Committed calls that the facts keep of one tool, the latest."""

TOTAL_MS_DEFAULT: Final = 30_000
EXPIRES_SECONDS_DEFAULT: Final = 900
TOOLS_MAX: Final = 1_000
PHASES_MAX: Final = 100
RULES_MAX: Final = 200

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}(?!\n)$")]
"""An agent, tool, server, phase or role."""

PathText = Annotated[str, Meta(min_length=1, max_length=1_000)]
"""A path of the language, such as `$.items[*].price`."""

Paths = Annotated[tuple[PathText, ...], Meta(max_length=RULES_MAX)]

Bound = int | Annotated[str, Meta(pattern=r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?(?!\n)$", max_length=64)]
"""A number that is compared exactly: an integer, or a decimal as text."""

Choices = Annotated[tuple[object, ...], Meta(max_length=1_000)]
Seconds = Annotated[int, Meta(ge=1, le=10**9)]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Length = Annotated[int, Meta(ge=0, le=10**9)]


# The contract


class Ruling(StrEnum):
    """What the author rules for a tool or for a kind of side effect."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"


class Gate(StrEnum):
    """What becomes of a response of which some calls are refused."""

    REJECT_ALL = "reject_all"
    STRIP_PARTIAL = "strip_partial"
    STRIP_BLOCKED = "strip_blocked"


class SideEffect(StrEnum):
    """What a tool does to the world."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"
    ADMIN = "admin"
    FINANCIAL = "financial"


class EvidenceClass(StrEnum):
    """How it can be known that a call took effect."""

    LOCAL_TRANSACTION = "local_transaction"
    ACK_ONLY = "ack_only"
    UNVERIFIABLE = "unverifiable"


class CommitRequirement(StrEnum):
    """When a call counts as committed: on acknowledgement, or as soon as it is granted."""

    ACKNOWLEDGED = "acknowledged"
    NONE = "none"


class Start(StrEnum):
    """Whether a grant must be redeemed just before the tool runs."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class JsonType(StrEnum):
    """The seven types of JSON Schema."""

    NULL = "null"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    ARRAY = "array"
    OBJECT = "object"


class Rule(Input, frozen=True):
    """Operators on one path. All that are present must hold; each is a reason of its own."""

    path: PathText
    equals: object | UnsetType = UNSET
    not_equals: object | UnsetType = UNSET
    one_of: Choices | UnsetType = UNSET
    none_of: Choices | UnsetType = UNSET
    type: JsonType | UnsetType = UNSET
    contains: object | UnsetType = UNSET
    matches: Annotated[str, Meta(max_length=1_000)] | UnsetType = UNSET
    gt: Bound | UnsetType = UNSET
    gte: Bound | UnsetType = UNSET
    lt: Bound | UnsetType = UNSET
    lte: Bound | UnsetType = UNSET
    length_gte: Length | UnsetType = UNSET
    length_lte: Length | UnsetType = UNSET
    exists: bool | UnsetType = UNSET


class Same(Input, frozen=True):
    """One value of an earlier call (`theirs` or `theirs_output`) equals one of the present."""

    ours: PathText
    theirs: PathText | UnsetType = UNSET
    theirs_output: PathText | UnsetType = UNSET


class Requirement(Input, frozen=True):
    """One committed call of `tool` must meet everything here together."""

    tool: Name
    output: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    same: Annotated[tuple[Same, ...], Meta(max_length=RULES_MAX)] = ()
    within_seconds: Seconds | UnsetType = UNSET


class ToolPhases(Input, frozen=True):
    """In which phases a tool may be called, and where its commit leads."""

    valid_in: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=PHASES_MAX)]
    advances_to: Name | UnsetType = UNSET


class Timeouts(Input, frozen=True):
    """How long a granted call may take before it becomes unknown."""

    total_ms: Annotated[int, Meta(ge=1, le=86_400_000)] = TOTAL_MS_DEFAULT


class Approvers(Input, frozen=True):
    """So many distinct people of one role."""

    role: Name
    count: Count = 1


class Checkpoint(Input, frozen=True):
    """People who must say yes before each call."""

    all_of: Annotated[tuple[Approvers, ...], Meta(min_length=1, max_length=RULES_MAX)] = (
        Approvers(role="approver"),
    )
    expires_seconds: Seconds = EXPIRES_SECONDS_DEFAULT
    reason_required: bool = False


class ToolContract(Input, frozen=True):
    """What one tool may be called with, when, and what its calls leave behind."""

    tool: Name
    side_effect: SideEffect
    evidence_class: EvidenceClass
    commit_requirement: CommitRequirement
    server: Name | UnsetType = UNSET
    decision: Ruling | UnsetType = UNSET
    phases: ToolPhases | UnsetType = UNSET
    requires: Annotated[tuple[Requirement, ...], Meta(max_length=RULES_MAX)] = ()
    forbidden_after: Annotated[tuple[Name, ...], Meta(max_length=TOOLS_MAX)] = ()
    input_schema: dict[str, object] | bool | UnsetType = UNSET
    arguments: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    effect_key: Paths = ()
    timeouts: Timeouts = Timeouts()
    start: Start | UnsetType = UNSET
    checkpoint: Checkpoint | UnsetType = UNSET
    redact: Paths = ()
    volatile: Paths = ()


class Phase(Input, frozen=True):
    """A named stage of a session."""

    name: Name
    initial: bool = False
    terminal: bool = False


class SessionRules(Input, frozen=True):
    """What holds for a session as a whole."""

    phases: Annotated[tuple[Phase, ...], Meta(max_length=PHASES_MAX)] = ()
    transitions: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Meta(max_length=PHASES_MAX)]],
        Meta(max_length=PHASES_MAX),
    ] = field(default_factory=dict)
    risk_defaults: dict[SideEffect, Ruling] = field(default_factory=dict)
    unmatched_tools: Ruling = Ruling.DENY
    gate: Gate = Gate.REJECT_ALL


class Contract(Input, frozen=True):
    """What one agent may do in one environment. `agent` is a name, not an id."""

    schema_version: Literal["1"]
    agent: Name
    tools: Annotated[tuple[ToolContract, ...], Meta(min_length=1, max_length=TOOLS_MAX)]
    session: SessionRules = SessionRules()


# Findings


class Severity(StrEnum):
    """`error` and `blocker` stop an approval, `advisory` is recorded in it."""

    ERROR = "error"
    BLOCKER = "blocker"
    ADVISORY = "advisory"


class Finding(Value, frozen=True):
    """Something that is wrong with a contract, or worth saying.

    `path` is where it stands in the document (`$.tools[0].arguments[1].lte`), `related` the other
    place of a pair; `line` and `column` count from 1 and are null where there is no text.
    """

    code: str
    severity: Severity
    path: str
    message: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    file: str | None = None
    related: str | None = None


class Strength(StrEnum):
    """How hard it is for an agent to go around the governance of a tool."""

    COOPERATIVE = "cooperative"
    PROXIED = "proxied"
    VERIFIED = "verified"


# Facts


class Status(StrEnum):
    """A session's status. All but `active` deny everything."""

    ACTIVE = "active"
    CLOSING = "closing"
    COMPLETED = "completed"
    KILLED = "killed"
    COMPROMISED = "compromised"
    EXPIRED = "expired"


class Remembered(Value, frozen=True):
    """The values of one call that some rule names, by the path's canonical text.

    A missing value has no entry. Under a path with `[*]` stands a list with one inner list per
    selected place: one value, or none where it is missing. `output` is null where there was none.
    """

    arguments: dict[str, object]
    output: dict[str, object] | None = None


class CommittedCall(Value, frozen=True):
    """A call that took effect, with what `remember.project` kept of it."""

    call_id: UUID
    committed_at: datetime
    arguments: dict[str, object] = field(default_factory=dict)
    output: dict[str, object] | None = None


class Facts(Value, frozen=True):
    """What is known of a session, and nothing that the agent merely claimed.

    `now` carries a time zone. `committed` holds, for tools that some rule requires, the latest
    `COMMITTED_MAX` committed calls, the newest last. `counted` is the number of granted, unknown
    and committed calls of each tool. `effect_keys_taken` are hashes from `effect_key_hash`.
    `approved` are the ids of calls that people said yes to.
    """

    now: datetime
    status: Status = Status.ACTIVE
    phase: str | None = None
    committed: Mapping[str, tuple[CommittedCall, ...]] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)
    effect_keys_taken: frozenset[bytes] = frozenset()
    approved: frozenset[UUID] = frozenset()


class Call(Value, frozen=True):
    """A tool call as the model made it: `arguments` is JSON text, not yet trusted to be any.

    `call_id` is needed only where an approval of that call may stand in the facts.
    """

    tool: str
    arguments: bytes
    call_id: UUID | None = None


# Decisions


class Code(StrEnum):
    """Why a call is not simply allowed."""

    SESSION_KILLED = "session_killed"
    SESSION_COMPROMISED = "session_compromised"
    SESSION_CLOSED = "session_closed"
    SESSION_EXPIRED = "session_expired"
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
    EFFECT_KEY_MISSING = "effect_key_missing"
    EFFECT_KEY_TAKEN = "effect_key_taken"
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
