"""The part of a history that a contract is made of."""

from msgspec.structs import replace
from tests.studio.on_loop import watched
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing, raw

from placet.studio.drafts import rules
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import BusinessDraft, Comment, RestoreVersion
from placet.studio.drafts.pieces.model import SetGate


async def now(story: Story, draft: BusinessDraft) -> BusinessDraft:
    async with story.db.reading(story.founder) as tx:
        return await drafts.get_draft(tx, draft.draft_id)


async def test_a_version_is_replayed_beside_the_loop_from_its_last_whole_contract(
    story: Story,
) -> None:
    workspace = await story.workspace()
    first = await story.draft(workspace)
    await story.command(first, importing(contract(LOOKUP)))
    await story.command(first, SetGate(gate=raw("strip_blocked")), expected=1)
    child = await story.draft(workspace, first.draft_id)
    await story.command(child, Comment(text="so far"))
    asked = replace(await now(story, child), current_version=1)
    async with story.db.reading(story.founder) as tx:
        inherited = await drafts.list_replayed(tx, asked)
    assert [(one.draft_id, one.version) for one in inherited] == [
        (first.draft_id, 1),
        (first.draft_id, 2),
        (child.draft_id, 1),
    ]
    await story.command(child, importing(contract(REFUND)), expected=1)
    await story.command(child, SetGate(gate=raw("strip_blocked")), expected=2)
    kept = (await now(story, child)).contract_json
    await story.command(child, importing(contract(LOOKUP)), expected=3)
    asked = replace(await now(story, child), current_version=3)
    async with story.db.reading(story.founder) as tx:
        own = await drafts.list_replayed(tx, asked)
    assert [(one.draft_id, one.version) for one in own] == [
        (child.draft_id, 2),
        (child.draft_id, 3),
    ]
    _, on_loop = await watched(story.command(child, RestoreVersion(version=3), expected=4))
    assert (await now(story, child)).contract_json == kept
    assert not on_loop(rules.replay_all)
