"""A draft's life, command by command."""

import pytest
from tests.studio.story import LOOKUP, Story, contract, importing, raw

from placet.events.model import StreamId
from placet.events.store import list_events
from placet.kernel.canonical import canonical
from placet.studio.drafts import rules, service, store
from placet.studio.drafts.model import (
    CommandHeader,
    Comment,
    ContractInvalid,
    DraftAlreadyOpen,
    DraftClosed,
    DraftNotFound,
    DraftStatus,
    DraftVersionConflict,
    OpenDraft,
    SetToolContract,
)
from placet.studio.workspaces import store as workspaces


async def test_versions_rise_by_one_and_the_chain_is_what_the_rows_say(story: Story) -> None:
    workspace = await story.workspace()
    draft = await story.draft(workspace)
    for version in range(3):
        await story.command(draft, Comment(text=f"{version}"), expected=version)
    async with story.db.reading(story.founder) as tx:
        now = await store.get_draft(tx, draft.draft_id)
        commands = await store.list_history(tx, now)
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=20)
    assert [command.version for command in commands] == [1, 2, 3]
    head = rules.NO_HISTORY
    for command in commands:
        header = CommandHeader(
            tenant_id=command.tenant_id,
            workspace_id=workspace.workspace_id,
            draft_id=command.draft_id,
            version=command.version,
            command_id=command.command_id,
            command_type=command.command_type,
            actor_id=command.actor_id,
            origin=command.origin,
        )
        head = rules.chain_hash(head, command.payload_json, header)
        assert command.chain_hash == head
    assert (now.command_head, now.current_version) == (head, 3)
    assert [event.type for event in events][2:] == ["DraftOpened"] + ["DraftCommandApplied"] * 3
    assert head.hex() in (events[-1].body or b"").decode()


async def test_a_command_on_another_version_is_refused_with_the_current_one(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, Comment(text="one"))
    for expected in (0, 2):
        with pytest.raises(DraftVersionConflict) as refused:
            await story.command(draft, Comment(text="two"), expected=expected)
        assert refused.value.current_version == 1


async def test_a_refused_command_leaves_the_draft_as_it_was(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    with pytest.raises(ContractInvalid):
        await story.command(draft, SetToolContract(tool=raw({"tool": "x"})))
    async with story.db.reading(story.founder) as tx:
        assert await store.get_draft(tx, draft.draft_id) == draft
        assert await store.list_commands(tx, draft.draft_id, after=0, limit=10) == []


async def test_a_workspace_has_one_open_draft_and_points_at_it(story: Story) -> None:
    workspace = await story.workspace()
    draft = await story.draft(workspace)
    with pytest.raises(DraftAlreadyOpen) as refused:
        await story.draft(workspace)
    assert refused.value.draft_id == draft.draft_id
    async with story.db.reading(story.founder) as tx:
        now = await workspaces.get_workspace(tx, workspace.workspace_id)
    assert now.active_draft_id == draft.draft_id


async def test_a_child_begins_with_its_parents_contract_and_chain_and_supersedes_it(
    story: Story,
) -> None:
    workspace = await story.workspace()
    parent = await story.draft(workspace)
    await story.command(parent, importing(contract(LOOKUP)))
    child = await story.draft(workspace, parent.draft_id)
    async with story.db.reading(story.founder) as tx:
        closed = await store.get_draft(tx, parent.draft_id)
    assert closed.status is DraftStatus.SUPERSEDED
    assert (child.contract_json, child.command_head) == (closed.contract_json, closed.command_head)
    assert child.current_version == 0
    with pytest.raises(DraftClosed) as refused:
        await story.command(parent, Comment(text="late"), expected=1)
    assert refused.value.draft_status is DraftStatus.SUPERSEDED


async def test_a_parent_in_another_workspace_or_tenant_is_no_parent(
    story: Story, other: Story
) -> None:
    elsewhere = await story.draft(await story.workspace(agent="elsewhere"))
    foreign = await other.draft(await other.workspace())
    workspace = await story.workspace()
    for parent in (elsewhere, foreign):
        with pytest.raises(DraftNotFound):
            await story.draft(workspace, parent.draft_id)


async def test_authors_are_those_who_changed_what_is_not_in_force(story: Story) -> None:
    ada, ben, cy = [await story.signer(name) for name in ("ada", "ben", "cy")]
    workspace = await story.workspace(ada)
    first = await story.draft(workspace)
    await story.command(first, importing(contract()), by=ben.principal)
    await story.vote(await story.request(await story.snapshot(first)), ada)
    second = await story.draft(workspace, first.draft_id)
    await story.command(second, Comment(text="x"), by=cy.principal)
    third = await story.draft(workspace, second.draft_id)
    async with story.db.reading(story.founder) as tx:
        assert await service.list_authors(tx, first.draft_id) == {
            ben.principal.actor_id,
            story.founder.actor_id,
        }
        assert await service.list_authors(tx, third.draft_id) == {
            cy.principal.actor_id,
            story.founder.actor_id,
        }


async def test_who_opens_a_draft_is_an_author_though_they_changed_nothing(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada)
    async with story.db.writing(ben.principal) as tx:
        draft = await service.open_draft(tx, workspace.workspace_id, OpenDraft(), story.ids)
    async with story.db.reading(story.founder) as tx:
        assert await service.list_authors(tx, draft.draft_id) == {ben.principal.actor_id}


async def test_a_draft_names_the_approval_that_it_stems_from_through_its_parents(
    story: Story,
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    first, _, request = await story.asked(workspace)
    old = (await story.vote(request, signer)).approval_id
    second = await story.draft(workspace, first.draft_id)
    await story.command(second, Comment(text="x"))
    third = await story.draft(workspace, second.draft_id)
    assert (first.derived_from_approval_id, second.derived_from_approval_id) == (None, old)
    assert third.derived_from_approval_id == old
    snapshot = await story.snapshot(third, expected=0)
    new = (await story.vote(await story.request(snapshot), signer)).approval_id
    back = await story.draft(workspace, first.draft_id)
    assert back.derived_from_approval_id == old != new


async def test_a_kept_command_is_canonical_json(story: Story) -> None:
    draft = await story.draft(await story.workspace())
    await story.command(draft, Comment(text="é\u20ac"))
    async with story.db.reading(story.founder) as tx:
        command = await store.get_command(tx, draft.draft_id, 1)
    expected = canonical({"type": "comment", "text": "é\u20ac", "target": None})
    assert command.payload_json == expected
