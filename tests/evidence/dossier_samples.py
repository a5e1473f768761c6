"""One small approval, always the same, and its dossier."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace
from tests.evidence.samples import (
    ARTIFACT_KEY,
    PERSON,
    PERSON_KEY,
    STARTED,
    TENANT,
    WORKSPACE,
    hash_of,
    uuid_of,
)

from placet.evidence.artifact import ArtifactPayload, sign_artifact
from placet.evidence.bundle import KeyPurpose, NamedKey
from placet.evidence.dossier import (
    ApprovalLine,
    ApprovalRecord,
    ArtifactLine,
    ProofLine,
    SnapshotLine,
    ViewLine,
    write_approval_dossier,
    write_artifact_dossier,
)
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.first_approver import first_naming, sign_first_proof
from placet.evidence.vote import ApprovalVote, VoteDecision, VotePurpose, sign_vote
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment

SECOND: Final = uuid_of("ben")
SECOND_KEY: Final = SigningKey(b"\x05" * 32)
CONTRACT: Final = b'{"agent":"desk","tools":[]}'
REVIEW: Final = '{"rules":["nothing ż is allowed"]}'


POLICY: Final[dict[str, Any]] = {
    "quorum": 2,
    "groups": [{"name": "risk", "quorum": 1}],
    "four_eyes": True,
    "validity_days": 30,
}
VOTERS: Final = ((PERSON_KEY, PERSON), (SECOND_KEY, SECOND))
Fields = dict[str, Any]
Change = Fields | None


def approval_record(  # noqa: PLR0913 -- one argument per part that a forger may change
    *,
    content: Change = None,
    artifact: Change = None,
    view: Change = None,
    vote: Change = None,
    voter: Change = None,
    proof: Change = None,
    approval: Change = None,
    policy: Fields = POLICY,
    voters: Sequence[tuple[SigningKey, UUID]] = VOTERS,
    contract: bytes = CONTRACT,
    artifact_key: SigningKey = ARTIFACT_KEY,
) -> ApprovalRecord:
    """Return the lines of an approval whose parts follow from each other, some of them changed.

    What comes later is hashed and signed over what was changed before it.
    """
    common: Fields = {
        "tenant_id": TENANT,
        "workspace_id": WORKSPACE,
        "environment": Environment.PRODUCTION,
        "snapshot_id": uuid_of("snapshot"),
    }
    frozen = common | {
        "memory_hash": digest("draft_document", CONTRACT).hex(),
        "source_snapshot_hash": hash_of("sources"),
        "command_history_hash": hash_of("commands"),
        "compiler_version": "2",
        "findings": [],
    }
    content_text = canonical(frozen | (content or {}))
    payload = _payload(digest("draft_snapshot", content_text).hex(), artifact or {})
    hashes = {"snapshot_hash": payload.snapshot_hash, "artifact_hash": payload.compiled_hash}
    view_text = canonical(
        common
        | hashes
        | {"agent": "desk", "review": msgspec.json.decode(REVIEW), "policy_change": None}
        | (view or {})
    )
    policy_text = canonical(policy)
    signed = hashes | {
        "view_hash": digest("approval_view", view_text).hex(),
        "approval_policy_hash": digest("approval_policy", policy_text).hex(),
        "request_id": uuid_of("request"),
    }
    said = (
        common
        | signed
        | {
            "purpose": VotePurpose.ORDINARY,
            "decision": VoteDecision.APPROVE,
            "source_hash": frozen["source_snapshot_hash"],
            "command_history_hash": frozen["command_history_hash"],
            "compiler_version": frozen["compiler_version"],
            "latest_checkpoint": None,
        }
    )
    whole = (
        common
        | signed
        | {
            "approval_policy": policy,
            "policy_change": None,
            "votes": [
                sign_vote(
                    ApprovalVote(**(said | {"voter_id": who, "key_id": key.key_id} | (vote or {}))),
                    key,
                )
                for key, who in voters
            ],
            "voters": [_voter(key, who) | (voter or {}) for key, who in voters],
        }
    )
    told: Fields = {
        "approval_id": payload.approval_id,
        "approval_version": 1,
        "request_id": uuid_of("request"),
        "workspace_id": WORKSPACE,
        "snapshot_id": uuid_of("snapshot"),
        "artifact_id": uuid_of("artifact"),
        "approved_by": tuple(who for _, who in voters),
        "approved_at": STARTED,
        "expires_at": STARTED + timedelta(days=30),
    }
    return ApprovalRecord(
        artifact=ArtifactLine(envelope=sign_artifact(payload, artifact_key)),
        snapshot=SnapshotLine(content=content_text.decode(), contract=contract.decode()),
        view=ViewLine(view=view_text.decode()),
        approval=ApprovalLine(**(told | (approval or {}))),
        proof=ProofLine(proof=canonical(whole | (proof or {})).decode()),
    )


def approval_file(record: ApprovalRecord | None = None) -> bytes:
    """Return the dossier of the sample approval, or of another record."""
    return write_approval_dossier(TENANT, dossier_keys(), record or approval_record())


def artifact_file() -> bytes:
    """Return the dossier of the sample artifact."""
    return write_artifact_dossier(TENANT, dossier_keys()[:1], approval_record().artifact.envelope)


def dossier_keys() -> list[NamedKey]:
    """Return the keys that the sample's signatures are by."""
    named = (
        (ARTIFACT_KEY, KeyPurpose.ARTIFACT, None),
        (PERSON_KEY, KeyPurpose.PERSON, PERSON),
        (SECOND_KEY, KeyPurpose.PERSON, SECOND),
    )
    return [
        NamedKey(key_id=key.key_id, public_key=key.public.raw, purpose=purpose, actor_id=actor)
        for key, purpose, actor in named
    ]


def _payload(snapshot_hash: str, changes: Fields) -> ArtifactPayload:
    projections: Fields = {
        "compat": "{}",
        "compiler_version": "2",
        "review": REVIEW,
        "runtime": '{"tools":{}}',
    }
    whole = projections | {
        "compiled_hash": digest("compiled", canonical(projections)).hex(),
        "snapshot_id": uuid_of("snapshot"),
        "snapshot_hash": snapshot_hash,
        "approval_id": uuid_of("approval"),
    }
    return ArtifactPayload(**(whole | changes))


def first_proof(key: SigningKey = PERSON_KEY, who: UUID = PERSON, **otherwise: object) -> bytes:
    """Return the proof of a first approver of the sample's workspace, or of another one."""
    naming = first_naming(TENANT, "desk", Environment.PRODUCTION, ["risk"])
    return encode_envelope(sign_first_proof(replace(naming, **otherwise), who, key))


def _voter(key: SigningKey, who: UUID) -> Fields:
    return {
        "actor_id": who,
        "key_id": key.key_id,
        "public_key": key.public.raw,
        "proof": first_proof(key, who),
        "key_confirmed_by": [],
        "first": {"groups": ["risk"], "succeeds": None},
        "groups": [{"name": "risk", "confirmed_by": []}],
    }
