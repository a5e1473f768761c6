"""What counts as a new or a changed tool, and how a change is classified."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace

from placet.policy.model import Ruling, SideEffect
from placet.policy.sentences.tools import schema_hash_of
from placet.studio.drift.model import ToolChange
from placet.studio.drift.scans import tools
from placet.studio.drift.scans.listed import TOOLS_MAX, NotListedError, listed_tools
from placet.studio.drift.scans.model import ApprovedTool, Difference, SeenTool
from placet.studio.sources.ingest import index
from placet.studio.sources.model import SourceMedia

APPROVED_AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
BASE: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "n": {"type": "integer", "maximum": 10}},
}
WIDER: Final = BASE | {"required": []}
NARROWER: Final = BASE | {"required": ["id", "n"]}
OTHER: Final = WIDER | {"properties": {"id": {"type": "string"}, "n": {"type": "string"}}}


def seen(
    name: str = "pay",
    schema: Any = BASE,  # noqa: ANN401 -- any JSON Schema
    *,
    hours: int = 1,
    description: str | None = None,
) -> SeenTool:
    """Return a version that was first seen so many hours after the approval."""
    return SeenTool(
        name=name,
        description_hash=description,
        schema_hash=None if schema is None else schema_hash_of(schema),
        schema=schema,
        first_seen_at=APPROVED_AT + hours * HOUR,
        last_seen_at=APPROVED_AT + abs(hours) * HOUR,
    )


def pay(schema: Any = BASE) -> ApprovedTool:  # noqa: ANN401 -- any JSON Schema
    return ApprovedTool(
        name="pay",
        side_effect=SideEffect.FINANCIAL,
        ruling=Ruling.ALLOW,
        schema_hash=None if schema is None else schema_hash_of(schema),
        schema=schema,
    )


@pytest.mark.parametrize(
    ("new", "change"),
    [
        (BASE | {"title": "Pay", "description": "pays"}, ToolChange.DESCRIPTION_ONLY),
        (WIDER, ToolChange.WIDENED),
        (NARROWER, ToolChange.NARROWED),
        (OTHER, ToolChange.INCOMPATIBLE),
        (True, ToolChange.WIDENED),
        (False, ToolChange.NARROWED),
        ({"properties": {"n": {"type": 5}}}, ToolChange.INCOMPATIBLE),
        ({"allOf": 5}, ToolChange.INCOMPATIBLE),
        ({"type": ["string", {}]}, ToolChange.INCOMPATIBLE),
    ],
)
def test_a_schema_change_is_classified_by_what_the_schema_takes(
    new: Any,  # noqa: ANN401 -- any JSON Schema
    change: ToolChange,
) -> None:
    assert tools.classify(BASE, new) is change


def opened(*named: str, **more: object) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in named}} | more


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (opened("to"), opened("to", "bypass"), ToolChange.WIDENED),
        (opened("to", "note"), opened("to"), ToolChange.NARROWED),
        (opened("to"), opened("recipient"), ToolChange.INCOMPATIBLE),
        (opened("to"), opened("to", additionalProperties=True), ToolChange.DESCRIPTION_ONLY),
        (opened("to", additionalProperties=False), opened("to"), ToolChange.WIDENED),
        (opened("to"), opened("to", additionalProperties=False), ToolChange.NARROWED),
        (
            opened(properties={"dry": {"default": True}}),
            opened(properties={"dry": {"default": False}}),
            ToolChange.WIDENED,
        ),
    ],
)
def test_what_is_newly_named_or_done_by_default_is_wider_than_before(
    old: dict[str, Any], new: dict[str, Any], change: ToolChange
) -> None:
    assert tools.classify(old, new) is change


def changes(*versions: SeenTool, approved: ApprovedTool | None = None) -> list[ToolChange]:
    found, left = compared([approved or pay()], versions)
    assert left == []
    return [difference.change for difference in found]


def compared(
    approved: list[ApprovedTool],
    versions: Sequence[SeenTool],
    classified: Mapping[str, ToolChange] | None = None,
    *,
    times: int = 1_000,
) -> tuple[list[Difference], list[SeenTool]]:
    """Compare with time for so many comparisons."""
    left = iter([False] * times)
    comparisons = tools.Comparisons(lambda: next(left, True))
    return tools.changed_tools(approved, versions, APPROVED_AT, classified or {}, comparisons)


def test_the_approved_schema_and_what_was_known_at_the_approval_are_no_change() -> None:
    assert changes(seen(), seen(schema=None)) == []
    assert changes(seen(schema=WIDER, hours=-1), seen(schema=WIDER)) == []


def test_a_version_is_compared_with_the_one_known_last_and_not_with_the_contract() -> None:
    known = seen(schema=WIDER, hours=-1)
    assert changes(known, seen(schema=NARROWER)) == [ToolChange.NARROWED]
    assert changes(seen(schema=WIDER)) == [ToolChange.WIDENED]


def test_a_contract_without_a_schema_and_no_known_version_say_nothing_of_a_change() -> None:
    assert changes(seen(schema=WIDER), approved=pay(None)) == []


def test_another_description_is_a_change_where_one_was_known() -> None:
    known, new = seen(hours=-1, description="aa" * 32), seen(description="bb" * 32)
    assert changes(known, new) == [ToolChange.DESCRIPTION_ONLY]
    assert changes(new) == []


def test_what_an_agent_offers_first_after_its_approval_is_what_later_versions_differ_from() -> None:
    first, later = seen(description="aa" * 32), seen(schema=WIDER, hours=2, description="aa" * 32)
    assert changes(later, first, approved=pay(None)) == [ToolChange.WIDENED]
    told = seen(hours=2, description="bb" * 32)
    assert changes(told, first) == [ToolChange.DESCRIPTION_ONLY]
    assert changes(first) == []


def test_a_tool_is_new_that_neither_the_contract_nor_anybody_knew_at_the_approval() -> None:
    versions = [
        seen("wire"),
        seen("wire", WIDER, hours=2),
        seen("old", hours=-1),
        seen("old", OTHER),
    ]
    found = tools.new_tools(["pay"], [*versions, seen("pay", OTHER)], APPROVED_AT)
    assert [(tool.name, tool.schema) for tool in found] == [("wire", WIDER)]


def test_the_tools_of_a_source_are_versions_and_a_redacted_one_has_only_names() -> None:
    text = (
        '{"tools": [{"name": "pay", "description": "pays", "inputSchema": {"type": "object"}},'
        ' {"name": "open", "inputSchema": true}]}'
    )
    parts = index(text, SourceMedia.JSON)
    assert isinstance(parts, list)
    clean = list(
        listed_tools(text.encode(), parts, SourceMedia.JSON, APPROVED_AT, is_redacted=False)
    )
    assert [(tool.name, tool.schema) for tool in clean] == [
        ("pay", {"type": "object"}),
        ("open", True),
    ]
    assert [tool.description_hash is None for tool in clean] == [False, True]
    hidden = list(
        listed_tools(text.encode(), parts, SourceMedia.JSON, APPROVED_AT, is_redacted=True)
    )
    assert {(tool.schema_hash, tool.description_hash) for tool in hidden} == {(None, None)}


@pytest.mark.parametrize("name", ["n" * 129, ""])
def test_a_listed_name_that_cannot_be_kept_is_left_out(name: str) -> None:
    named = [f'{{"name": "{one}", "inputSchema": {{}}}}' for one in (name, "pay")]
    text = f'{{"tools": [{", ".join(named)}]}}'
    parts = index(text, SourceMedia.JSON)
    assert isinstance(parts, list)
    found = list(
        listed_tools(text.encode(), parts, SourceMedia.JSON, APPROVED_AT, is_redacted=False)
    )
    assert [tool.name for tool in found] == ["pay"]


def test_a_listed_tool_whose_text_cannot_be_kept_has_no_description_or_no_schema() -> None:
    text = (
        '{"tools": [{"name": "pay", "description": "\\ud800", "inputSchema": {}},'
        ' {"name": "wire", "inputSchema": {"const": "\\ud800", "maximum": 1e400}}]}'
    )
    parts = index(text, SourceMedia.JSON)
    assert isinstance(parts, list)
    found = list(
        listed_tools(text.encode(), parts, SourceMedia.JSON, APPROVED_AT, is_redacted=False)
    )
    assert [(tool.name, tool.schema) for tool in found] == [("pay", {}), ("wire", None)]


def bounded(count: int) -> list[SeenTool]:
    """Return so many versions of a tool, each with another schema."""
    return [seen(schema=BASE | {"maxProperties": 5 + n}) for n in range(count)]


def test_an_answer_that_is_known_is_not_worked_out_again_and_only_so_many_are() -> None:
    versions = bounded(tools.COMPARED_MAX + 10)
    first, left = compared([pay()], versions)
    assert (len(first), len(left)) == (tools.COMPARED_MAX, 10)
    answers = {difference.found: ToolChange.WIDENED for difference in first}
    then, left = compared([pay()], versions, answers)
    assert (len(then), left) == (len(versions), [])
    assert [one.change for one in then].count(ToolChange.WIDENED) == tools.COMPARED_MAX


def test_two_schemas_are_compared_once_however_many_versions_have_them() -> None:
    versions = [seen(schema=WIDER, description=f"{n:064x}") for n in range(3)]
    found, left = compared([pay()], versions, times=1)
    assert ([one.change for one in found], left) == ([ToolChange.WIDENED] * 3, [])


def test_what_there_was_no_time_for_is_left_and_never_left_out() -> None:
    known = seen(hours=-1, description="aa" * 32)
    said = seen(description="bb" * 32)
    versions = [known, said, *bounded(3)]
    found, left = compared([pay()], versions, times=1)
    assert [one.change for one in found] == [ToolChange.DESCRIPTION_ONLY, ToolChange.NARROWED]
    assert [one.schema_hash for one in left] == [one.schema_hash for one in versions[3:]]


YAML_LIST: Final = """\
# what the server lists
{head}{at}- name: pay
{at}  description: |
{at}    pays

