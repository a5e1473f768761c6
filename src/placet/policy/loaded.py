"""A policy in memory: a runtime projection with everything parsed and compiled."""

import dataclasses
from datetime import timedelta
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.amounts import LoadedAggregate
from placet.policy.conditions import Condition
from placet.policy.model import (
    Cancel,
    Checkpoint,
    CommitRequirement,
    EvidenceClass,
    Gate,
    Retries,
    Ruling,
    SideEffect,
    Write,
)
from placet.policy.needs import Need
from placet.policy.numbers import Number
from placet.policy.operators import Operator, Reference
from placet.policy.paths import Path
from placet.policy.prepared import Prepared
from placet.policy.reconciling import LoadedReconcile
from placet.policy.schemas.checking import SchemaCheck
from placet.policy.schemas.cost import Cost

EVERY_TOOL: Final = "*"


@dataclasses.dataclass(frozen=True, slots=True)
class Likened:
    """A path whose value is kept by its likeness alone, under `key`; a secret one by its hash."""

    key: str
    path: Path
    is_secret: bool


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedSame:
    """One equality between an earlier call and the present one."""

    rule: str
    ours: Path
    theirs: Likened
    is_output: bool


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedRequirement:
    """One requirement, its paths parsed."""

    rule: str
    tool: str
    same: tuple[LoadedSame, ...]
    output: tuple[Operator, ...]
    within: timedelta | None


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedPrincipal:
    """For whom a tool is allowed, or denied. `where` are attributes and what they must equal."""

    rule: str
    is_deny: bool
    tools: frozenset[str]
    where: tuple[tuple[str, Json], ...]

    def covers(self, tool: str) -> bool:
        """Say whether the rule is about a tool."""
        return tool in self.tools or EVERY_TOOL in self.tools


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedLabels:
    """Labels that deny tools while a session has all of them."""

    rule: str
    tools: frozenset[str]
    when: tuple[tuple[str, str], ...]

    def covers(self, tool: str) -> bool:
        """Say whether the rule is about a tool."""
        return tool in self.tools or EVERY_TOOL in self.tools


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedEnvelope:
    """A bound relative to the first committed value: its ratio, also as two integers."""

    rule: str
    name: str
    path: Path
    ratio: Number
    whole_ratio: tuple[int, int]


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedBind:
    """A value that a commit leaves in a slot; with `is_once`, only where the slot is empty."""

    slot: str
    path: Path
    is_output: bool
    is_once: bool


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedLimits:
    """What one session may use up; null where there is no limit."""

    steps: int | None
    calls: int | None
    cost_micros: int | None
    calls_of: dict[str, int]
    unguarded: int | None
    lasts: timedelta | None
    loop_window: int
    loop_threshold: int | None
    blocks: int | None
    errors: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedTool:
    """One tool, ready to be judged. `schema_hash` is 32 bytes.

    `cost` bounds what checking a call's arguments takes. `remembered_output` are the paths that
    some rule of some tool reads of the output of a committed call of this one, `likened_…` those
    that some `same` compares; `is_required` says whether any rule requires it at all. `principals`
    and `labels` are the rules that name this tool or every tool. `prepared` is for `quick`.
    """

    name: str
    ruling: Ruling
    ruling_rule: str
    side_effect: SideEffect
    evidence_class: EvidenceClass
    commit_requirement: CommitRequirement
    start_required: bool
    total_ms: int
    server: str | None
    checkpoint: Checkpoint | None
    checkpoint_rule: str
    valid_in: tuple[str, ...] | None
    advances_to: str | None
    requires: tuple[LoadedRequirement, ...]
    forbidden_after: tuple[str, ...]
    schema_check: SchemaCheck | None
    schema_hash: bytes | None
    arguments: tuple[Operator, ...]
    references: tuple[Reference, ...]
    condition: Condition | None
    binds: tuple[LoadedBind, ...]
    effect_key: tuple[Path, ...]
    aggregates: tuple[LoadedAggregate, ...]
    envelopes: tuple[LoadedEnvelope, ...]
    labels: tuple[LoadedLabels, ...]
    principals: tuple[LoadedPrincipal, ...]
    volatile: tuple[Path, ...]
    redacted: tuple[Path, ...]
    retries: Retries
    cancel: Cancel
    reconcile: LoadedReconcile | None
    cost: Cost
    is_required: bool
    likened_arguments: tuple[Likened, ...]
    likened_output: tuple[Likened, ...]
    remembered_output: tuple[Path, ...]
    prepared: Prepared


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """A compiled contract in memory: immutable, and safe to share between threads."""

    compiler_version: str
    agent: str
    gate: Gate
    unmatched_tools: Ruling
    phases: frozenset[str]
    initial_phase: str | None
    terminal_phases: frozenset[str]
    transitions: dict[str, frozenset[str]]
    tools: dict[str, LoadedTool]
    limits: LoadedLimits
    principals: tuple[LoadedPrincipal, ...]
    aggregates: tuple[LoadedAggregate, ...]
    bindings: dict[str, Write]
    needs: frozenset[Need]
