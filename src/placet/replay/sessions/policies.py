"""Compiled policies in memory. An artifact never changes, so what is kept is never wrong."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from placet.authority import store as authority
from placet.authority.model import CompiledGovernanceArtifact
from placet.events.model import SYSTEM_ACTOR
from placet.kernel.ids import TenantId
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.storage.database import Database

ARTIFACTS_MAX: Final = 1_000


class Pinned(Value, frozen=True):
    """What a session is pinned to, ready to decide with."""

    artifact_id: UUID
    compiled_hash: str
    policy: Policy


class Policies:
    """The policies that this process has loaded, by tenant and artifact."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._kept: OrderedDict[tuple[UUID, UUID], Pinned] = OrderedDict()

    def keep(self, artifact: CompiledGovernanceArtifact) -> Pinned:
        """Load an artifact that was just read, unless it is here already."""
        place = (artifact.tenant_id, artifact.artifact_id)
        if place not in self._kept:
            self._kept[place] = Pinned(
                artifact_id=artifact.artifact_id,
                compiled_hash=artifact.compiled_hash,
                policy=load_policy(artifact.runtime_projection_json),
            )
            if len(self._kept) > ARTIFACTS_MAX:
                self._kept.popitem(last=False)
        return self._kept[place]

    async def get(self, db: Database, tenant_id: UUID, artifact_id: UUID) -> Pinned:
        """Return a loaded artifact, reading it when this process meets it for the first time."""
        found = self._kept.get((tenant_id, artifact_id))
        if found is not None:
            return found
        async with db.reading(acting_for(TenantId(tenant_id))) as tx:
            return self.keep(await authority.get_artifact(tx, artifact_id))


def acting_for(tenant_id: TenantId) -> Principal:
    """Return the service itself, at work for one tenant."""
    return Principal(
        tenant_id=tenant_id,
        actor_id=SYSTEM_ACTOR,
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )
