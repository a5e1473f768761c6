"""A policy in memory: a runtime projection with everything parsed and compiled."""

import dataclasses
from collections.abc import Callable

from placet.kernel.foreign import Json
from placet.policy.decision import Reason
from placet.policy.model import (
    Checkpoint,
    CommitRequirement,
    EvidenceClass,
    Gate,
    Ruling,
    SideEffect,
)
from placet.policy.operators import Operator
from placet.policy.paths import Path
from placet.policy.schemas.cost import Cost


@dataclasses.dataclass(frozen=True, slots=True)
class SchemaCheck:
    """A compiled schema: what it says of a document with at most so many values, and its cost."""

    reasons: Callable[[Json, int], list[Reason]]
    cost: Cost


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedSame:
    """One equality between an earlier call and the present one."""

    rule: str
    ours: Path
    theirs: Path
    is_output: bool


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedRequirement:
    """One requirement, its paths parsed."""

    rule: str
    tool: str
    same: tuple[LoadedSame, ...]
    output: tuple[Operator, ...]
    within_seconds: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedTool:
    """One tool, ready to be judged. `schema_hash` is 32 bytes.

    `cost` bounds what checking a call's arguments takes. `remembered_arguments` and
    `remembered_output` are the paths that some rule of some tool reads of a committed call of this
    one; `is_required` says whether any rule requires it at all.
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
    effect_key: tuple[Path, ...]
    cost: Cost
    is_required: bool
    remembered_arguments: tuple[Path, ...]
    remembered_output: tuple[Path, ...]


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
