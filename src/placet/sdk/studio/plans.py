"""What holds for an agent now."""

from placet.kernel.principal import Environment
from placet.plans.model import PlanAnswer
from placet.sdk.studio.door import Door


class Plans:
    """The plan of one agent in one environment each."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def get(self, agent: str, environment: Environment) -> PlanAnswer:
        """Return the plan as it is now. Raises `PlanNotFound` where there is none."""
        return await self._door.get(
            "/governance/plan", PlanAnswer, agent=agent, environment=environment.value
        )
