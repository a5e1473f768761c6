"""Contracts that come from elsewhere: back, across workspaces, and onto the active approval."""

import json
from typing import Any
from uuid import UUID

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import LOOKUP, REFUND, Signer, Story, contract, importing, raw

from placet.kernel.principal import Environment, Principal
from placet.storage.database import Writing
from placet.studio.approvals.model import ApprovalFlaw, ApprovalNotFound, ApprovalRefused
from placet.studio.drafts import service as draft_service
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    BusinessDraft,
    Command,
    Comment,
    ContractInvalid,
    DraftAlreadyOpen,
    DraftStatus,
    DraftVersionConflict,
    ImportArtifact,
    OpenDraft,
    Rebase,
    RestoreSnapshot,
    RestoreVersion,
)
from placet.studio.drafts.pieces.model import SetGate, SetLimits
from placet.studio.origins import service
from placet.studio.origins.model import RebaseConflict, RebaseTargetMoved, RebaseWithoutBase
from placet.studio.snapshots.model import SnapshotNotFound
from placet.studio.votes.model import VoteAnswer
from placet.studio.workspaces.model import ApprovalPolicy, GovernanceWorkspace


async def opened(
    story: Story, workspace: GovernanceWorkspace, approval: UUID | None, parent: UUID | None = None
) -> BusinessDraft:
    asked = OpenDraft(from_approval_id=approval, parent_draft_id=parent)
    async with story.db.writing(story.founder) as tx:
        return await service.open_draft(tx, workspace.workspace_id, asked, "key", story.ids)


async def applied(
    story: Story,
    draft: BusinessDraft,
    command: Command,
    *,
    expected: int = 0,
    by: Principal | None = None,
) -> AppliedCommand:
    asked = ApplyCommand(expected_draft_version=expected, command=command)
    async with story.db.writing(by or story.founder) as tx:
        return await service.apply_command(tx, draft.draft_id, asked, "key", story.ids)


async def now(story: Story, draft: BusinessDraft) -> BusinessDraft:
    async with story.db.reading(story.founder) as tx:
        return await drafts.get_draft(tx, draft.draft_id)


async def granted(
    story: Story, draft: BusinessDraft, signer: Signer, *, expected: int
) -> VoteAnswer:
    snapshot = await story.snapshot(draft, expected=expected)
    return await story.vote(await story.request(snapshot), signer)


async def put_in_force(
    story: Story, workspace: GovernanceWorkspace, signer: Signer, document: dict[str, Any]
) -> tuple[BusinessDraft, UUID, str]:
    """Approve a contract in a fresh draft, and return the draft, approval and compiled hash."""
    draft, _, request = await story.asked(workspace, document)
    answer = await story.vote(request, signer)
    assert answer.approval_id is not None
    assert answer.compiled_hash is not None
    return draft, answer.approval_id, answer.compiled_hash


async def test_an_old_version_comes_back_as_the_next_one(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, importing(contract(LOOKUP)))
    first = (await now(story, draft)).contract_json
    await story.command(draft, SetGate(gate=raw("strip_blocked")), expected=1)
    await story.command(draft, importing(contract(REFUND)), expected=2)
    assert (await applied(story, draft, RestoreVersion(version=1), expected=3)).version == 4
    assert (await now(story, draft)).contract_json == first
    await applied(story, draft, RestoreVersion(version=0), expected=4)
    assert (await now(story, draft)).contract_json == draft.contract_json
    with pytest.raises(ContractInvalid) as refused:
        await applied(story, draft, RestoreVersion(version=6), expected=5)
    assert refused.value.findings[0].code == "unknown_version"


async def test_version_0_of_a_child_is_what_its_parent_left(story: Story) -> None:
    workspace = await story.workspace()
    parent = await story.draft(workspace)
    await story.command(parent, importing(contract()))
    child = await story.draft(workspace, parent.draft_id)
    await story.command(child, importing(contract(LOOKUP)))
    await applied(story, child, RestoreVersion(version=0), expected=1)
    assert (await now(story, child)).contract_json == (await now(story, parent)).contract_json


