"""Asking for an approval: what is frozen, and when it is refused."""

import json

import msgspec
import pytest
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing

from placet.evidence.vote import APPROVAL_VOTE_TYPE
from placet.kernel.hashing import digest
from placet.studio.abandonments import service as abandonments
from placet.studio.abandonments.model import AbandonDraft
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import Comment, OpenDraft
from placet.studio.endings import service as endings
from placet.studio.endings.model import RevokeApproval
from placet.studio.origins import service as origins
from placet.studio.requests import rules, service, store
from placet.studio.requests.model import (
    ApprovalAlreadyRequested,
    RequestNotFound,
    RequestStatus,
    WithdrawRequest,
)


async def test_the_frozen_view_shows_the_rules_the_findings_and_what_is_new(story: Story) -> None:
    workspace = await story.workspace()
    _, snapshot, request = await story.asked(workspace)
    view = json.loads(request.view_json)
    assert view["diff"]["against"] is None
    told = [(change["kind"], change["tool"]) for change in view["diff"]["changes"]]
    assert told == [("widened", "lookup_order"), ("widened", "issue_refund")]
    assert view["snapshot_hash"] == snapshot.snapshot_hash
    assert view["artifact_hash"] == request.artifact_hash
    assert view["approval_policy"] == {
        "quorum": 1,
        "groups": [],
        "four_eyes": False,
        "validity_days": None,
        "enrolment_delay_hours": 24,
    }
    assert view["policy_change"] is None
    assert "issue_refund" in json.dumps(view["review"])
    assert request.view_hash == digest("approval_view", request.view_json).hex()


async def test_what_is_to_be_signed_names_the_snapshot_the_view_and_the_artifact(
    story: Story,
) -> None:
    _, snapshot, request = await story.asked(await story.workspace())
    async with story.db.reading(story.founder) as tx:
        shown = await service.show_request(tx, request.request_id)
    assert shown.vote_type == APPROVAL_VOTE_TYPE
    fields = shown.vote_fields
    assert (fields.snapshot_id, fields.snapshot_hash) == (
        snapshot.snapshot_id,
        snapshot.snapshot_hash,
    )
    assert (fields.view_hash, fields.artifact_hash) == (request.view_hash, request.artifact_hash)
    assert fields.command_history_hash == snapshot.command_history_hash


async def test_the_view_after_an_approval_shows_the_difference_from_it(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    first, _, request = await story.asked(workspace, contract(LOOKUP, REFUND))
    approval = (await story.vote(request, signer)).approval_id
    draft = await story.draft(workspace, first.draft_id)
    changed = contract(REFUND | {"decision": "deny"}, LOOKUP | {"tool": "find_order"})
    await story.command(draft, importing(changed | {"session": {"gate": "strip_partial"}}))
    view = json.loads((await story.request(await story.snapshot(draft))).view_json)
    assert view["diff"]["against"] == str(approval)
    told = [(change["kind"], change["path"]) for change in view["diff"]["changes"]]
    assert told == [
        ("widened", "$.session.gate"),
        ("widened", "$.tools[1]"),
        ("narrowed", "$.tools[0].decision"),
        ("narrowed", "$.tools[0]"),
    ]


async def test_a_snapshot_that_is_not_ready_is_refused_with_every_reason(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    old = await story.snapshot(draft, expected=0)
    await story.command(draft, importing(contract()))
    await story.snapshot(draft)
    with pytest.raises(ApprovalRefused) as refused:
        await story.request(old)
    assert {reason.code for reason in refused.value.reasons} == {
        ApprovalFlaw.SNAPSHOT_NOT_ACTIVE,
        ApprovalFlaw.VERSION_MOVED,
        ApprovalFlaw.SNAPSHOT_NOT_READY,
        ApprovalFlaw.BLOCKERS_OPEN,
    }


async def test_a_snapshot_of_a_superseded_draft_is_refused(story: Story) -> None:
    workspace = await story.workspace()
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()))
    snapshot = await story.snapshot(draft)
    await story.draft(workspace, draft.draft_id)
    with pytest.raises(ApprovalRefused) as refused:
        await story.request(snapshot)
    assert {reason.code for reason in refused.value.reasons} == {
        ApprovalFlaw.NO_ACTIVE_DRAFT,
        ApprovalFlaw.SNAPSHOT_NOT_ACTIVE,
    }


async def test_one_request_is_open_and_a_newer_snapshots_request_supersedes_it(
    story: Story,
) -> None:
    workspace = await story.workspace()
    draft, snapshot, first = await story.asked(workspace)
    with pytest.raises(ApprovalAlreadyRequested) as refused:
        await story.request(snapshot)
    assert refused.value.open_request_id == first.request_id
    await story.command(draft, Comment(text="better"), expected=1)
    second = await story.request(await story.snapshot(draft, expected=2))
    async with story.db.reading(story.founder) as tx:
        assert (await store.get_request(tx, first.request_id)).status is RequestStatus.SUPERSEDED
        found = await store.find_open_request(tx, workspace.workspace_id)
    assert found == second


async def test_a_snapshot_of_another_compiler_must_be_taken_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, importing(contract()))
    snapshot = await story.snapshot(draft)
    monkeypatch.setattr(service, "COMPILER_VERSION", "next")
    with pytest.raises(ApprovalRefused) as refused:
        await story.request(snapshot)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.COMPILED_OTHERWISE]


async def test_a_request_counts_as_expired_from_its_deadline_on(story: Story) -> None:
    _, _, request = await story.asked(await story.workspace())
    assert rules.status_at(request, request.created_at) is RequestStatus.OPEN
    assert rules.status_at(request, request.deadline) is RequestStatus.EXPIRED


async def test_another_tenants_request_looks_like_none(story: Story, other: Story) -> None:
    _, _, request = await story.asked(await story.workspace())
    async with other.db.reading(other.founder) as tx:
        with pytest.raises(RequestNotFound):
            await service.show_request(tx, request.request_id)


async def test_the_view_tells_that_what_it_would_bring_back_was_revoked_and_why(
    story: Story,
) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben)
    _, _, first = await story.asked(workspace)
    assert msgspec.json.decode(first.view_json)["ended"] == []
    approval = (await story.vote(first, ben)).approval_id
    assert approval is not None
    async with story.db.writing(ben.principal) as tx:
        wrong = RevokeApproval(reason="it pays too much")
        await endings.revoke_approval(tx, approval, wrong, story.ids, is_operator=False)
    _, _, copied = await story.asked(workspace)
    async with story.db.writing(story.founder) as tx:
        given_up = WithdrawRequest(reason="a test")
        await service.withdraw_request(tx, copied.request_id, given_up, story.ids)
        abandoned = AbandonDraft(expected_draft_version=1, reason="a test")
        draft = await drafts.find_open_draft(tx, workspace.workspace_id)
        assert draft is not None
        await abandonments.abandon_draft(tx, draft.draft_id, abandoned, story.ids)
        again = OpenDraft(from_approval_id=approval)
        reopened = await origins.open_draft(tx, workspace.workspace_id, again, "key", story.ids)
    changed = importing(contract(LOOKUP))
    await story.command(reopened, changed)
    based = await story.request(await story.snapshot(reopened))
    for request in (copied, based):
        (told,) = msgspec.json.decode(request.view_json)["ended"]
        assert (told["approval_id"], told["kind"], told["reason"]) == (
            str(approval),
            "revoked",
            "it pays too much",
        )
