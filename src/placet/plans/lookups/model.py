"""Questions about a plan, and what is known of it without reading it."""

from typing import Final
from uuid import UUID

from placet.kernel.principal import Environment, Principal
from placet.kernel.value import Value
from placet.tenancy.model import ParsedKey

WAITS_MAX: Final = 128
"""Requests of one process that wait at one time."""

WAITS_OF_ONE_MAX: Final = 64
"""Those of them that wait for the same plan."""

LOOK_AGAIN_SECONDS: Final = 5.0
"""How often somebody who waits looks without having heard anything."""


class PlanQuestion(Value, frozen=True):
    """Somebody asks for the plan of an agent in an environment, with a key."""

    key: ParsedKey
    agent: str
    environment: Environment


class PlanLook(Value, frozen=True):
    """Who asks, and what the plan is known by; both null where there is no plan."""

    principal: Principal
    plan_id: UUID | None
    stamp: str | None
