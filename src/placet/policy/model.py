"""The contract: what an author may say, as values without behaviour."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType, field

from placet.kernel.value import Input

TOTAL_MS_DEFAULT: Final = 30_000
EXPIRES_SECONDS_DEFAULT: Final = 900
TOOLS_MAX: Final = 1_000
PHASES_MAX: Final = 100
RULES_MAX: Final = 200
CONDITION_MAX: Final = 4_000

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}(?!\n)$")]
"""An agent, tool, server, phase or role."""

ToolName = Annotated[str, Meta(pattern=r"^(\*|[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127})(?!\n)$")]
"""A tool, or `*` for every tool."""

ToolNames = Annotated[tuple[ToolName, ...], Meta(min_length=1, max_length=TOOLS_MAX)]

Attribute = Annotated[str, Meta(min_length=1, max_length=128)]
"""The name of an attribute of a principal, of a label, or of an argument."""

PathText = Annotated[str, Meta(min_length=1, max_length=1_000)]
"""A path of the language, such as `$.items[*].price`."""

Paths = Annotated[tuple[PathText, ...], Meta(max_length=RULES_MAX)]

Decimal = Annotated[str, Meta(pattern=r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?(?!\n)$", max_length=64)]

Bound = int | Decimal
"""A number that is compared exactly: an integer, or a decimal as text."""

Choices = Annotated[tuple[object, ...], Meta(max_length=1_000)]
Seconds = Annotated[int, Meta(ge=1, le=10**9)]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Length = Annotated[int, Meta(ge=0, le=10**9)]
Micros = Annotated[int, Meta(ge=0, le=10**15)]


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


class Cancel(StrEnum):
    """Whether a tool that has begun may be cancelled."""

    NEVER = "never"
    SAFE = "safe"


class Effect(StrEnum):
    """What a rule on principals does where it matches."""

    ALLOW = "allow"
    DENY = "deny"


class Write(StrEnum):
    """Which of several values a slot keeps: the first or the latest."""

    ONCE = "once"
    LAST = "last"


class BoundFrom(StrEnum):
    """What a slot's value is taken from."""

    ARGUMENTS = "arguments"
    OUTPUT = "output"


