"""Calls and tools, in the forms in which agents and servers write them down."""

import json
from typing import Any

import pytest

from placet.kernel.foreign import Json
from placet.studio.sources.calls import declared_tools, observed_calls
from placet.studio.sources.ingest import index
from placet.studio.sources.model import PARTS_MAX, SourceMedia, SourcePart

ARGUMENTS: dict[str, Json] = {"order_id": "A-1"}


def parts_of(text: str, media: SourceMedia) -> list[SourcePart]:
    parts = index(text, media)
    assert isinstance(parts, list)
    return parts


@pytest.mark.parametrize(
    "call",
    [
        {"tool": "refund", "arguments": ARGUMENTS},
        {"tool_name": "refund", "args": ARGUMENTS, "at": "2030-01-01T00:00:00Z"},
        {"name": "refund", "input": ARGUMENTS},
        {"name": "refund", "arguments": json.dumps(ARGUMENTS)},
    ],
)
def test_a_call_is_read_in_each_of_its_forms(call: dict[str, Any]) -> None:
    text = "\n".join(["{}", json.dumps(call), '{"tool": "refund", "arguments": [1]}'])
    (found,) = observed_calls(text.encode(), parts_of(text, SourceMedia.JSONL))
    assert found == ("p2", "refund", ARGUMENTS)


def test_calls_beyond_the_parts_are_read_line_by_line() -> None:
    calls = PARTS_MAX + 10
    text = "\n".join(
        json.dumps({"tool": "refund", "arguments": {"number": number}}) for number in range(calls)
    )
    found = list(observed_calls(text.encode(), parts_of(text, SourceMedia.JSONL)))
    assert [call.arguments["number"] for call in found] == list(range(calls))
    assert {call.part_id for call in found[PARTS_MAX - 1 :]} == {f"p{PARTS_MAX}"}


@pytest.mark.parametrize(
    "listed",
    [
        {"tools": [{"name": "refund", "inputSchema": {"type": "object"}}]},
        {"result": {"tools": [{"name": "refund", "inputSchema": {"type": "object"}}]}},
        [{"type": "function", "function": {"name": "refund", "parameters": {"type": "object"}}}],
    ],
)
def test_a_tool_is_read_in_each_of_its_forms(listed: Any) -> None:  # noqa: ANN401 -- JSON
    text = json.dumps(listed, indent=1)
    (found,) = declared_tools(text.encode(), parts_of(text, SourceMedia.JSON))
    assert (found.tool, found.schema) == ("refund", {"type": "object"})


def test_what_is_no_call_is_passed_over() -> None:
    text = '{"tool": "refund"}\n{"arguments": {}}\n1\n"x"'
    assert list(observed_calls(text.encode(), parts_of(text, SourceMedia.JSONL))) == []


@pytest.mark.parametrize("escaped", ["\\u0000", "\\ud800", "\\udfff"])
def test_a_name_holds_nothing_that_cannot_be_kept(escaped: str) -> None:
    tools = f'{{"tools": [{{"name": "a{escaped}b", "inputSchema": {{}}}}]}}'
    (found,) = declared_tools(tools.encode(), parts_of(tools, SourceMedia.JSON))
    assert found.tool == "a\ufffdb"
