"""The evidence for a rule, and how fresh it is."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from placet.kernel.ids import TenantId
from placet.kernel.value import Value
from placet.studio.workspaces.model import WorkspaceId


class RuleFamily(StrEnum):
    """What a rule is about; each has a half-life of its own."""

    PRINCIPAL = "principal"
    RULING = "ruling"
    PHASE = "phase"
    REQUIREMENT = "requirement"
    ARGUMENT = "argument"
    CONDITION = "condition"
    EFFECT = "effect"
    AMOUNT = "amount"
    LIMIT = "limit"
    CHECKPOINT = "checkpoint"


class Freshness(StrEnum):
    """How far the last observation of a rule lies back."""

    FRESH = "fresh"
    AGEING = "ageing"
    STALE = "stale"
    NEVER = "never"


class GovernedRule(Value, frozen=True):
    """A rule that decides about calls, and the calls that it is about.

    `tools` are those whose calls reach it. `is_for_unknown` is true of the one rule on tools that
    the contract does not have. `is_refusing` says that it refuses whatever comes.
    """

    rule: str
    layer: int
    family: RuleFamily
    tools: frozenset[str] = frozenset()
    is_for_unknown: bool = False
    is_refusing: bool = False

    @property
    def tool(self) -> str | None:
        """Return the one tool that the rule is about, or None."""
        return next(iter(self.tools)) if len(self.tools) == 1 else None


class CapturedCalls(Value, frozen=True):
    """How many captured calls of a tool a contract judges alike.

    `layer` is that of the rules that refuse them, or null where none does.
    """

    tool: str
    layer: int | None
    rules: tuple[str, ...]
    times: int
    last_at: datetime


class RuleCount(Value, frozen=True):
    """What was found about a rule since it was last counted."""

    rule: str
    support: int = 0
    contradictions: int = 0
    last_at: datetime | None = None


class EvidenceEntry(Value, frozen=True):
    """Everything that was observed about one rule of an approval."""

    tenant_id: TenantId
    approval_id: UUID
    rule: str
    workspace_id: WorkspaceId
    tool: str | None
    family: RuleFamily
    support_count: int
    contradiction_count: int
    last_observed_at: datetime | None


class EvidenceSource(Value, frozen=True):
    """That the captured calls of a source were counted for an approval."""

    tenant_id: TenantId
    approval_id: UUID
    source_id: UUID
    counted_at: datetime


class EvidenceAnswer(Value, frozen=True):
    """The evidence for a rule as it is shown, with its freshness at that moment."""

    rule: str
    tool: str | None
    family: RuleFamily
    support_count: int
    contradiction_count: int
    last_observed_at: datetime | None
    freshness: Freshness