async def test_a_snapshot_of_the_lineage_comes_back_and_any_other_is_not_found(
    story: Story, other: Story
) -> None:
    workspace = await story.workspace()
    parent = await story.draft(workspace)
    await story.command(parent, importing(contract(LOOKUP)))
    snapshot = await story.snapshot(parent)
    await story.command(parent, importing(contract()), expected=1)
    child = await story.draft(workspace, parent.draft_id)
    await applied(story, child, RestoreSnapshot(snapshot_id=snapshot.snapshot_id))
    assert (await now(story, child)).contract_json == snapshot.memory_json
    elsewhere = await story.draft(await story.workspace(agent="elsewhere"))
    foreign = await other.draft(await other.workspace())
    for at, draft in ((story, elsewhere), (other, foreign)):
        with pytest.raises(SnapshotNotFound):
            await applied(at, draft, RestoreSnapshot(snapshot_id=snapshot.snapshot_id))


async def test_what_was_written_before_an_approval_does_not_come_back_without_its_author(
    story: Story,
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract(LOOKUP)))
    unapproved = await story.snapshot(draft)
    await story.command(draft, importing(contract()), expected=1)
    answer = await granted(story, draft, signer, expected=2)
    again = await opened(story, workspace, answer.approval_id)
    with pytest.raises(SnapshotNotFound):
        await applied(story, again, RestoreSnapshot(snapshot_id=unapproved.snapshot_id))


