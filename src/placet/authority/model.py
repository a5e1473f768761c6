"""People's keys, our keys and compiled artifacts: what they are, and what is said about them."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Forbidden, Invalid, NotFound
from placet.kernel.value import Input, Value

PUBLIC_KEY_BYTES: Final = 32
ENVELOPE_BYTES_MAX: Final = 65_536
REASON_MAX: Final = 2_000


class KeyPurpose(StrEnum):
    """What a key of ours signs, and nothing else."""

    GRANT = "grant"
    ARTIFACT = "artifact"
    CHECKPOINT = "checkpoint"


class KeyUse(StrEnum):
    """Whose a public key is. A key is of one use for ever, also after its end."""

    SERVER = "server"
    PERSON = "person"
    TOOL_HOST = "tool_host"
    ISSUER = "issuer"


class ServerKey(Value, frozen=True):
    """The public half of a key of ours. `key_id` is SHA-256 of its SPKI form, in hex."""

    key_id: HexDigest
    purpose: KeyPurpose
    public_key: bytes
    created_at: datetime


class ServerKeyRotation(Value, frozen=True):
    """That one key of ours takes over from another: the same document, signed by both.

    `by_old` and `by_new` are envelopes as canonical JSON.
    """

    new_key_id: HexDigest
    old_key_id: HexDigest
    purpose: KeyPurpose
    by_old: bytes
    by_new: bytes
    rotated_at: datetime


class ServerKeyEnd(Value, frozen=True):
    """The end of a key of ours. There is no way back."""

    key_id: HexDigest
    reason: str
    ended_at: datetime


class PersonKey(Value, frozen=True):
    """A key that a person votes with.

    `proof` is the envelope that shows possession; `confirmed_by` the approvers who confirmed the
    enrolment, nobody for the first approvers of a workspace.
    """

    tenant_id: TenantId
    key_id: HexDigest
    actor_id: ActorId
    public_key: bytes
    proof: bytes
    confirmed_by: list[ActorId]
    enrolled_at: datetime


class KeyRevocation(Value, frozen=True):
    """The end of a person's key: no vote by it counts from here on. There is no way back."""

    tenant_id: TenantId
    key_id: HexDigest
    revoked_by: ActorId
    reason: str
    revoked_at: datetime


class CompiledGovernanceArtifact(Value, frozen=True):
    """What an approved snapshot compiles to. Hashes are hex; `envelope` is the signed whole."""

    tenant_id: TenantId
    artifact_id: UUID
    approval_id: UUID
    compiled_hash: HexDigest
    contract_hash: HexDigest
    compiler_version: str
    review_projection_json: bytes
    runtime_projection_json: bytes
    compat_projection_json: bytes
    envelope: bytes
    created_at: datetime


class EnrolKey(Input, frozen=True):
    """Enrol the key that a person votes with.

    `public_key` is the raw Ed25519 key, `proof` the envelope of the proof of possession as JSON;
    both travel in base64.
    """

    actor_id: ActorId
    public_key: Annotated[
        bytes, msgspec.Meta(min_length=PUBLIC_KEY_BYTES, max_length=PUBLIC_KEY_BYTES)
    ]
    proof: Annotated[bytes, msgspec.Meta(min_length=1, max_length=ENVELOPE_BYTES_MAX)]


class ProofWanted(Value, frozen=True):
    """What a proof of possession must be over: 32 bytes, and in words what they stand for."""

    challenge: bytes
    over: str = "the challenge that was given"


class RevokeKey(Input, frozen=True):
    """End a person's key, and say why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class KeyList(Value, frozen=True):
    """Every key that was ever listed in this tenant: ours and people's, and which of them ended.

    `server_rotations` tell which of ours took over from which, signed by both: of each purpose the
    newest 400. What a key with the scope `runtime` alone is shown holds ours only, with the newest
    8, and says nothing of people.
    """

    server_keys: list[ServerKey]
    person_keys: list[PersonKey]
    revocations: list[KeyRevocation]
    server_rotations: list[ServerKeyRotation] = msgspec.field(default_factory=list)
    server_ends: list[ServerKeyEnd] = msgspec.field(default_factory=list)


class EnrolmentFlaw(StrEnum):
    """Why a key was not enrolled."""

    KEY_UNSAFE = "key_unsafe"
    PROOF_INVALID = "proof_invalid"
    PROOF_OF_ANOTHER = "proof_of_another"
    ACTOR_UNKNOWN = "actor_unknown"
    NOT_A_PERSON = "not_a_person"
    ACTOR_DISABLED = "actor_disabled"
    KEY_TAKEN = "key_taken"
    KEY_REVOKED = "key_revoked"
    KEY_KNOWN_HERE = "key_known_here"
    CHALLENGE_UNKNOWN = "challenge_unknown"
    CHALLENGE_EXPIRED = "challenge_expired"
    CHALLENGE_USED = "challenge_used"
    GROUP_UNKNOWN = "group_unknown"


class EnrolmentReason(Value, frozen=True):
    """One thing that stands against an enrolment."""

    code: EnrolmentFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class EnrolmentRefused(Invalid):
    """The key was not enrolled."""

    hint = "sign the proof of possession with the key itself, for this tenant and this person"
    actor_id: UUID
    reasons: list[EnrolmentReason]


class ArtifactQuery(Input, frozen=True):
    """Of which approval the artifact is wanted, where several compiled to the same hash."""

    approval_id: UUID | None = None


class ArtifactNotFound(NotFound):
    """There is no such artifact here."""


class KeyOfAnother(Forbidden):
    """The key is another person's."""

    hint = "its holder revokes a key, or an admin"


class PersonKeyEnrolled(Value, frozen=True):
    """Event: a person's key counts from here on. `public_key` and `proof` are base64."""

    actor_id: ActorId
    key_id: HexDigest
    public_key: bytes
    proof: bytes
    confirmed_by: list[ActorId]


class PersonKeyRevoked(Value, frozen=True):
    """Event: a person's key counts no more; no vote by it is counted after this."""

    actor_id: ActorId
    key_id: HexDigest
    reason: str
