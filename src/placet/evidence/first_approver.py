"""What the first approvers of a workspace sign over: the workspace that they are to be first in.

Nobody confirms a first approver, so their own proof of possession is all that says that they agreed
to be one. Its challenge is therefore no random number but the hash of what is to be made: a proof
that was made for one workspace is none for another.
"""

from collections.abc import Iterable
from uuid import UUID

from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.fields import Name
from placet.evidence.vote import sign_proof
from placet.kernel.canonical import canonical
from placet.kernel.hashing import Digest, digest
from placet.kernel.principal import Environment
from placet.kernel.value import Input


class FirstNaming(Input, frozen=True):
    """A workspace that is to be made, as one of its first approvers agrees to it.

    `groups` are those of the approval policy that the approver is to be in, sorted, each once.
    `succeeds` is the archived workspace of the same agent and environment that was made last before
    it, null for none: so a proof serves one workspace and none that comes after it.
    """

    tenant_id: UUID
    agent: Name
    environment: Environment
    groups: tuple[Name, ...]
    succeeds: UUID | None


def first_naming(
    tenant_id: UUID,
    agent: str,
    environment: Environment,
    groups: Iterable[str] = (),
    succeeds: UUID | None = None,
) -> FirstNaming:
    """Return the naming with its groups in order."""
    return FirstNaming(
        tenant_id=tenant_id,
        agent=agent,
        environment=environment,
        groups=tuple(sorted(set(groups))),
        succeeds=succeeds,
    )


def first_challenge(naming: FirstNaming) -> Digest:
    """Return the 32 bytes that the proof of possession of a first approver is made over."""
    return digest("first_approver", canonical(naming))


def sign_first_proof(naming: FirstNaming, actor_id: UUID, key: SigningKey) -> Envelope:
    """Return the proof, in its envelope, that the actor holds this key and agrees to be first."""
    return sign_proof(naming.tenant_id, actor_id, first_challenge(naming), key)
