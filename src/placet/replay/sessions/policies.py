"""Compiled policies in memory. An artifact never changes, so what is kept is never wrong."""

from collections import OrderedDict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final
from uuid import UUID

from placet.authority import store as authority
from placet.authority.key_changes import store as key_changes
from placet.authority.model import CompiledGovernanceArtifact, KeyPurpose, ServerKey
from placet.events.model import SYSTEM_ACTOR
from placet.evidence.artifact import verify_artifact
from placet.evidence.dsse import EnvelopeRefused, parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.kernel.ids import TenantId
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.policy.compile import compiled_hash
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.needs import Need
from placet.replay.sessions.model import SUPPLIED
from placet.replay.sessions.refusals import ArtifactDoubtful
from placet.storage.database import Database, Reading

ARTIFACTS_MAX: Final = 1_000


class Doubt(StrEnum):
    """Why an artifact cannot be trusted."""

    SIGNATURE = "its signature does not verify"
    ROW = "its row is not what was signed"
    HASH = "its hash is not that of its projections"
    NEEDS = "it has rules that this service cannot enforce"


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

    async def keep(self, tx: Reading, artifact: CompiledGovernanceArtifact) -> Pinned:
        """Load an artifact that was just read, unless it is here already.

        Refuses `artifact_doubtful` for one that is not what a key of ours signed before its end.
        """
        place = (artifact.tenant_id, artifact.artifact_id)
        if place not in self._kept:
            counting = await key_changes.list_counting(tx, artifact.created_at)
            check_artifact(artifact, counting)
            policy = load_policy(artifact.runtime_projection_json)
            check_needs(policy)
            self._kept[place] = Pinned(
                artifact_id=artifact.artifact_id,
                compiled_hash=artifact.compiled_hash,
                policy=policy,
            )
            if len(self._kept) > ARTIFACTS_MAX:
                self._kept.popitem(last=False)
        return self._kept[place]

    async def get(self, db: Database, tenant_id: UUID, artifact_id: UUID) -> Pinned:
        """Return a loaded artifact, reading it when this process meets it for the first time."""
        found = self._kept.get((tenant_id, artifact_id))
        if found is not None:
            self._kept.move_to_end((tenant_id, artifact_id))
            return found
        async with db.reading(acting_for(TenantId(tenant_id))) as tx:
            return await self.keep(tx, await authority.get_artifact(tx, artifact_id))


def check_needs(policy: Policy, supplied: AbstractSet[Need] = SUPPLIED) -> None:
    """Refuse a policy with a rule whose facts no session keeps: it would pass by absence."""
    if not policy.needs <= supplied:
        raise _doubtful(Doubt.NEEDS)


def check_artifact(artifact: CompiledGovernanceArtifact, listed: Sequence[ServerKey]) -> None:
    """Refuse an artifact whose row, hash and signed envelope do not say the same (I23)."""
    keys = [PublicKey(raw=key.public_key) for key in listed if key.purpose is KeyPurpose.ARTIFACT]
    try:
        signed = verify_artifact(parse_envelope(artifact.envelope), keys)
    except EnvelopeRefused as refusal:
        raise _doubtful(Doubt.SIGNATURE) from refusal
    stored = (
        artifact.compiled_hash,
        artifact.approval_id,
        artifact.review_projection_json.decode(),
        artifact.runtime_projection_json.decode(),
        artifact.compat_projection_json.decode(),
    )
    if stored != (
        signed.compiled_hash,
        signed.approval_id,
        signed.review,
        signed.runtime,
        signed.compat,
    ):
        raise _doubtful(Doubt.ROW)
    computed = compiled_hash(
        signed.compiler_version,
        artifact.review_projection_json,
        artifact.runtime_projection_json,
        artifact.compat_projection_json,
    )
    if computed.hex() != artifact.compiled_hash:
        raise _doubtful(Doubt.HASH)


def _doubtful(why: Doubt) -> ArtifactDoubtful:
    return ArtifactDoubtful(
        detail=f"the approved artifact cannot be trusted: {why.value}; nothing was decided",
        retry_after_seconds=60,
    )


def acting_for(tenant_id: TenantId) -> Principal:
    """Return the service itself, at work for one tenant."""
    return Principal(
        tenant_id=tenant_id,
        actor_id=SYSTEM_ACTOR,
        key_id="",
        secret_hash=b"",
        scopes=frozenset(),
    )
