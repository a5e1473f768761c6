"""What a verifier reads of the texts in a dossier; what else stands in them is under their hash."""

from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope
from placet.kernel.principal import Environment
from placet.kernel.value import Value


class GroupText(Value, frozen=True):
    """How many distinct people of a group an approval takes."""

    name: str
    quorum: int


class PolicyText(Value, frozen=True):
    """What an approval takes, and for how many days it holds; null for ever."""

    quorum: int
    validity_days: int | None = None
    four_eyes: bool = False
    groups: tuple[GroupText, ...] = ()


class MembershipText(Value, frozen=True):
    """A group that a voter's vote counted for, and who confirmed that; nobody at the creation."""

    name: str
    confirmed_by: tuple[UUID, ...]


class FirstText(Value, frozen=True):
    """What a first approver agreed to: the groups, and the workspace that went before."""

    groups: tuple[str, ...]
    succeeds: UUID | None


class VoterText(Value, frozen=True):
    """A voter, and the envelope that proves that they hold their key.

    `key_confirmed_by` let the key in; for a first approver nobody did, and `first` tells what the
    proof must be over.
    """

    actor_id: UUID
    key_id: str
    public_key: bytes
    proof: bytes
    key_confirmed_by: tuple[UUID, ...]
    first: FirstText | None = None
    groups: tuple[MembershipText, ...] = ()


class ProofText(Value, frozen=True):
    """The proof of an approval. The policy stays as it was hashed, and so does its change."""

    tenant_id: UUID
    workspace_id: UUID
    environment: Environment
    request_id: UUID
    snapshot_id: UUID
    snapshot_hash: str
    view_hash: str
    artifact_hash: str
    approval_policy: msgspec.Raw
    approval_policy_hash: str
    policy_change: msgspec.Raw
    votes: tuple[Envelope, ...]
    voters: tuple[VoterText, ...]


class ContentText(Value, frozen=True):
    """What the hash of a snapshot covers. `memory_hash` is that of the contract."""

    tenant_id: UUID
    snapshot_id: UUID
    workspace_id: UUID
    environment: Environment
    memory_hash: str
    source_snapshot_hash: str
    command_history_hash: str
    compiler_version: str


class ViewText(Value, frozen=True):
    """What the voters saw."""

    workspace_id: UUID
    agent: str
    environment: Environment
    snapshot_id: UUID
    snapshot_hash: str
    artifact_hash: str
    policy_change: msgspec.Raw
    review: msgspec.Raw
