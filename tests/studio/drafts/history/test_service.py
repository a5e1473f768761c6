"""Who set each rule and why, and what was said about it."""

import json

import pytest
from tests.studio.on_loop import watched
from tests.studio.story import LOOKUP, REFUND, Story, contract, importing, raw

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.principal import Principal
from placet.studio.drafts import rules, store
from placet.studio.drafts.history import rules as history_rules
from placet.studio.drafts.history import service
from placet.studio.drafts.history.model import BlameAnswer, CommentTold
from placet.studio.drafts.model import (
    AppliedCommand,
    ApplyCommand,
    BusinessDraft,
    Command,
    Comment,
    CommentNotFound,
    ContractInvalid,
    RemoveToolContract,
    ReopenComment,
    ResolveComment,
    SetToolContract,
)
from placet.studio.drafts.pieces.model import SetGate, SetLimits, SetPrincipalRule
from placet.studio.drafts.places import rule_id, rules_of
from placet.studio.origins import service as origins
from placet.studio.workspaces import store as workspaces

UPPER = "$.tools.issue_refund.arguments['$.amount_cents'].lte"
LOWER = "$.tools.issue_refund.arguments['$.amount_cents'].gte"


class Writer:
    """Somebody who changes one draft, command after command."""

    def __init__(self, story: Story, draft: BusinessDraft, version: int = 0) -> None:
        """Begin at a version."""
        self.story, self.draft, self.version = story, draft, version

    async def does(
        self, command: Command, reason: str | None = None, by: Principal | None = None
    ) -> AppliedCommand:
        """Apply the next command."""
        asked = ApplyCommand(expected_draft_version=self.version, command=command, reason=reason)
        async with self.story.db.writing(by or self.story.founder) as tx:
            done = await origins.apply_command(
                tx, self.draft.draft_id, asked, "key", self.story.ids
            )
        self.version = done.version
        return done


async def blame(story: Story, draft: BusinessDraft) -> BlameAnswer:
    async with story.db.reading(story.founder) as tx:
        return await service.show_blame(tx, draft.draft_id)


async def setters(story: Story, draft: BusinessDraft) -> dict[str, int]:
    return {rule.place: rule.set_by.version for rule in (await blame(story, draft)).rules}


async def comments(
    story: Story, draft: BusinessDraft, place: str | None = None
) -> list[CommentTold]:
    async with story.db.reading(story.founder) as tx:
        return (await service.show_comments(tx, draft.draft_id, place)).comments


@pytest.fixture
async def writer(story: Story) -> Writer:
    return Writer(story, await story.draft(await story.workspace()))


async def test_each_rule_belongs_to_the_command_that_gave_it_its_value(
    story: Story, writer: Writer
) -> None:
    ada, _ = await story.workplace.person("ada")
    await writer.does(importing(contract()))
    wider = REFUND | {"arguments": [{"path": "$.amount_cents", "gte": 1, "lte": 60000}]}
    done = await writer.does(SetToolContract(tool=raw(wider)), "the desk asked", by=ada)
    await writer.does(SetLimits(limits=raw({"max_tool_calls": 9})))
    await writer.does(Comment(text="fine"))
    found = {rule.place: rule for rule in (await blame(story, writer.draft)).rules}
    upper = found[UPPER]
    assert (upper.value, upper.set_by.command_id) == ("60000", done.command_id)
    assert (upper.set_by.version, upper.set_by.reason) == (2, "the desk asked")
    assert upper.set_by.actor_id == ada.actor_id
    assert upper.set_by.applied_at == done.applied_at
    assert (found[LOWER].set_by.version, found[LOWER].set_by.reason) == (1, None)
    assert found["$.session.limits.max_tool_calls"].set_by.version == 3
    others = {rule.set_by.version for place, rule in found.items() if "lookup" in place}
    assert others == {1}


async def test_blame_names_every_rule_of_the_contract_as_it_stands_and_no_other(
    story: Story, writer: Writer
) -> None:
    await writer.does(importing(contract(gate="strip_blocked")))
    await writer.does(RemoveToolContract(tool="lookup_order"))
    await writer.does(SetGate(gate=raw("reject_all")))
    async with story.db.reading(story.founder) as tx:
        document = (await store.get_draft(tx, writer.draft.draft_id)).contract_json
    shown = await blame(story, writer.draft)
    expected = rules_of(json.loads(document))
    del expected["$.agent"], expected["$.schema_version"]
    assert {rule.place: rule.value.encode() for rule in shown.rules} == expected
    assert [rule.place for rule in shown.rules] == sorted(expected)
    assert shown.version == 3


async def test_a_rule_that_is_set_again_to_the_same_keeps_its_command(
    story: Story, writer: Writer
) -> None:
    await writer.does(importing(contract(REFUND, LOOKUP)))
    await writer.does(importing(contract(LOOKUP, REFUND)))
    assert set((await setters(story, writer.draft)).values()) == {1}
    await writer.does(RemoveToolContract(tool="lookup_order"))
    await writer.does(SetToolContract(tool=raw(LOOKUP)))
    found = await setters(story, writer.draft)
    assert {found[place] for place in found if "lookup_order" in place} == {4}
    assert {found[place] for place in found if "issue_refund" in place} == {1}


