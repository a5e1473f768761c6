"""What an approval makes true, and that it can be proved without us."""

import json
from datetime import timedelta
from threading import get_ident
from uuid import UUID

import msgspec
import pytest
from tests.studio.story import AGENT, LOOKUP, Story, contract, importing

from placet.authority import store as authority
from placet.authority.key_changes.service import end_key
from placet.authority.model import ServerKeyEnd
from placet.authority.server_keys import NOBODY, ServerKeys
from placet.events.model import StreamId
from placet.events.store import list_events
from placet.evidence.artifact import verify_artifact
from placet.evidence.dsse import parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.evidence.vote import VotePurpose, verify_proof, verify_vote
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable, RequestInProgress
from placet.plans import service as plans
from placet.plans.model import PlanStatus
from placet.policy.compile import Compiled, compile_contract
from placet.policy.model import Contract
from placet.storage.database import Writing
from placet.studio.approvals import service, store
from placet.studio.approvals.model import (
    ApprovalFlaw,
    ApprovalProof,
    ApprovalRefused,
    GrantApproval,
)
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import DraftStatus
from placet.studio.requests import service as request_service
from placet.studio.requests import store as request_store
from placet.studio.requests.model import ApprovalRequest
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.snapshots.rules import read_memory
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import (
    ApprovalPolicy,
    GovernanceWorkspace,
    RuntimeAuthorityKind,
)


async def test_an_approval_moves_draft_workspace_and_plan_and_tells_of_it(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer, policy=ApprovalPolicy(validity_days=30))
    draft, snapshot, request = await story.asked(workspace)
    answer = await story.vote(request, signer)
    assert answer.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        approval = await store.get_approval(tx, answer.approval_id)
        now = await workspaces.get_workspace(tx, workspace.workspace_id)
        closed = await drafts.get_draft(tx, draft.draft_id)
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=50)
    assert closed.status is DraftStatus.APPROVED
    assert (now.active_draft_id, now.active_draft_snapshot_id) == (None, None)
    assert now.active_approval_id == approval.approval_id
    assert now.runtime_authority_kind is RuntimeAuthorityKind.ARTIFACT
    assert (approval.approval_version, approval.draft_snapshot_id) == (1, snapshot.snapshot_id)
    assert approval.expires_at == approval.approved_at + timedelta(days=30)
    assert plan is not None
    assert (plan.status, plan.approval_id) == (PlanStatus.APPROVED, approval.approval_id)
    assert (plan.artifact_id, plan.approval_expires_at) == (
        approval.artifact_id,
        approval.expires_at,
    )
    assert [event.type for event in events][-2:] == ["ApprovalGranted", "PlanApproved"]


async def test_a_second_approval_takes_the_next_version_and_the_plan(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    first, _, request = await story.asked(workspace)
    before = await story.vote(request, signer)
    draft = await story.draft(workspace, first.draft_id)
    await story.command(draft, importing(contract(LOOKUP)))
    after = await story.vote(await story.request(await story.snapshot(draft)), signer)
    assert after.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        approval = await store.get_approval(tx, after.approval_id)
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
    assert approval.approval_version == 2
    assert plan is not None
    assert plan.compiled_hash == after.compiled_hash != before.compiled_hash


async def test_the_same_contract_elsewhere_compiles_to_the_same_hash(story: Story) -> None:
    there = await story.approved(environment=Environment.STAGING)
    here = await story.approved(environment=Environment.DEVELOPMENT)
    assert here.compiled_hash == there.compiled_hash
    assert here.approval_id != there.approval_id
    assert here.compiled_hash is not None
    async with story.db.reading(story.founder) as tx:
        assert len(await authority.list_artifacts_of(tx, here.compiled_hash)) == 2


async def test_an_approval_and_its_artifact_verify_with_the_key_list_alone(story: Story) -> None:
    signer = await story.signer()
    _, snapshot, request = await story.asked(await story.workspace(signer))
    answer = await story.vote(request, signer)
    assert answer.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        approval = await store.get_approval(tx, answer.approval_id)
        artifact = await authority.get_artifact(tx, approval.artifact_id)
        listed = await authority.list_server_keys(tx)
    payload = verify_artifact(
        parse_envelope(artifact.envelope), [PublicKey(raw=key.public_key) for key in listed]
    )
    whole = {
        "compat": payload.compat,
        "compiler_version": payload.compiler_version,
        "review": payload.review,
        "runtime": payload.runtime,
    }
    assert digest("compiled", canonical(whole)).hex() == payload.compiled_hash
    proof = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof)
    (envelope,), (voter,) = proof.votes, proof.voters
    key = PublicKey(raw=voter.public_key)
    vote = verify_vote(envelope, [key])
    held = verify_proof(parse_envelope(voter.proof), key)
    assert (held.actor_id, held.tenant_id) == (signer.principal.actor_id, proof.tenant_id)
    assert (vote.artifact_hash, vote.snapshot_hash) == (
        payload.compiled_hash,
        snapshot.snapshot_hash,
    )
    assert (voter.key_confirmed_by, voter.approver_confirmed_by) == ([], [])


