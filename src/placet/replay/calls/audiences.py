"""Which host a grant is for: what this process remembers of who runs tools."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from placet.authority.controls import store as controls
from placet.authority.tool_hosts import store as hosts
from placet.authority.tool_hosts.rules import audiences_of
from placet.evidence.fields import ControlSeen, Fence
from placet.kernel.ids import TenantId
from placet.kernel.principal import Environment
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database

PLACES_MAX: Final = 10_000
NO_EPOCH: Final = 0


class Audiences:
    """The hosts of tools by tenant, environment and restore epoch, as of a control epoch.

    Registering a host and ending one raise the tenant's epoch, and every grant is given under one.
    So what was read at that epoch or later is what counts, and a tenant that never had either is
    not asked about at all. A restore sets control epochs back, so what was read before it counts no
    more.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._kept: OrderedDict[tuple[UUID, Environment, int], tuple[int, dict[str, str]]]
        self._kept = OrderedDict()

    async def at(
        self,
        db: Database,
        tenant_id: UUID,
        environment: Environment,
        given_under: tuple[Fence, ControlSeen],
    ) -> dict[str, str]:
        """Return for whom grants are that are given at these epochs, by tool."""
        fence, control = given_under
        if control.epoch == NO_EPOCH:
            return {}
        place = (tenant_id, environment, fence.epoch)
        seen, found = self._kept.get(place, (NO_EPOCH, {}))
        if seen < control.epoch:
            async with db.reading(acting_for(TenantId(tenant_id))) as tx:
                # The epoch first: who comes between the two is read, and is read again.
                seen = await controls.get_epoch(tx)
                found = audiences_of(await hosts.list_live_hosts(tx, environment), environment)
            self._kept[place] = seen, found
            if len(self._kept) > PLACES_MAX:
                self._kept.popitem(last=False)
        self._kept.move_to_end(place)
        return found
