"""The plan, and what an environment makes of a missing approval and of a service that is away."""

import asyncio
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.plans.model import Enforcement, PlanAnswer, PlanStatus, Unplanned
from placet.sdk.caller import Ask, Caller, query_of, read
from placet.sdk.retry import Patience

_STRICTNESS: Final = (Environment.DEVELOPMENT, Environment.STAGING, Environment.PRODUCTION)
_KEY_MARKS: Final = {
    "dev": Environment.DEVELOPMENT,
    "stg": Environment.STAGING,
    "prd": Environment.PRODUCTION,
}
_NOT_MODIFIED: Final = 304


class Posture(StrEnum):
    """How calls are treated.

    `block`: the service decides, and what it refuses is not run. `report`: it decides and records,
    and everything runs. `capture`: nothing is approved, everything runs. `unguarded`: nobody
    answers, everything runs and is counted. `deny`: nothing runs.
    """

    BLOCK = "block"
    REPORT = "report"
    CAPTURE = "capture"
    UNGUARDED = "unguarded"
    DENY = "deny"


def decide_posture(
    environment: Environment, plan: PlanAnswer | None, *, reachable: bool
) -> Posture:
    """Return how calls are treated in this environment. A plan read from disk is no plan here.

    Only development runs anything while nobody answers; only a workspace's own word lets staging
    run what was never approved, and nothing lets production.
    """
    approved = plan is not None and plan.status in {PlanStatus.APPROVED, PlanStatus.ENFORCING}
    match environment:
        case Environment.DEVELOPMENT:
            if not reachable:
                return Posture.UNGUARDED
            return Posture.REPORT if approved else Posture.CAPTURE
        case Environment.STAGING:
            if not reachable or plan is None:
                return Posture.DENY
            if approved:
                blocks = plan.enforcement is Enforcement.BLOCK
                return Posture.BLOCK if blocks else Posture.REPORT
            return Posture.CAPTURE if plan.unplanned is Unplanned.CAPTURE else Posture.DENY
        case Environment.PRODUCTION:
            return Posture.BLOCK if reachable and approved else Posture.DENY


def strictest(*known: Environment | None) -> Environment:
    """Return the strictest of the environments that are known; production if none is."""
    return max(
        (environment for environment in known if environment is not None),
        key=_STRICTNESS.index,
        default=Environment.PRODUCTION,
    )


def environment_of_key(api_key: str) -> Environment | None:
    """Return the environment that an API key's text is marked with, or none."""
    parts = api_key.split("_")
    return _KEY_MARKS.get(parts[1]) if len(parts) > 1 and parts[0] == "plc" else None


class KnownPlan(Value, frozen=True):
    """A plan as it was last answered. `is_fresh` is false where it came from disk instead.

    One that is not fresh serves display and narrowing, and grants nothing.
    """

    plan: PlanAnswer
    etag: str
    is_fresh: bool = True


class Keeper(Protocol):
    """Where the last plans are kept between processes."""

    def read(self, agent: str, environment: Environment) -> KnownPlan | None:
        """Return the kept plan, or none."""
        ...

    def write(self, known: KnownPlan) -> None:
        """Keep a plan; a plan that cannot be kept is no error."""
        ...


PACE_SECONDS: Final = 2.0
"""A plan that is waited for is asked for at most so often while it stays the same."""


class PlanBook:
    """Fetches the plan of one agent in one environment, and again only if it has changed."""

    def __init__(self, caller: Caller, patience: Patience, kept: Keeper | None = None) -> None:
        """Take a caller, how long to try, and where the last plans are kept, if anywhere."""
        self._caller = caller
        self._patience = patience
        self._kept = kept
        self._known: dict[tuple[str, Environment], KnownPlan] = {}

    def __repr__(self) -> str:
        """Show whose plans are known."""
        names = ", ".join(f"{agent}@{where.value}" for agent, where in self._known)
        return f"PlanBook({names})"

    async def fetch(
        self, agent: str, environment: Environment, *, wait_seconds: int = 0
    ) -> KnownPlan:
        """Return the plan, fresh from the service, or the last known one where nobody answers.

        A plan that is known already is waited for to change, for up to `wait_seconds` (at most 30).
        Raises the service's refusals (`plan_not_found`, `key_bound_elsewhere`), and
        `GovernanceUnavailable` where nobody answers and no plan was ever kept.
        """
        # What lies on disk may have been changed there: no tag of it is ever asked about.
        known = self._known.get((agent, environment))
        wait = wait_seconds or None
        query = query_of({"agent": agent, "environment": environment.value, "wait": wait})
        patience = msgspec.structs.replace(
            self._patience,
            total=self._patience.total + wait_seconds,
            attempt=self._patience.attempt + wait_seconds,
        )
        headers = {} if known is None else {"If-None-Match": known.etag}
        ask = Ask(method="GET", path=f"/governance/plan{query}", headers=headers)
        began = asyncio.get_running_loop().time()
        try:
            heard = await self._caller.hear(ask, patience)
        except GovernanceUnavailable:
            last = known or self._read(agent, environment)
            if last is None:
                raise
            return msgspec.structs.replace(last, is_fresh=False)
        if heard.response.status == _NOT_MODIFIED and known is not None:
            fresh = msgspec.structs.replace(known, is_fresh=True)
            # A service where too many wait answers at once. Who asks in a loop asks no faster.
            waited = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(0.0, min(wait_seconds, PACE_SECONDS) - waited))
        else:
            etag = heard.response.headers.get("etag", "")
            fresh = KnownPlan(plan=read(heard, PlanAnswer), etag=etag)
            if self._kept is not None:
                self._kept.write(fresh)
        self._known[(agent, environment)] = fresh
        return fresh

    def _read(self, agent: str, environment: Environment) -> KnownPlan | None:
        return None if self._kept is None else self._kept.read(agent, environment)
