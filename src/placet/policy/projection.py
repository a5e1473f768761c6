"""The runtime projection: the document that an evaluator loads."""

from typing import Final

from msgspec import field

from placet.kernel.value import Value
from placet.policy.model import (
    Aggregate,
    Bind,
    Cancel,
    Checkpoint,
    CommitRequirement,
    Envelope,
    EvidenceClass,
    Gate,
    LabelRule,
    Limits,
    PrincipalRule,
    Reconcile,
    Requirement,
    Retries,
    Rule,
    Ruling,
    SideEffect,
    Write,
)

COMPILER_VERSION: Final = "2"
LIBRARIES: Final = {"cel-expr-python": "0.1", "jsonschema-rs": "0.60"}
"""The evaluator's libraries and the versions (without the patch level) that decide alike."""


class RuntimeTool(Value, frozen=True):
    """What the evaluator needs of one tool, every default filled in.

    `ruling_rule` is the place in the contract that gave the ruling. `checkpoint` is there when the
    call must be asked for. `valid_in` is null in a contract without phases. `schema_hash` is hex.
    """

    ruling: Ruling
    ruling_rule: str
    side_effect: SideEffect
    evidence_class: EvidenceClass
    commit_requirement: CommitRequirement
    start_required: bool
    total_ms: int
    server: str | None = None
    checkpoint: Checkpoint | None = None
    valid_in: tuple[str, ...] | None = None
    advances_to: str | None = None
    requires: tuple[Requirement, ...] = ()
    forbidden_after: tuple[str, ...] = ()
    input_schema: dict[str, object] | bool | None = None
    schema_hash: str | None = None
    arguments: tuple[Rule, ...] = ()
    when: str | None = None
    binds: tuple[Bind, ...] = ()
    effect_key: tuple[str, ...] = ()
    retries: Retries = Retries()
    cancel: Cancel = Cancel.NEVER
    reconcile: Reconcile | None = None
    redact: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()


class RuntimeProjection(Value, frozen=True):
    """What the evaluator reads, and nothing else."""

    compiler_version: str
    libraries: dict[str, str]
    agent: str
    gate: Gate
    unmatched_tools: Ruling
    tools: dict[str, RuntimeTool]
    phases: tuple[str, ...] = ()
    initial_phase: str | None = None
    terminal_phases: tuple[str, ...] = ()
    transitions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    principals: tuple[PrincipalRule, ...] = ()
    bindings: dict[str, Write] = field(default_factory=dict)
    aggregates: tuple[Aggregate, ...] = ()
    envelopes: tuple[Envelope, ...] = ()
    labels: tuple[LabelRule, ...] = ()
