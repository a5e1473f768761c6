"""Granting an approval: everything that it makes true, in one transaction."""

import asyncio
from typing import assert_never
from uuid import UUID

from msgspec.structs import replace

from placet.authority import store as authority
from placet.authority.key_changes import store as key_changes
from placet.authority.key_commands import CommandKey
from placet.authority.model import CompiledGovernanceArtifact, KeyPurpose
from placet.authority.server_keys import ServerKeys, ended
from placet.authority.signers import Signer
from placet.evidence.artifact import ARTIFACT_TYPE, ArtifactPayload, sign_artifact
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.vote import VotePurpose
from placet.kernel.canonical import canonical
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.plans.model import ApprovePlan
from placet.policy.compile import Compiled, compile_contract, contract_hash
from placet.storage.database import Writing
from placet.storage.faults import StateMovedOn
from placet.storage.work import EXPIRE_APPROVAL, SCAN_DRIFT, put_due
from placet.studio.approvals import rules, store
from placet.studio.approvals.model import (
    ApprovalGranted,
    GovernanceApproval,
    GrantApproval,
    Granted,
)
from placet.studio.drafts import store as drafts
from placet.studio.snapshots import rules as snapshot_rules
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import ApprovalPolicyChanged, GovernanceWorkspace


class Prepared(Value, frozen=True):
    """What a snapshot compiles to, and the hash of the contract that it was read as."""

    compiled: Compiled
    contract_hash: str


class SignedBefore(Value, frozen=True):
    """The artifact of an approval, signed before the transaction that grants it."""

    approval_id: UUID
    envelope: Envelope

    def what(self) -> tuple[str, bytes]:
        """Return by which key it is signed, and what."""
        return self.envelope.signatures[0].keyid, self.envelope.payload


class SignatureWanted(Exception):  # noqa: N818 -- what is asked for; nothing of the transaction stays
    """A command has to sign the artifact of an approval before it is granted."""

    def __init__(self, approval_id: UUID, payload: bytes) -> None:
        """Name the approval, and the artifact as it is to be signed."""
        super().__init__(f"the artifact of approval {approval_id} has to be signed")
        self.approval_id = approval_id
        self.payload = payload


async def sign_before(wanted: SignatureWanted, keys: ServerKeys) -> SignedBefore:
    """Have an artifact signed, with no transaction open. Refuses `governance_unavailable`."""
    envelope = await keys.sign(KeyPurpose.ARTIFACT, ARTIFACT_TYPE, wanted.payload)
    return SignedBefore(approval_id=wanted.approval_id, envelope=envelope)


async def prepare(snapshot: BusinessDraftSnapshot) -> Prepared | None:
    """Return what a snapshot compiles to, which follows from its bytes alone, or None.

    On a thread, because a large contract takes most of a second. Comes before anything is locked.
    """
    return await asyncio.to_thread(_prepared, snapshot)


async def grant_approval(  # noqa: PLR0913, PLR0917 -- what is granted, and what it is signed with
    tx: Writing,
    asked: GrantApproval,
    prepared: Prepared | None,
    keys: ServerKeys,
    ids: Ids,
    signed: SignedBefore | None = None,
) -> tuple[Granted, list[Value]]:
    """Approve a snapshot, and return with it what the workspace's stream is to be told.

    The caller has checked the votes and holds the request; `prepared` is of the same snapshot.
    Refuses `approval_refused` when the draft was edited after the snapshot or the snapshot compiles
    to something else, `governance_unavailable` when the key that would sign has ended, and
    conflicts when the workspace or the plan moved at the same moment. One that is for break-glass
    moves neither the plan nor what the workspace has in force. Raises `SignatureWanted` where a
    command has the key: it signs with no transaction open, and what it `signed` is brought along.
    """
    snapshot = await snapshots.get_snapshot(tx, asked.snapshot_id)
    workspace = await workspaces.get_workspace(tx, snapshot.workspace_id)
    made = _as_signed(prepared, snapshot, asked)
    approval_id = ids.new() if signed is None else signed.approval_id
    approval = await _approval(tx, asked, snapshot, approval_id, ids)
    as_judged = replace(
        await drafts.get_draft(tx, snapshot.draft_id),
        current_version=snapshot.version,
        active_snapshot_id=snapshot.snapshot_id,
    )
    if not await drafts.advance_to_approved(tx, as_judged, approval.approval_id):
        draft = await drafts.get_draft(tx, snapshot.draft_id)
        raise rules.refused([rules.version_moved(snapshot, draft)])
    if not await _advance(tx, workspace, approval, asked):
        raise StateMovedOn(detail="the workspace was changed at the same moment")
    approval = replace(
        approval, approval_version=await store.next_version(tx, workspace.workspace_id)
    )
    artifact = _artifact(approval, snapshot, made, await _signing(tx, keys), signed)
    await authority.insert_artifact(tx, artifact)
    await store.insert_approval(tx, approval)
    if approval.expires_at is not None:
        await put_due(tx, EXPIRE_APPROVAL, approval.approval_id, approval.approved_at)
    granted = Granted(approval=approval, compiled_hash=artifact.compiled_hash)
    said: list[Value] = [_said(granted, snapshot)]
    if approval.purpose is VotePurpose.ORDINARY:
        said += await _put_in_force(tx, workspace, granted, asked)
    return granted, said


async def _advance(
    tx: Writing,
    workspace: GovernanceWorkspace,
    approval: GovernanceApproval,
    asked: GrantApproval,
) -> bool:
    """Move the workspace's pointers: to the approval, unless it only stands by."""
    if approval.purpose is VotePurpose.BREAK_GLASS:
        return await workspaces.advance_draft(tx, workspace, None)
    policy = asked.policy_change.approval_policy if asked.policy_change else None
    return await workspaces.advance_approval(
        tx, workspace, approval.approval_id, policy or workspace.approval_policy
    )