async def test_an_approval_of_the_workspace_is_reopened_with_its_draft_as_the_parent(
    story: Story,
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    draft, approval, _ = await put_in_force(story, workspace, signer, contract())
    again = await opened(story, workspace, approval)
    assert (again.parent_draft_id, again.derived_from_approval_id) == (draft.draft_id, approval)
    assert again.contract_json == (await now(story, draft)).contract_json
    assert again.current_version == 0
    with pytest.raises(DraftAlreadyOpen):
        await opened(story, workspace, approval)


async def test_a_promoted_contract_compiles_to_the_same_hash_and_takes_the_ordinary_path(
    story: Story,
) -> None:
    signer, ben = await story.signer(), await story.signer("ben")
    staging = await story.workspace(signer)
    draft, approval, compiled = await put_in_force(story, staging, signer, contract())
    development = await story.workspace(ben, environment=Environment.DEVELOPMENT)
    production = await story.workspace(environment=Environment.PRODUCTION)
    promoted = await opened(story, development, approval)
    assert (promoted.current_version, promoted.parent_draft_id) == (1, None)
    assert promoted.derived_from_approval_id is None
    assert promoted.contract_json == (await now(story, draft)).contract_json
    answer = await granted(story, promoted, ben, expected=1)
    assert answer.compiled_hash == compiled
    assert answer.approval_id != approval
    onto = await story.draft(production)
    await story.command(onto, importing(contract(LOOKUP)))
    await applied(story, onto, ImportArtifact(approval_id=approval), expected=1)
    assert (await now(story, onto)).contract_json == promoted.contract_json


async def test_with_a_parent_and_an_approval_the_parent_gives_way_to_the_approved_contract(
    story: Story,
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    approved, approval, _ = await put_in_force(story, workspace, signer, contract())
    parent = await opened(story, workspace, approval)
    await applied(story, parent, SetGate(gate=raw("strip_blocked")))
    again = await opened(story, workspace, approval, parent.draft_id)
    assert (await now(story, parent)).status is DraftStatus.SUPERSEDED
    assert (again.parent_draft_id, again.current_version) == (parent.draft_id, 1)
    assert again.derived_from_approval_id == approval
    assert again.contract_json == (await now(story, approved)).contract_json


async def test_a_rollback_is_a_new_approval_of_the_same_hash(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, old, compiled = await put_in_force(story, workspace, signer, contract())
    _, new, other = await put_in_force(story, workspace, signer, contract(LOOKUP))
    back = await opened(story, workspace, new)
    await applied(story, back, ImportArtifact(approval_id=old))
    answer = await granted(story, back, signer, expected=1)
    assert answer.compiled_hash == compiled != other
    assert answer.approval_id not in {old, new}


async def test_an_approval_of_another_agent_or_tenant_is_not_imported(
    story: Story, other: Story
) -> None:
    theirs = (await other.approved()).approval_id
    elsewhere = (await story.approved(contract(agent="elsewhere"), agent="elsewhere")).approval_id
    assert theirs is not None
    assert elsewhere is not None
    workspace = await story.workspace()
    draft = await story.draft(workspace)
    with pytest.raises(ContractInvalid) as refused:
        await applied(story, draft, ImportArtifact(approval_id=elsewhere))
    assert refused.value.findings[0].code == "wrong_agent"
    with pytest.raises(ApprovalNotFound):
        await applied(story, draft, ImportArtifact(approval_id=theirs))
    assert await now(story, draft) == draft


async def test_who_wrote_what_is_promoted_is_an_author_there_too(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    staging = await story.workspace(ada)
    draft = await story.draft(staging)
    await story.command(draft, importing(contract()), by=ben.principal)
    approval = (await granted(story, draft, ada, expected=1)).approval_id
    production = await story.workspace(environment=Environment.PRODUCTION)
    promoted = await opened(story, production, approval)
    async with story.db.reading(story.founder) as tx:
        assert await draft_service.list_authors(tx, promoted.draft_id) == {
            ben.principal.actor_id,
            story.founder.actor_id,
        }


async def test_a_second_approval_takes_nobody_from_the_authors_of_what_is_promoted(
    story: Story,
) -> None:
    """Ada writes and approves, reopens and approves again; her word alone promotes nothing."""
    ada, ben = await story.signer("ada"), await story.signer("ben")
    staging = await story.workspace(ada)
    draft = await story.draft(staging)
    await story.command(draft, importing(contract(LOOKUP)), by=ada.principal)
    first = (await granted(story, draft, ada, expected=1)).approval_id
    second = (
        await granted(story, await opened(story, staging, first), ada, expected=0)
    ).approval_id
    four_eyes = ApprovalPolicy(quorum=1, four_eyes=True)
    canary = await story.workspace(ada, ben, environment=Environment.PRODUCTION, policy=four_eyes)
    promoted = await opened(story, canary, second)
    request = await story.request(await story.snapshot(promoted))
    with pytest.raises(ApprovalRefused) as refused:
        await story.vote(request, ada)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.AUTHOR_ALONE]
    third = (await story.vote(request, ben)).approval_id
    development = await story.workspace(environment=Environment.DEVELOPMENT)
    further = await opened(story, development, third)
    async with story.db.reading(story.founder) as tx:
        assert ada.principal.actor_id in await draft_service.list_authors(tx, further.draft_id)


async def test_who_wrote_what_is_rolled_back_to_is_an_author_of_it(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ben)
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()), by=ada.principal)
    old = (await granted(story, draft, ben, expected=1)).approval_id
    _, new, _ = await put_in_force(story, workspace, ben, contract(LOOKUP))
    back = await opened(story, workspace, new)
    assert old is not None
    await applied(story, back, ImportArtifact(approval_id=old))
    async with story.db.reading(story.founder) as tx:
        assert ada.principal.actor_id in await draft_service.list_authors(tx, back.draft_id)


async def branched(
    story: Story, *commands: Command
) -> tuple[GovernanceWorkspace, BusinessDraft, UUID]:
    """Return a draft of these commands on an old approval, and the active one.

    The active one has two refunds where the old one has three, and another gate.
    """
    signer = await story.signer()
    workspace = await story.workspace(signer)
    limits = {"max_tool_calls": 40, "max_calls_per_tool": {"issue_refund": 3}}
    _, old, _ = await put_in_force(story, workspace, signer, contract(limits=limits))
    newer = contract(
        limits=limits | {"max_calls_per_tool": {"issue_refund": 2}}, gate="strip_blocked"
    )
    _, active, _ = await put_in_force(story, workspace, signer, newer)
    draft = await opened(story, workspace, old)
    for version, command in enumerate(commands):
        await applied(story, draft, command, expected=version)
    return workspace, draft, active


async def test_a_rebase_brings_what_the_active_approval_changed_and_stems_from_it_then(
    story: Story,
) -> None:
    _, draft, active = await branched(story, SetLimits(limits=raw({"max_tool_calls": 50})))
    await applied(story, draft, Rebase(approval_id=active), expected=1)
    after = await now(story, draft)
    assert json.loads(after.contract_json)["session"] == {
        "limits": {"max_tool_calls": 50, "max_calls_per_tool": {"issue_refund": 2}},
        "gate": "strip_blocked",
    }
    assert (after.derived_from_approval_id, after.current_version) == (active, 2)
    await applied(story, draft, Rebase(approval_id=active), expected=2)
    assert (await now(story, draft)).contract_json == after.contract_json


async def test_a_rebase_with_conflicts_names_each_and_leaves_the_draft(story: Story) -> None:
    per_tool = {"max_calls_per_tool": {"issue_refund": 1}, "max_tool_calls": 50}
    _, draft, active = await branched(
        story, SetLimits(limits=raw(per_tool)), SetGate(gate=raw("strip_partial"))
    )
    before = await now(story, draft)
    with pytest.raises(RebaseConflict) as refused:
        await applied(story, draft, Rebase(approval_id=active), expected=2)
    assert [(c.place, c.base, c.ours, c.theirs) for c in refused.value.conflicts] == [
        ("$.session.gate", None, '"strip_partial"', '"strip_blocked"'),
        ("$.session.limits.max_calls_per_tool.issue_refund", "3", "1", "2"),
    ]
    assert await now(story, draft) == before
    agreed = SetLimits(limits=raw({"max_calls_per_tool": {"issue_refund": 2}}))
    await applied(story, draft, agreed, expected=2)
    await applied(story, draft, SetGate(gate=raw("reject_all")), expected=3)
    await applied(story, draft, Rebase(approval_id=active), expected=4)


async def test_a_rebase_goes_onto_the_active_approval_and_onto_no_other(story: Story) -> None:
    _, draft, active = await branched(story)
    with pytest.raises(RebaseTargetMoved) as refused:
        await applied(story, draft, Rebase(approval_id=draft.draft_id))
    assert refused.value.active_approval_id == active


async def test_a_draft_that_stems_from_no_approval_cannot_be_rebased(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, active, _ = await put_in_force(story, workspace, signer, contract())
    draft = await story.draft(workspace)
    with pytest.raises(RebaseWithoutBase):
        await applied(story, draft, Rebase(approval_id=active))


async def test_a_stale_rebase_is_a_version_conflict_before_anything_else(story: Story) -> None:
    _, draft, active = await branched(story, Comment(text="moved"))
    for command in (Rebase(approval_id=active), RestoreVersion(version=9)):
        with pytest.raises(DraftVersionConflict):
            await applied(story, draft, command)


def side(story: Story, draft: BusinessDraft, command: Command) -> Side:
    asked = ApplyCommand(expected_draft_version=1, command=command)

    async def work(tx: Writing) -> object:
        return await service.apply_command(tx, draft.draft_id, asked, "key", story.ids)

    return Side(story.founder, work)


async def an_edit_and_a_rebase_on_one_version(story: Story, *, rebase_first: bool) -> None:
    _, draft, active = await branched(story, Comment(text="begun"))
    sides = [
        side(story, draft, SetLimits(limits=raw({"max_tool_calls": 50}))),
        side(story, draft, Rebase(approval_id=active)),
    ]
    won, lost = await overtake(story.db, *(sides[::-1] if rebase_first else sides))
    assert isinstance(won, AppliedCommand)
    assert isinstance(lost, DraftVersionConflict)
    after = await now(story, draft)
    assert after.current_version == won.version == 2
    assert after.derived_from_approval_id == (
        active if rebase_first else draft.derived_from_approval_id
    )
    assert (b"strip_blocked" in after.contract_json) == rebase_first
    assert (b"50}" in after.contract_json) != rebase_first


@pytest.mark.parametrize("rebase_first", [True, False])
async def test_of_an_edit_and_a_rebase_on_one_version_the_second_is_refused(
    story: Story, *, rebase_first: bool
) -> None:
    await an_edit_and_a_rebase_on_one_version(story, rebase_first=rebase_first)


async def test_of_two_openings_from_one_approval_one_is_made(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, approval, _ = await put_in_force(story, workspace, signer, contract())
    target = await story.workspace(signer, environment=Environment.DEVELOPMENT)

    async def work(tx: Writing) -> object:
        asked = OpenDraft(from_approval_id=approval)
        return await service.open_draft(tx, target.workspace_id, asked, "key", story.ids)

    won, lost = await overtake(story.db, *[Side(story.founder, work)] * 2)
    assert isinstance(won, BusinessDraft)
    assert isinstance(lost, DraftAlreadyOpen)
    assert (lost.draft_id, won.current_version) == (won.draft_id, 1)
