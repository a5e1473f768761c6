"""Collecting everything that proves an approval, or an artifact, into one file.

What comes out is what the service says. Whoever takes it verifies it, with keys that they pinned.
"""

import msgspec

from placet.authority.model import KeyList
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
from placet.evidence.dsse import Envelope
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.ids import TenantId
from placet.kernel.principal import Environment
from placet.studio.approvals.model import ApprovalAnswer, ApprovalProof
from placet.studio.requests.model import RequestAnswer
from placet.studio.snapshots.model import SnapshotAnswer, SnapshotContent


def named_keys(known: KeyList) -> list[NamedKey]:
    """Return the keys that a service lists, ours and people's, as a key list names them.

    A key that ended is among them: it still proves what it signed before. Raises `ValueError` for
    a key that is none, or whose id is not its own.
    """
    ours = [
        NamedKey(
            key_id=key.key_id, public_key=key.public_key, purpose=KeyPurpose(key.purpose.value)
        )
        for key in known.server_keys
    ]
    theirs = [
        NamedKey(
            key_id=key.key_id,
            public_key=key.public_key,
            purpose=KeyPurpose.PERSON,
            actor_id=key.actor_id,
        )
        for key in known.person_keys
    ]
    return ours + theirs


def snapshot_content(
    snapshot: SnapshotAnswer, tenant_id: TenantId, environment: Environment
) -> bytes:
    """Return the bytes that a snapshot's hash covers, made from what it holds."""
    told = {
        "tenant_id": tenant_id,
        "environment": environment,
        "memory_hash": digest("draft_document", bytes(snapshot.memory)).hex(),
    }
    names = SnapshotContent.__struct_fields__
    return canonical({name: told.get(name, getattr(snapshot, name, None)) for name in names})


def approval_dossier(
    approval: ApprovalAnswer,
    snapshot: SnapshotAnswer,
    request: RequestAnswer,
    artifact: Envelope,
    known: KeyList,
) -> bytes:
    """Return the dossier of an approval from what the service tells of it."""
    proof = msgspec.json.decode(approval.approval_proof, type=ApprovalProof)
    content = snapshot_content(snapshot, proof.tenant_id, proof.environment)
    record = ApprovalRecord(
        artifact=ArtifactLine(envelope=artifact),
        snapshot=SnapshotLine(content=content.decode(), contract=bytes(snapshot.memory).decode()),
        view=ViewLine(view=bytes(request.view).decode()),
        approval=ApprovalLine(
            approval_id=approval.approval_id,
            approval_version=approval.approval_version,
            request_id=approval.request_id,
            workspace_id=approval.workspace_id,
            snapshot_id=approval.draft_snapshot_id,
            artifact_id=approval.artifact_id,
            approved_by=tuple(approval.approved_by),
            approved_at=approval.approved_at,
            expires_at=approval.expires_at,
        ),
        proof=ProofLine(proof=bytes(approval.approval_proof).decode()),
    )
    signers = {voter.key_id for voter in proof.voters} | _signers(artifact)
    keys = [key for key in named_keys(known) if key.key_id in signers]
    return write_approval_dossier(proof.tenant_id, keys, record)


def artifact_dossier(tenant_id: TenantId, artifact: Envelope, known: KeyList) -> bytes:
    """Return the dossier of an artifact."""
    keys = [key for key in named_keys(known) if key.key_id in _signers(artifact)]
    return write_artifact_dossier(tenant_id, keys, artifact)


def _signers(envelope: Envelope) -> set[str]:
    return {signature.keyid for signature in envelope.signatures}
