"""What observed calls suggest, and that it changes nothing until somebody accepts it."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import LOOKUP, Story, contract, importing, raw

from placet.policy.model import SideEffect
from placet.storage.database import Writing
from placet.studio.drafts import store as drafts
from placet.studio.drafts.grounds.model import (
    AcceptInferredRule,
    AddDraftSource,
    NameSpan,
    RejectInferredRule,
    RetireDraftSource,
)
from placet.studio.drafts.history import service as history
from placet.studio.drafts.model import (
    BusinessDraft,
    CommandOrigin,
    CommandType,
    ContractInvalid,
    DraftVersionConflict,
    SetToolContract,
)
from placet.studio.inferred_rules import service
from placet.studio.inferred_rules.model import (
    Inferred,
    InferredRuleAnswer,
    InferredRuleNotFound,
    InferRules,
)
from placet.studio.sources.model import SourceKind, SourceMedia, SourceSummary
from placet.studio.workspaces.model import GovernanceWorkspace

CARRIERS = ("post", "van")


def shipping(number: int) -> dict[str, Any]:
    """Return one call of a tool that nobody wrote a contract for."""
    arguments = {"order_id": f"A-{number}", "carrier": CARRIERS[number % 2], "grams": 100 + number}
    return {"tool": "ship_order", "arguments": arguments}


async def observed(
    story: Story, workspace: GovernanceWorkspace, calls: Sequence[dict[str, Any]]
) -> SourceSummary:
    lines = "\n".join(json.dumps(call) for call in calls)
    return await story.source(
        workspace, lines, kind=SourceKind.OBSERVED_RUNS, media_type=SourceMedia.JSONL
    )


async def infer(story: Story, draft: BusinessDraft, version: int) -> Inferred:
    asked = InferRules(expected_draft_version=version)
    async with story.db.reading(story.founder) as tx:
        looked = await service.look(tx, draft.draft_id)
    suggested = await service.suggest(looked)
    async with story.db.writing(story.founder) as tx:
        return await service.keep(tx, suggested, asked, story.ids)


async def proposals(story: Story, draft: BusinessDraft) -> dict[str, InferredRuleAnswer]:
    async with story.db.reading(story.founder) as tx:
        found = await service.list_rules(tx, draft.draft_id, after=None, limit=200)
    return {f"{rule.kind} {rule.tool}{(rule.path or '')[1:]}": rule for rule in found}


async def document(story: Story, draft: BusinessDraft) -> dict[str, Any]:
    async with story.db.reading(story.founder) as tx:
        now = await drafts.get_draft(tx, draft.draft_id)
    held: dict[str, Any] = json.loads(now.contract_json)
    return held


def accepting(rule: InferredRuleAnswer, effect: SideEffect | None = None) -> AcceptInferredRule:
    return AcceptInferredRule(inferred_rule_id=rule.inferred_rule_id, side_effect=effect)


@pytest.fixture
async def workspace(story: Story) -> GovernanceWorkspace:
    return await story.workspace()


@pytest.fixture
async def draft(story: Story, workspace: GovernanceWorkspace) -> BusinessDraft:
    """A draft at version 2 that counts twelve calls of a tool that it does not know."""
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract(LOOKUP)))
    source = await observed(story, workspace, [shipping(number) for number in range(12)])
    await story.command(draft, AddDraftSource(source_id=source.source_id), expected=1)
    return draft


async def test_a_tool_and_then_its_arguments_are_proposed_and_change_nothing(
    story: Story, draft: BusinessDraft
) -> None:
    before = await document(story, draft)
    inferred = await infer(story, draft, 2)
    assert (inferred.calls, inferred.rules, inferred.rules_new) == (12, 1, 1)
    assert not inferred.is_partial
    assert await document(story, draft) == before
    (rule,) = (await proposals(story, draft)).values()
    assert (rule.kind, rule.tool, rule.sample_size, rule.basis) == (
        "tool",
        "ship_order",
        12,
        "observed",
    )
    assert json.loads(bytes(rule.proposal))["input_schema"] == {
        "type": "object",
        "additionalProperties": False,
        "required": ["carrier", "grams", "order_id"],
        "properties": {
            "carrier": {"type": "string"},
            "grams": {"type": "integer"},
            "order_id": {"type": "string"},
        },
    }
    assert len(rule.spans) == 10
    await story.command(draft, accepting(rule, SideEffect.WRITE), expected=2)
    (tool,) = [
        each for each in (await document(story, draft))["tools"] if each != before["tools"][0]
    ]
    assert (tool["tool"], tool["side_effect"], tool["decision"]) == ("ship_order", "write", "ask")
    again = await infer(story, draft, 3)
    found = await proposals(story, draft)
    assert again.rules_new == again.rules == 2
    assert set(found) == {
        "tool ship_order",
        "argument ship_order.carrier",
        "argument ship_order.grams",
    }
    assert found["tool ship_order"].ruling is not None
    (few,) = json.loads(bytes(found["argument ship_order.carrier"].proposal))["arguments"]
    assert few == {"path": "$.carrier", "one_of": ["post", "van"]}
    (range_seen,) = json.loads(bytes(found["argument ship_order.grams"].proposal))["arguments"]
    assert range_seen == {"path": "$.grams", "gte": 100, "lte": 111}


async def test_an_accepted_rule_tells_its_proposal_and_its_spans(
    story: Story, draft: BusinessDraft
) -> None:
    await infer(story, draft, 2)
    (rule,) = (await proposals(story, draft)).values()
    done = await story.command(
        draft, accepting(rule, SideEffect.WRITE), expected=2, reason="we ship"
    )
    async with story.db.reading(story.founder) as tx:
        rules = (await history.show_blame(tx, draft.draft_id)).rules
        kept = await drafts.get_command(tx, draft.draft_id, 3)
    (ruling,) = [one.ruling for one in (await proposals(story, draft)).values()]
    (decision,) = [one for one in rules if one.place == "$.tools.ship_order.decision"]
    assert decision.set_by.command_id == done.command_id
    assert decision.set_by.sources == rule.spans
    assert kept.origin is CommandOrigin.INFERENCE
    assert kept.command_type is CommandType.ACCEPT_INFERRED_RULE
    assert ruling is not None
    assert (ruling.command_id, ruling.reason) == (done.command_id, "we ship")


async def test_a_rejected_rule_sets_nothing_and_is_known_again_from_more_calls(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    before = await document(story, draft)
    await infer(story, draft, 2)
    (rule,) = (await proposals(story, draft)).values()
    rejecting = RejectInferredRule(inferred_rule_id=rule.inferred_rule_id)
    await story.command(draft, rejecting, expected=2, reason="an old tool")
    assert await document(story, draft) == before
    more = await observed(story, workspace, [shipping(number) for number in range(20, 24)])
    await story.command(draft, AddDraftSource(source_id=more.source_id), expected=3)
    assert await proposals(story, draft) == {}
    inferred = await infer(story, draft, 4)
    (again,) = (await proposals(story, draft)).values()
    assert (inferred.rules_new, again.sample_size) == (1, 16)
    assert again.inferred_rule_id != rule.inferred_rule_id
    assert again.ruling is not None
    assert again.ruling.command_type is CommandType.REJECT_INFERRED_RULE


@pytest.mark.parametrize(
    ("effect", "code"), [(None, "side_effect_missing"), (SideEffect.READ, "inferred_otherwise")]
)
async def test_a_tool_is_accepted_once_and_with_its_side_effect(
    story: Story, draft: BusinessDraft, effect: SideEffect | None, code: str
) -> None:
    await infer(story, draft, 2)
    (rule,) = (await proposals(story, draft)).values()
    version = 2
    if effect is not None:
        await story.command(draft, accepting(rule, effect), expected=version)
        version = 3
    with pytest.raises(ContractInvalid) as refused:
        await story.command(draft, accepting(rule, effect), expected=version)
    assert refused.value.findings[0].code == code


async def test_what_was_inferred_for_others_is_not_found(
    story: Story, other: Story, draft: BusinessDraft
) -> None:
    await infer(story, draft, 2)
    (rule,) = (await proposals(story, draft)).values()
    for teller, workspace in (
        (other, await other.workspace()),
        (story, await story.workspace(agent="another")),
    ):
        elsewhere = await teller.draft(workspace)
        with pytest.raises(InferredRuleNotFound):
            await teller.command(elsewhere, accepting(rule, SideEffect.READ))


async def test_the_same_sources_looked_at_twice_at_once_give_each_rule_once(
    story: Story, draft: BusinessDraft
) -> None:
    async with story.db.reading(story.founder) as tx:
        suggested = await service.suggest(await service.look(tx, draft.draft_id))

    async def work(tx: Writing) -> Inferred:
        asked = InferRules(expected_draft_version=2)
        return await service.keep(tx, suggested, asked, story.ids)

    first, second = await overtake(story.db, Side(story.founder, work), Side(story.founder, work))
    assert isinstance(first, Inferred)
    assert isinstance(second, Inferred)
    assert (first.rules_new, second.rules_new) == (1, 0)
    assert len(await proposals(story, draft)) == 1


async def test_a_draft_that_moved_on_is_looked_at_again(story: Story, draft: BusinessDraft) -> None:
    with pytest.raises(DraftVersionConflict):
        await infer(story, draft, 1)
    assert await proposals(story, draft) == {}


async def test_a_declared_schema_comes_before_an_observed_one(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    schema = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    listed = await story.source(
        workspace,
        json.dumps({"tools": [{"name": "ship_order", "inputSchema": schema}]}),
        kind=SourceKind.TOOL_SCHEMAS,
        media_type=SourceMedia.JSON,
    )
    await story.command(draft, AddDraftSource(source_id=listed.source_id), expected=2)
    await infer(story, draft, 3)
    (rule,) = (await proposals(story, draft)).values()
    assert (rule.basis, rule.sample_size) == ("declared", 12)
    assert json.loads(bytes(rule.proposal))["input_schema"] == schema
    assert [span.source_id for span in rule.spans] == [UUID(str(listed.source_id))]


HOSTILE = (
    '{"tool": "x\\u0000y", "arguments": {"n": 1}}',
    '{"tool": "x\\ud800z", "arguments": {"n": 1}}',
    '{"tool": "huge", "arguments": {"n": 1%s}}' % ("0" * 400),
    '{"tool": "endless", "arguments": {"n": 1e999}}',
    '{"tool": "key", "arguments": {"a\\u0000b": 1}}',
    '{"tool": "text", "arguments": {"a": "\\u0000"}}',
    '{"tool": "half", "arguments": {"a": "\\udfff"}}',
    '{"tool": "plain", "arguments": {"a": "\\\\u0000"}}',
)
SCHEMAS = ('{"maximum": NaN}', '{"maximum": 1e999}', '{"a\\u0000": 1}', '{"title": "\\ud800"}')


async def test_what_nothing_of_ours_can_hold_is_told_apart_and_stops_nothing(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    called = await story.source(
        workspace,
        "\n".join(line for line in HOSTILE for _ in range(10)),
        kind=SourceKind.OBSERVED_RUNS,
        media_type=SourceMedia.JSONL,
    )
    tools = (f'{{"name": "t{n}", "inputSchema": {one}}}' for n, one in enumerate(SCHEMAS))
    listed = await story.source(
        workspace,
        f'{{"tools": [{", ".join(tools)}]}}',
        kind=SourceKind.TOOL_SCHEMAS,
        media_type=SourceMedia.JSON,
    )
    for version, source in ((2, called), (3, listed)):
        assert source.part_count
        await story.command(draft, AddDraftSource(source_id=source.source_id), expected=version)
    await infer(story, draft, 4)
    found = await proposals(story, draft)
    tools_found = {rule.tool for rule in found.values()}
    assert tools_found == {"ship_order", "x\ufffdy", "x\ufffdz", "huge", "plain"}
    await story.command(draft, accepting(found["tool huge"], SideEffect.READ), expected=4)
    await infer(story, draft, 5)


async def refused_otherwise(story: Story, draft: BusinessDraft, rule: Any, version: int) -> None:  # noqa: ANN401 -- of any kind
    effect = SideEffect.WRITE if rule.kind == "tool" else None
    before = await document(story, draft)
    with pytest.raises(ContractInvalid) as refused:
        await story.command(draft, accepting(rule, effect), expected=version)
    assert [one.code for one in refused.value.findings] == ["inferred_otherwise"]
    assert await document(story, draft) == before


async def test_what_was_said_since_is_not_overwritten_by_an_older_proposal(
    story: Story, draft: BusinessDraft
) -> None:
    tool = {"tool": "ship_order"} | {
        key: value for key, value in LOOKUP.items() if key not in {"tool", "input_schema"}
    }
    await story.command(draft, SetToolContract(tool=raw(tool)), expected=2)
    await infer(story, draft, 3)
    found = await proposals(story, draft)
    said = tool | {"input_schema": {"type": "object", "title": "ours"}}
    said["arguments"] = [{"path": "$.grams", "lte": 5}]
    await story.command(draft, SetToolContract(tool=raw(said)), expected=3)
    await refused_otherwise(story, draft, found["input_schema ship_order"], 4)
    await refused_otherwise(story, draft, found["argument ship_order.grams"], 4)
    carrier = found["argument ship_order.carrier"]
    await story.command(draft, accepting(carrier), expected=4)
    await refused_otherwise(story, draft, carrier, 5)


async def test_a_proposal_is_not_accepted_when_its_sources_count_no_longer(
    story: Story, workspace: GovernanceWorkspace, draft: BusinessDraft
) -> None:
    more = await observed(story, workspace, [shipping(number) for number in range(20, 24)])
    await story.command(draft, AddDraftSource(source_id=more.source_id), expected=2)
    await infer(story, draft, 3)
    (rule,) = (await proposals(story, draft)).values()
    assert more.source_id not in {span.source_id for span in rule.spans}
    await story.command(draft, RetireDraftSource(source_id=more.source_id), expected=3)
    await refused_otherwise(story, draft, rule, 4)
    await story.command(draft, AddDraftSource(source_id=more.source_id), expected=4)
    await story.command(draft, accepting(rule, SideEffect.WRITE), expected=5)


async def test_spans_that_are_named_stand_beside_those_of_the_proposal(
    story: Story, draft: BusinessDraft
) -> None:
    await infer(story, draft, 2)
    (rule,) = (await proposals(story, draft)).values()
    source_id = rule.spans[0].source_id
    named = [NameSpan(source_id=source_id, part_id=part) for part in ("p1", "p12")]
    await story.command(
        draft, accepting(rule, SideEffect.WRITE), expected=2, reason="seen", sources=named
    )
    async with story.db.reading(story.founder) as tx:
        kept = json.loads((await drafts.get_command(tx, draft.draft_id, 3)).payload_json)
    assert [span["part_id"] for span in kept["sources"]] == [f"p{n}" for n in (*range(1, 11), 12)]