class AggregateOp(StrEnum):
    """How the values of several calls become one number."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"
    DISTINCT = "distinct"
    COUNT = "count"


class AggregateScope(StrEnum):
    """Whose calls an aggregate is over."""

    SESSION = "session"
    PRINCIPAL = "principal"
    AGENT = "agent"
    TENANT = "tenant"


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
    """Operators on one path. All that are present must hold; each is a reason of its own.

    The operand of a `*_ref` is the name of a slot.
    """

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
    equals_ref: Name | UnsetType = UNSET
    not_equals_ref: Name | UnsetType = UNSET
    one_of_ref: Name | UnsetType = UNSET
    none_of_ref: Name | UnsetType = UNSET
    gt_ref: Name | UnsetType = UNSET
    gte_ref: Name | UnsetType = UNSET
    lt_ref: Name | UnsetType = UNSET
    lte_ref: Name | UnsetType = UNSET


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


class Bind(Input, frozen=True, rename={"source": "from"}):
    """A value of a committed call that a slot takes. A missing value binds nothing."""

    slot: Name
    source: BoundFrom
    path: PathText


class Retries(Input, frozen=True):
    """How often a tool may be tried, and after which errors."""

    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 1
    retry_on: Annotated[tuple[Name, ...], Meta(max_length=RULES_MAX)] = ()


class Reconcile(Input, frozen=True):
    """A read that tells what became of a call whose outcome is unknown.

    `arguments` are those of the read, each taken from a path of the call's own arguments. Where
    both groups of rules hold for its output, `failed_when` loses: the call has succeeded.
    """

    tool: Name
    arguments: Annotated[dict[Attribute, PathText], Meta(max_length=RULES_MAX)] = field(
        default_factory=dict
    )
    succeeded_when: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
    failed_when: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()


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
    when: Annotated[str, Meta(min_length=1, max_length=CONDITION_MAX)] | UnsetType = UNSET
    checkpoint: Checkpoint | UnsetType = UNSET
    binds: Annotated[tuple[Bind, ...], Meta(max_length=RULES_MAX)] = ()
    effect_key: Paths = ()
    timeouts: Timeouts = Timeouts()
    retries: Retries = Retries()
    cancel: Cancel = Cancel.NEVER
    start: Start | UnsetType = UNSET
    reconcile: Reconcile | UnsetType = UNSET
    redact: Paths = ()
    volatile: Paths = ()


class Phase(Input, frozen=True):
    """A named stage of a session."""

    name: Name
    initial: bool = False
    terminal: bool = False


class Loop(Input, frozen=True):
    """The `threshold`-th like call among the last `window` and the present one is a loop."""

    window: Annotated[int, Meta(ge=1, le=1_000)]
    threshold: Count


class CircuitBreaker(Input, frozen=True):
    """So many in a row end a session. What is absent has no end."""

    consecutive_blocks: Count | UnsetType = UNSET
    consecutive_errors: Count | UnsetType = UNSET


class Limits(Input, frozen=True):
    """What one session may use up. What is absent has no limit."""

    max_steps: Count | UnsetType = UNSET
    max_tool_calls: Count | UnsetType = UNSET
    max_cost_micros: Micros | UnsetType = UNSET
    max_calls_per_tool: Annotated[dict[Name, Length], Meta(max_length=TOOLS_MAX)] = field(
        default_factory=dict
    )
    max_unguarded_calls: Count | UnsetType = UNSET
    max_seconds: Seconds | UnsetType = UNSET
    loop: Loop | UnsetType = UNSET
    circuit_breaker: CircuitBreaker | UnsetType = UNSET


class PrincipalRule(Input, frozen=True):
    """For whom some tools are allowed or denied: every attribute in `where` must be equal."""

    effect: Effect
    tools: ToolNames
    where: Annotated[dict[Attribute, object], Meta(max_length=RULES_MAX)] = field(
        default_factory=dict
    )


class Binding(Input, frozen=True):
    """A slot of the session: a value that committed calls leave for later ones."""

    slot: Name
    write: Write


class Aggregate(Input, frozen=True):
    """A bound on what the calls of a tool come to together, the present one included."""

    name: Name
    tool: Name
    op: AggregateOp
    path: PathText | UnsetType = UNSET
    scope: AggregateScope = AggregateScope.SESSION
    window_seconds: Seconds | UnsetType = UNSET
    gt: Bound | UnsetType = UNSET
    gte: Bound | UnsetType = UNSET
    lt: Bound | UnsetType = UNSET
    lte: Bound | UnsetType = UNSET


class Envelope(Input, frozen=True):
    """A value is at most so many times the first committed one of the session."""

    name: Name
    tool: Name
    path: PathText
    within_ratio_of_first: Bound


class LabelRule(Input, frozen=True):
    """Tools that are denied while the session has all of these labels."""

    when: Annotated[dict[Attribute, str], Meta(min_length=1, max_length=RULES_MAX)]
    deny: ToolNames


class SessionRules(Input, frozen=True):
    """What holds for a session as a whole."""

    phases: Annotated[tuple[Phase, ...], Meta(max_length=PHASES_MAX)] = ()
    transitions: Annotated[
        dict[Name, Annotated[tuple[Name, ...], Meta(max_length=PHASES_MAX)]],
        Meta(max_length=PHASES_MAX),
    ] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    risk_defaults: dict[SideEffect, Ruling] = field(default_factory=dict)
    unmatched_tools: Ruling = Ruling.DENY
    gate: Gate = Gate.REJECT_ALL
    principals: Annotated[tuple[PrincipalRule, ...], Meta(max_length=RULES_MAX)] = ()
    bindings: Annotated[tuple[Binding, ...], Meta(max_length=RULES_MAX)] = ()
    aggregates: Annotated[tuple[Aggregate, ...], Meta(max_length=RULES_MAX)] = ()
    envelopes: Annotated[tuple[Envelope, ...], Meta(max_length=RULES_MAX)] = ()
    labels: Annotated[tuple[LabelRule, ...], Meta(max_length=RULES_MAX)] = ()


class Contract(Input, frozen=True):
    """What one agent may do in one environment. `agent` is a name, not an id."""

    schema_version: Literal["1"]
    agent: Name
    tools: Annotated[tuple[ToolContract, ...], Meta(min_length=1, max_length=TOOLS_MAX)]
    session: SessionRules = field(default_factory=SessionRules)
