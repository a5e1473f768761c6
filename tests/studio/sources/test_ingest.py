"""How material is cut into parts that a rule can point at."""

import json

import pytest

from placet.studio.sources.ingest import index
from placet.studio.sources.model import PARTS_MAX, SourceFailure, SourceMedia, SourcePart


def parts(text: str, media: str) -> list[SourcePart]:
    """Return the parts of a text that can be read."""
    found = index(text, SourceMedia(media))
    assert not isinstance(found, SourceFailure), found
    return found


def cut(text: str, part: SourcePart) -> str:
    """Return what stands in a part, by its bytes."""
    return text.encode()[part.first_byte : part.end_byte].decode()


def shape(text: str, media: str) -> list[tuple[str, str | None, str | None, int, int]]:
    """Return kind, path, label and lines of every part."""
    return [
        (part.kind.value, part.path, part.label, part.first_line, part.last_line)
        for part in parts(text, media)
    ]


def test_text_is_cut_into_paragraphs() -> None:
    text = "\n Ü eins\nzwei\n \t\n\n\ndrei\r\n"
    assert shape(text, "text") == [
        ("paragraph", None, None, 2, 3),
        ("paragraph", None, None, 7, 7),
    ]
    assert [cut(text, part) for part in parts(text, "text")] == ["Ü eins\nzwei", "drei"]


def test_markdown_is_cut_at_its_headings_but_not_at_those_in_code() -> None:
    text = (
        "---\ntitle: x\n---\nBefore\n# Refunds\ntext\n```sh\n# no heading\n```\n"
        "## Limits ##\n50 EUR\n\nOther\n=====\nlast\nThird\n---\n"
    )
    assert shape(text, "markdown") == [
        ("section", None, None, 1, 4),
        ("section", "Refunds", "Refunds", 5, 9),
        ("section", "Refunds > Limits", "Limits", 10, 11),
        ("section", "Other", "Other", 13, 15),
        ("section", "Other > Third", "Third", 16, 17),
    ]


def test_json_is_cut_into_its_members() -> None:
    text = '{"a": {"b": [1]},\n "ä b" : "x"\n}'
    assert shape(text, "json") == [
        ("member", "$.a", "a", 1, 1),
        ("member", "$['ä b']", "ä b", 2, 2),
    ]
    assert [cut(text, part) for part in parts(text, "json")] == ['"a": {"b": [1]}', '"ä b" : "x"']


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        (
            {"tools": [{"name": "a", "inputSchema": {}}, {"name": "b", "inputSchema": {}}]},
            "$.tools[{}]",
        ),
        (
            {"jsonrpc": "2.0", "result": {"tools": [{"name": n, "inputSchema": {}} for n in "ab"]}},
            "$.result.tools[{}]",
        ),
        ([{"type": "function", "function": {"name": n, "parameters": {}}} for n in "ab"], "$[{}]"),
        ([{"name": n, "input_schema": {}} for n in "ab"], "$[{}]"),
    ],
)
def test_each_form_of_a_tool_list_is_cut_into_tools(document: object, paths: str) -> None:
    text = json.dumps(document)
    tools = [part for part in parts(text, "json") if part.kind == "tool"]
    assert [(tool.label, tool.path) for tool in tools] == [
        (name, paths.format(index)) for index, name in enumerate("ab")
    ]
    assert all(f'"name": "{tool.label}"' in cut(text, tool) for tool in tools)


def test_a_json_schema_is_cut_into_its_properties() -> None:
    text = '{"type": "object", "properties": {"amount": {"type": "integer"}, "id": {}}}'
    assert [(part[0], part[1]) for part in shape(text, "json")] == [
        ("member", "$.type"),
        ("property", "$.properties.amount"),
        ("property", "$.properties.id"),
    ]


