"""How much of an agent has been seen, and how much is asked for."""

from typing import Final

from placet.kernel.value import Value
from placet.plans.model import PlanStatus

SOURCES_MAX: Final = 50


class Thresholds(Value, frozen=True):
    """How many observed calls, and how many hundredths of confidence, make a plan ready."""

    calls_min: int
    confidence_percent: int


class Observed(Value, frozen=True):
    """What was observed: sources and calls, tools, and those of them that were called only once.

    `confidence` is a decimal with four places, rounded down; 0 without a call.
    """

    sources: int
    calls: int
    tools: int
    tools_seen_once: int
    confidence: str


class Readiness(Value, frozen=True):
    """What was observed beside what is asked for, and where the plan stands."""

    plan_status: PlanStatus
    observed: Observed
    calls_min: int
    confidence_percent: int
    is_enough: bool