async def test_the_artifact_is_what_anybody_compiles_from_the_snapshot(story: Story) -> None:
    signer = await story.signer()
    _, snapshot, request = await story.asked(await story.workspace(signer))
    answer = await story.vote(request, signer)
    contract_read = read_memory(snapshot.memory_json)
    assert isinstance(contract_read, Contract)
    again = compile_contract(contract_read)
    assert again.compiled_hash.hex() == answer.compiled_hash == request.artifact_hash
    async with story.db.reading(story.founder) as tx:
        (artifact_id,) = await authority.list_artifacts_of(tx, request.artifact_hash)
        artifact = await authority.get_artifact(tx, artifact_id)
    assert artifact.runtime_projection_json == again.runtime
    assert json.loads(artifact.compat_projection_json)["agent"] == AGENT


def granting(
    workspace: GovernanceWorkspace,
    snapshot: BusinessDraftSnapshot,
    request: ApprovalRequest,
    artifact_hash: str,
) -> GrantApproval:
    proof = ApprovalProof(
        tenant_id=request.tenant_id,
        workspace_id=request.workspace_id,
        environment=request.environment,
        request_id=request.request_id,
        snapshot_id=snapshot.snapshot_id,
        snapshot_hash=snapshot.snapshot_hash,
        view_hash=request.view_hash,
        artifact_hash=artifact_hash,
        approval_policy=workspace.approval_policy,
        approval_policy_hash=request.approval_policy_hash,
        policy_change=None,
        votes=[],
        voters=[],
    )
    return GrantApproval(
        purpose=VotePurpose.ORDINARY,
        snapshot_id=snapshot.snapshot_id,
        artifact_hash=artifact_hash,
        approval_policy=workspace.approval_policy,
        policy_change=None,
        approved_by=[],
        proof=proof,
    )


async def test_nothing_is_approved_but_what_the_voters_signed(story: Story) -> None:
    workspace = await story.workspace()
    draft, snapshot, request = await story.asked(workspace)
    asked = granting(workspace, snapshot, request, "0" * 64)
    prepared = await service.prepare(snapshot)
    with pytest.raises(ApprovalRefused) as refused:
        async with story.db.writing(story.founder) as tx:
            await service.grant_approval(tx, asked, prepared, story.keys, story.ids)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.COMPILED_OTHERWISE]
    async with story.db.reading(story.founder) as tx:
        assert (await drafts.get_draft(tx, draft.draft_id)).status is DraftStatus.OPEN


async def test_contracts_are_compiled_beside_the_loop_and_before_anything_is_held(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    loop, lock, hold = get_ident(), request_store.lock_request, workspaces.hold_active

    def compiled(asked: Contract) -> Compiled:
        told.append("compiled on the loop" if get_ident() == loop else "compiled")
        return compile_contract(asked)

    async def locked(tx: Writing, request_id: UUID) -> ApprovalRequest:
        told.append("locked")
        return await lock(tx, request_id)

    async def held(tx: Writing, workspace_id: UUID) -> None:
        told.append("held")
        await hold(tx, workspace_id)

    signer = await story.signer()
    workspace = await story.workspace(signer)
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()))
    snapshot = await story.snapshot(draft)
    monkeypatch.setattr(request_service, "compile_contract", compiled)
    monkeypatch.setattr(service, "compile_contract", compiled)
    monkeypatch.setattr(request_store, "lock_request", locked)
    monkeypatch.setattr(workspaces, "hold_active", held)
    await story.vote(await story.request(snapshot), signer)
    assert told == ["compiled", "held", "compiled", "locked"]


async def test_a_key_that_ended_signs_no_approval_though_its_process_has_yet_to_learn_of_it(
    story: Story,
) -> None:
    keys = ServerKeys.generate()
    await keys.register(story.db)
    late = Story(story.db, story.ids, story.workplace, keys)
    signer = await late.signer()
    workspace = await late.workspace(signer)
    _, _, request = await late.asked(workspace)
    async with story.db.writing(NOBODY) as tx:
        await end_key(tx, keys.artifact.key_id, "it was copied")
    with pytest.raises(GovernanceUnavailable):
        await late.vote(request, signer)
    async with story.db.reading(story.founder) as tx:
        found = await workspaces.get_workspace(tx, workspace.workspace_id)
    assert found.active_approval_id is None


async def test_no_key_ends_while_an_approval_is_signed_with_it(story: Story) -> None:
    keys = ServerKeys.generate()
    await keys.register(story.db)
    workspace = await story.workspace()
    _, snapshot, request = await story.asked(workspace)
    asked = granting(workspace, snapshot, request, request.artifact_hash)
    prepared = await service.prepare(snapshot)
    async with story.db.writing(story.founder) as tx:
        await service.grant_approval(tx, asked, prepared, keys, story.ids)
        with pytest.raises(RequestInProgress):
            await _end(story, keys.artifact.key_id)
    assert await _end(story, keys.artifact.key_id)


async def _end(story: Story, key_id: str) -> ServerKeyEnd:
    async with story.db.writing(NOBODY) as tx:
        _, end = await end_key(tx, key_id, "it was copied")
    return end