async def _put_in_force(
    tx: Writing, workspace: GovernanceWorkspace, granted: Granted, asked: GrantApproval
) -> list[Value]:
    approval = granted.approval
    await put_due(tx, SCAN_DRIFT, approval.workspace_id, approval.approved_at)
    plan = ApprovePlan(
        agent=workspace.agent,
        environment=workspace.environment,
        artifact_id=approval.artifact_id,
        compiled_hash=granted.compiled_hash,
        approval_id=approval.approval_id,
        approved_at=approval.approved_at,
        approval_expires_at=approval.expires_at,
    )
    said: list[Value] = [await plans.approve_plan(tx, plan)]
    if asked.policy_change is not None:
        said.append(
            ApprovalPolicyChanged(
                approval_id=approval.approval_id,
                before=workspace.approval_policy,
                after=asked.policy_change.approval_policy,
            )
        )
    return said


def _prepared(snapshot: BusinessDraftSnapshot) -> Prepared | None:
    contract = snapshot_rules.read_memory(snapshot.memory_json)
    if isinstance(contract, list):
        return None
    return Prepared(
        compiled=compile_contract(contract), contract_hash=contract_hash(contract).hex()
    )


def _as_signed(
    prepared: Prepared | None, snapshot: BusinessDraftSnapshot, asked: GrantApproval
) -> Prepared:
    """Return what the snapshot compiles to, which must be what the voters signed."""
    if prepared is None:
        raise rules.refused([rules.compiled_otherwise()])
    compiled = prepared.compiled
    if (compiled.compiled_hash.hex(), compiled.compiler_version) != (
        asked.artifact_hash,
        snapshot.compiler_version,
    ):
        raise rules.refused([rules.compiled_otherwise()])
    return prepared


async def _approval(
    tx: Writing,
    asked: GrantApproval,
    snapshot: BusinessDraftSnapshot,
    approval_id: UUID,
    ids: Ids,
) -> GovernanceApproval:
    approved_at = await tx.now()
    return GovernanceApproval(
        tenant_id=tx.tenant_id,
        approval_id=approval_id,
        workspace_id=snapshot.workspace_id,
        draft_snapshot_id=snapshot.snapshot_id,
        request_id=asked.proof.request_id,
        approval_version=0,
        artifact_id=ids.new(),
        source_snapshot_hash=snapshot.source_snapshot_hash,
        command_history_hash=snapshot.command_history_hash,
        compiler_version=snapshot.compiler_version,
        approval_proof_json=canonical(asked.proof),
        approved_by=asked.approved_by,
        approved_at=approved_at,
        expires_at=rules.expiry_of(asked.approval_policy, approved_at),
        purpose=asked.purpose,
    )


async def _signing(tx: Writing, keys: ServerKeys) -> Signer:
    """Return the key to sign with, which ends no sooner than this transaction.

    Refuses `governance_unavailable` where it has ended and this process has yet to learn of it.
    """
    key = keys.artifact
    await key_changes.hold_ends(tx)
    if await key_changes.is_ended(tx, key.key_id):
        raise ended(KeyPurpose.ARTIFACT)
    return key


def _artifact(
    approval: GovernanceApproval,
    snapshot: BusinessDraftSnapshot,
    made: Prepared,
    key: Signer,
    signed: SignedBefore | None,
) -> CompiledGovernanceArtifact:
    compiled = made.compiled
    payload = ArtifactPayload(
        compiled_hash=compiled.compiled_hash.hex(),
        compiler_version=compiled.compiler_version,
        snapshot_id=snapshot.snapshot_id,
        snapshot_hash=snapshot.snapshot_hash,
        approval_id=approval.approval_id,
        review=compiled.review.decode(),
        runtime=compiled.runtime.decode(),
        compat=compiled.compat.decode(),
    )
    return CompiledGovernanceArtifact(
        tenant_id=approval.tenant_id,
        artifact_id=approval.artifact_id,
        approval_id=approval.approval_id,
        compiled_hash=payload.compiled_hash,
        contract_hash=made.contract_hash,
        compiler_version=compiled.compiler_version,
        review_projection_json=compiled.review,
        runtime_projection_json=compiled.runtime,
        compat_projection_json=compiled.compat,
        envelope=encode_envelope(_envelope(payload, key, signed)),
        created_at=approval.approved_at,
    )


def _envelope(payload: ArtifactPayload, key: Signer, signed: SignedBefore | None) -> Envelope:
    """Return the artifact signed by this key: here, or before by the command that has it."""
    match key:
        case SigningKey():
            return sign_artifact(payload, key)
        case CommandKey():
            wanted = canonical(payload)
            if signed is None or signed.what() != (key.key_id, wanted):
                raise SignatureWanted(payload.approval_id, wanted)
            return signed.envelope
        case _:
            assert_never(key)


def _said(granted: Granted, snapshot: BusinessDraftSnapshot) -> ApprovalGranted:
    approval = granted.approval
    return ApprovalGranted(
        approval_id=approval.approval_id,
        request_id=approval.request_id,
        approval_version=approval.approval_version,
        snapshot_id=snapshot.snapshot_id,
        snapshot_hash=snapshot.snapshot_hash,
        artifact_id=approval.artifact_id,
        compiled_hash=granted.compiled_hash,
        approved_by=approval.approved_by,
        expires_at=approval.expires_at,
        purpose=approval.purpose,
    )