{at}    at once
{at}  inputSchema:
{at}    type: object
{at}    properties: {{n: {{type: integer, maximum: 10}}}}
{at}- inputSchema: {{"type": "object",
{at}    "required": []}}
{at}  name: "wire"
"""


@pytest.mark.parametrize(
    ("head", "at"),
    [("tools:\n", ""), ("tools:\n", "  "), ("", ""), ("result:\n  tools:\n", "  ")],
)
def test_a_list_in_yaml_has_the_same_tools_as_in_json(head: str, at: str) -> None:
    text = YAML_LIST.format(head=head, at=at)
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 10}}}
    same = [
        {"name": "pay", "description": "pays\n\nat once\n", "inputSchema": schema},
        {"inputSchema": {"type": "object", "required": []}, "name": "wire"},
    ]
    assert listed(text, SourceMedia.YAML) == listed(json.dumps(same), SourceMedia.JSON)


def test_a_yaml_tool_with_an_anchor_or_an_alias_is_known_by_its_name_alone() -> None:
    text = """\
tools:
- name: pay
  inputSchema: &shared {type: object}
- {name: wire, inputSchema: *shared}
- {name: open, inputSchema: {type: object}}
"""
    found = listed(text, SourceMedia.YAML)
    assert [(tool.name, tool.schema) for tool in found] == [
        ("pay", None),
        ("wire", None),
        ("open", {"type": "object"}),
    ]


def listed(text: str, media: SourceMedia) -> list[SeenTool]:
    parts = index(text, media)
    assert isinstance(parts, list)
    return list(listed_tools(text.encode(), parts, media, APPROVED_AT, is_redacted=False))


def test_however_many_tools_stand_in_one_line_reading_them_takes_no_longer() -> None:
    tools_of_one_line = ", ".join(
        f'{{name: x{n}, parameters: {{title: "{"w" * 900}"}}}}' for n in range(1_000)
    )
    began = time.thread_time()
    assert len(listed(f"[{tools_of_one_line}]", SourceMedia.YAML)) == 1_000
    assert time.thread_time() - began < 8


def test_a_yaml_tool_may_begin_far_to_the_right_of_its_line_and_go_on_in_others() -> None:
    text = "tools: [{name: open, parameters: {}}, {name: pay,\n  parameters: {title: a}}]\n"
    assert [(tool.name, tool.schema) for tool in listed(text, SourceMedia.YAML)] == [
        ("open", {}),
        ("pay", {"title": "a"}),
    ]


def test_whatever_may_be_a_tool_counts_as_one_that_was_read() -> None:
    others = ["- note: nothing\n"] * (TOOLS_MAX - 1)
    named = [f"- {{name: {name}, parameters: {{}}}}\n" for name in ("pay", "wire")]
    found = listed("".join([*others, *named]), SourceMedia.YAML)
    assert [tool.name for tool in found] == ["pay"]


@pytest.mark.parametrize("media", [SourceMedia.JSON, SourceMedia.YAML])
def test_a_list_is_read_no_further_when_the_time_is_up(media: SourceMedia) -> None:
    text = json.dumps({"tools": [{"name": name, "parameters": {}} for name in ("pay", "wire")]})
    parts = index(text, media)
    assert isinstance(parts, list)
    times = iter([False])
    found = listed_tools(
        text.encode(),
        parts,
        media,
        APPROVED_AT,
        is_redacted=False,
        is_over=lambda: next(times, True),
    )
    assert next(found).name == "pay"
    with pytest.raises(NotListedError):
        next(found)


def test_many_versions_of_one_tool_starve_no_other() -> None:
    noise = [seen("aa", BASE | {"maxProperties": 5 + n}) for n in range(tools.COMPARED_MAX + 20)]
    approved = [replace(pay(), name="aa"), pay()]
    found, _ = compared(approved, [*noise, seen("pay", OTHER)])
    assert [one.change for one in found if one.tool == "pay"] == [ToolChange.INCOMPATIBLE]
