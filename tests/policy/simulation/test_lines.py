"""The form of a recording: what a line may be, and where it is wrong."""

import json
from typing import Any

import pytest

from placet.policy.simulation.lines import Line, LineError, LineReader, read_line

CALL = {"id": "a", "function": {"name": "pay", "arguments": "{}"}}
GOOD: dict[str, Any] = {"at": "2026-01-01T00:00:00Z", "tool_calls": [CALL]}
FULL: dict[str, Any] = GOOD | {
    "tool_calls": [CALL | {"type": "function"}],
    "principal": {"id": 12345678901234567890, "team": None},
    "labels": {"risk": "high"},
    "approved": ["a"],
    "outputs": {"a": {"n": 1.5, "text": "ü"}},
    "failed": ["b"],
    "cost_micros": {"a": 0},
}


def told(document: object) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\t", "\t: ")])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_a_line_is_read_whichever_way_it_is_written(
    separators: tuple[str, str], *, is_ascii: bool
) -> None:
    text = json.dumps(FULL, separators=separators, ensure_ascii=is_ascii).encode()
    line = read_line(text)
    assert line.principal == FULL["principal"]
    assert line.outputs == FULL["outputs"]
    assert line.at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert (line.labels, line.approved, line.failed) == ({"risk": "high"}, ("a",), ("b",))


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], ""),
        (1, ""),
        (without(GOOD, "at"), "at"),
        (without(GOOD, "tool_calls"), "tool_calls"),
        (GOOD | {"at": 0}, "at"),
        (GOOD | {"at": "yesterday"}, "at"),
        (GOOD | {"at": "2026-01-01T00:00:00"}, "at"),
        (GOOD | {"at": None}, "at"),
        (GOOD | {"att": 1}, "att"),
        (GOOD | {"tool_calls": {}}, "tool_calls"),
        (GOOD | {"tool_calls": [1]}, "tool_calls[0]"),
        (GOOD | {"tool_calls": [CALL, without(CALL, "id")]}, "tool_calls[1].id"),
        (GOOD | {"tool_calls": [CALL | {"id": 1}]}, "tool_calls[0].id"),
        (GOOD | {"tool_calls": [CALL | {"id": ""}]}, "tool_calls[0].id"),
        (GOOD | {"tool_calls": [CALL | {"index": 0}]}, "tool_calls[0].index"),
        (GOOD | {"tool_calls": [CALL | {"type": "tool"}]}, "tool_calls[0].type"),
        (GOOD | {"tool_calls": [without(CALL, "function")]}, "tool_calls[0].function"),
        (
            GOOD | {"tool_calls": [CALL | {"function": {"name": "pay"}}]},
            "tool_calls[0].function.arguments",
        ),
        (
            GOOD | {"tool_calls": [CALL | {"function": {"name": "pay", "arguments": {}}}]},
            "tool_calls[0].function.arguments",
        ),
        (GOOD | {"principal": []}, "principal"),
        (GOOD | {"labels": {"a": 1}}, "labels.a"),
        (GOOD | {"approved": "a"}, "approved"),
        (GOOD | {"approved": [1]}, "approved[0]"),
        (GOOD | {"outputs": ["a"]}, "outputs"),
        (GOOD | {"failed": {"a": 1}}, "failed"),
        (GOOD | {"cost_micros": {"a": -1}}, "cost_micros.a"),
        (GOOD | {"cost_micros": {"a": 1.5}}, "cost_micros.a"),
        (GOOD | {"cost_micros": {"a": "1"}}, "cost_micros.a"),
        (GOOD | {"cost_micros": {"a": True}}, "cost_micros.a"),
        (GOOD | {"cost_micros": {"a": 1, "b/c": True, "d": -1}}, "cost_micros.b/c"),
        (GOOD | {"outputs": {"": 1}}, "outputs"),
        (GOOD | {"outputs": {"a": {"b": "\x00"}}}, "outputs.a.b"),
        (GOOD | {"outputs": {"a/b~c": "\x00"}}, "outputs.a/b~c"),
        (GOOD | {"tool_calls": [CALL, CALL | {"id": "\x00"}]}, "tool_calls[1].id"),
        (GOOD | {"approved": ["\x00"]}, "approved[0]"),
    ],
)
def test_a_line_that_is_wrong_is_refused_by_its_field(document: object, field: str) -> None:
    with pytest.raises(LineError) as refused:
        read_line(told(document))
    assert refused.value.field == field
    assert refused.value.message


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"nonsense",
        b"\xff",
        b"\xef\xbb\xbf" + told(GOOD),
        told(GOOD) + b"{}",
        b"[" * 100_000,
        b'{"at":"2026-01-01T00:00:00Z","tool_calls":[],"tool_calls":[]}',
        b'{"at":"2026-01-01T00:00:00Z","tool_calls":[],"outputs":{"a":1,"a":1}}',
        b'{"at":"2026-01-01T00:00:00Z","tool_calls":[],"outputs":{"a":NaN}}',
        b'{"at":"2026-01-01T00:00:00Z","tool_calls":[],"outputs":{"a":1e999}}',
        b'{"at":"2026-01-01T00:00:00Z","tool_calls":[],"outputs":' + b"[" * 65 + b"]" * 65 + b"}",
    ],
)
def test_what_is_no_json_of_ours_to_take_is_refused(text: bytes) -> None:
    with pytest.raises(LineError):
        read_line(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            told(GOOD)[:-1] + b', "at": 1}',
            'the line cannot be read: the key "at" stands twice in one object',
        ),
        (b'{"at" 1}', "the line cannot be read: the text is not JSON: "),
        (told(GOOD | {"outputs": {"": 1}}), "field `outputs`: a key: expected "),
    ],
)
def test_what_is_wrong_is_said_with_a_place_only_where_there_is_one(text: bytes, said: str) -> None:
    with pytest.raises(LineError) as refused:
        read_line(text)
    assert str(refused.value).startswith(said)
    assert "at byte )" not in str(refused.value)


def test_numbers_of_a_line_are_exact() -> None:
    text = told(GOOD)[:-1] + b', "outputs": {"a": [1.0, 1e2, 123456789012345678901234567890]}}'
    found = read_line(text).outputs["a"]
    assert found == [1.0, 100.0, 123456789012345678901234567890]
    assert isinstance(found, list)
    assert [type(one) for one in found] == [float, float, int]


def test_blank_lines_are_passed_over_and_counted() -> None:
    reader = LineReader([b"\n", told(GOOD) + b"\r\n", b"  \n", b"{}\n"])
    lines = iter(reader)
    assert isinstance(next(lines), Line)
    assert reader.number == 2
    with pytest.raises(LineError):
        next(lines)
    assert reader.number == 4