def test_jsonl_is_cut_into_calls_and_other_records() -> None:
    text = '{"tool": "issue_refund", "arguments": {"amount": 5}}\n\n{"level": "info"}\r\n[1]\n'
    assert shape(text, "jsonl") == [
        ("call", "$[0]", "issue_refund", 1, 1),
        ("record", "$[1]", None, 3, 3),
        ("record", "$[2]", None, 4, 4),
    ]


def test_yaml_is_cut_into_members_and_tools() -> None:
    text = (
        "# rules\nlimit: 50\nwho: [redacted:email] or else\n"
        "tools:\n  - name: lookup\n    risk: low\n  - {risk: high, name: refund}\nlast:\n  - 1\n"
    )
    assert shape(text, "yaml") == [
        ("member", "$.limit", "limit", 2, 2),
        ("member", "$.who", "who", 3, 3),
        ("tool", "$.tools[0]", "lookup", 5, 6),
        ("tool", "$.tools[1]", "refund", 7, 7),
        ("member", "$.last", "last", 8, 9),
    ]


def test_a_tag_or_an_alias_in_yaml_makes_nothing() -> None:
    text = "a: !!python/object/apply:os.system ['exit 1']\nb: &x [1, 1]\nc: [*x, *x]\n<<: *x\n"
    assert [part.label for part in parts(text, "yaml")] == ["a", "b", "c", "<<"]


@pytest.mark.parametrize(
    ("media", "text", "message", "line"),
    [
        ("json", "{\n'a': 1}", "not JSON", 2),
        ("json", "[" * 100 + "]" * 100, "nested more than 64", None),
        ("json", "[" + "1," * 500_001 + "1]", "more than 500,000 values", None),
        ("json", "9" * 5_000, "too long", None),
        ("jsonl", '{}\n{"a":\n', "not JSON", 2),
        ("jsonl", "1\n" * 100_001, "more than 100,000 lines", None),
        ("yaml", "a: 1\nb: [", "not YAML", 3),
        ("yaml", "[" * 100, "nested more than 64", None),
        ("yaml", "- 1\n" * 100_001, "more than 100,000 values", None),
        ("yaml", "a: " + "x" * 2**20, "more than 1 MiB", None),
        ("yaml", "a: \x1b", "not YAML", None),
    ],
)
def test_what_is_not_of_its_media_type_is_told_with_its_line(
    media: str, text: str, message: str, line: int | None
) -> None:
    found = index(text, SourceMedia(media))
    assert isinstance(found, SourceFailure)
    assert message in found.message
    assert found.line == line


@pytest.mark.parametrize(
    ("media", "text"),
    [
        ("text", "line\n\n" * 5_000),
        ("markdown", "# head\n" * 5_000),
        ("json", "[" + "1," * 5_000 + "1]"),
        ("jsonl", "{}\n" * 5_000),
        ("yaml", "- a\n" * 5_000),
    ],
)
def test_after_two_thousand_parts_the_rest_is_one(media: str, text: str) -> None:
    found = parts(text, media)
    assert len(found) == PARTS_MAX
    assert [part.kind for part in found].count(found[-1].kind) == 1
    assert found[-1].kind == "rest"
    assert found[-1].end_byte == len(text)
    ends = [part.end_byte for part in found[:-1]]
    assert all(end <= part.first_byte for end, part in zip(ends, found[1:], strict=True))


def test_exactly_two_thousand_parts_have_no_rest() -> None:
    found = parts("x\n\n" * PARTS_MAX, "text")
    assert (len(found), found[-1].kind) == (PARTS_MAX, "paragraph")


def test_names_that_could_not_be_kept_or_shown_are_mended() -> None:
    text = json.dumps({"a\x00b\n\ud800": 1, "k" * 900: 2})
    first, second = parts(text, "json")
    assert first.label == "a\ufffdb\ufffd\ufffd"
    assert "\x00" not in (first.path or "")
    assert (len(second.label or ""), len(second.path or "")) == (200, 500)