async def test_blame_reaches_through_every_draft_before(story: Story, writer: Writer) -> None:
    await writer.does(importing(contract()))
    async with story.db.reading(story.founder) as tx:
        parent = await store.get_draft(tx, writer.draft.draft_id)
    async with story.db.reading(story.founder) as tx:
        workspace = await workspaces.get_workspace(tx, parent.workspace_id)
    child = await story.draft(workspace, parent.draft_id)
    await Writer(story, child).does(SetGate(gate=raw("strip_blocked")))
    grandchild = await story.draft(workspace, child.draft_id)
    assert await setters(story, grandchild) == await setters(story, child)
    owners = {rule.place: rule.set_by.draft_id for rule in (await blame(story, grandchild)).rules}
    assert owners["$.session.gate"] == child.draft_id
    assert owners[UPPER] == parent.draft_id


async def test_a_nameless_rule_keeps_its_place_wherever_it_stands(
    story: Story, writer: Writer
) -> None:
    support: Json = {"effect": "allow", "tools": ["*"], "where": {"department": "support"}}
    sales: Json = {"effect": "allow", "tools": ["*"], "where": {"department": "sales"}}
    await writer.does(SetPrincipalRule(rule=raw(support)))
    await writer.does(importing(contract(principals=[sales, support])))
    found = await setters(story, writer.draft)
    assert found[f"$.session.principals['{rule_id(support)}']"] == 1
    assert found[f"$.session.principals['{rule_id(sales)}']"] == 2


async def test_a_comment_stays_with_its_rule_across_versions(story: Story, writer: Writer) -> None:
    await writer.does(importing(contract(LOOKUP, REFUND)))
    on_rule = await writer.does(Comment(text="why so high?", target=UPPER))
    await writer.does(Comment(text="and who calls it?", target="lookup_order"))
    await writer.does(Comment(text="nearly there"))
    await writer.does(importing(contract(REFUND)))
    told = await comments(story, writer.draft)
    assert [(each.place, each.version, each.is_present) for each in told] == [
        (UPPER, 2, True),
        ("$.tools.lookup_order", 3, False),
        (None, 4, True),
    ]
    (only,) = await comments(story, writer.draft, UPPER)
    assert (only.text, only.command_id) == ("why so high?", on_rule.command_id)
    assert only.actor_id == story.founder.actor_id


async def test_a_comment_is_settled_and_opened_again(story: Story, writer: Writer) -> None:
    said = await writer.does(Comment(text="why?"))
    done = await writer.does(ResolveComment(command_id=said.command_id))
    (told,) = await comments(story, writer.draft)
    assert told.settled is not None
    assert (told.settled.command_id, told.settled.version) == (done.command_id, 2)
    await writer.does(ReopenComment(command_id=said.command_id))
    (told,) = await comments(story, writer.draft)
    assert told.settled is None


async def test_a_comment_on_a_draft_before_is_told_and_settled_in_the_next(story: Story) -> None:
    workspace = await story.workspace()
    parent = await story.draft(workspace)
    said = await Writer(story, parent).does(Comment(text="why?"))
    child = await story.draft(workspace, parent.draft_id)
    await Writer(story, child).does(ResolveComment(command_id=said.command_id))
    (told,) = await comments(story, child)
    assert told.draft_id == parent.draft_id
    assert told.settled is not None
    (before,) = await comments(story, parent)
    assert before.settled is None


async def test_what_is_no_comment_of_the_draft_cannot_be_settled(
    story: Story, other: Story, writer: Writer
) -> None:
    imported = await writer.does(importing(contract()))
    elsewhere = await story.draft(await story.workspace(agent="elsewhere"))
    beside = await Writer(story, elsewhere).does(Comment(text="beside"))
    theirs = await Writer(other, await other.draft(await other.workspace())).does(
        Comment(text="theirs")
    )
    for command in (imported, beside, theirs):
        with pytest.raises(CommentNotFound):
            await writer.does(ResolveComment(command_id=command.command_id))


async def test_a_comment_on_a_place_that_is_not_there_is_refused(writer: Writer) -> None:
    with pytest.raises(ContractInvalid) as refused:
        await writer.does(Comment(text="why?", target=UPPER))
    (found,) = refused.value.findings
    assert (found.code, found.path) == ("unknown_place", "$.target")


async def test_the_replayed_commands_give_the_contract_of_the_draft(
    story: Story, writer: Writer
) -> None:
    await writer.does(importing(contract(gate="strip_blocked", transitions={"a": ["b"]})))
    await writer.does(SetLimits(limits=raw({"max_calls_per_tool": {"issue_refund": 3}})))
    await writer.does(RemoveToolContract(tool="lookup_order"))
    async with story.db.reading(story.founder) as tx:
        draft = await store.get_draft(tx, writer.draft.draft_id)
        history = await store.list_history(tx, draft)
    payloads = [command.payload_json for command in history]
    assert rules.replay_all(writer.draft.contract_json, payloads) == draft.contract_json
    assert foreign.encode(json.loads(draft.contract_json)) == draft.contract_json


async def test_no_history_is_replayed_on_the_loop(story: Story, writer: Writer) -> None:
    await writer.does(importing(contract(LOOKUP)))
    async with story.db.reading(story.founder) as tx:
        blame, on_loop = await watched(service.show_blame(tx, writer.draft.draft_id))
    assert blame.rules
    assert on_loop(service.show_blame)
    assert not on_loop(history_rules.blame_rules)
