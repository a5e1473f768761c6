"""What a proposal is bound to, and the tool calls in a model's answer."""

import pytest

from placet.kernel.foreign import ForeignJsonError, Json
from placet.sdk.endpoints import ToolCall
from placet.sdk.requests import as_tool_calls, request_hash_of, tool_calls_of

CALL: dict[str, Json] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "lookup_order", "arguments": '{"order_id": "ord_1"}'},
}
EXPECTED = [ToolCall(id="call_1", name="lookup_order", arguments='{"order_id": "ord_1"}')]
MESSAGE: dict[str, Json] = {"role": "assistant", "content": None, "tool_calls": [CALL]}


def test_a_changed_message_model_or_tool_list_is_another_request() -> None:
    base = request_hash_of([{"role": "user", "content": "hi"}], "m", ["a", "b"])
    others = {
        request_hash_of([{"role": "user", "content": "ho"}], "m", ["a", "b"]),
        request_hash_of([{"role": "user", "content": "hi"}], None, ["a", "b"]),
        request_hash_of([{"role": "user", "content": "hi"}], "m", ["b", "a"]),
        request_hash_of(None, "m", ["a", "b"]),
    }
    assert len(base) == 64
    assert base not in others
    assert len(others) == 4


@pytest.mark.parametrize(
    "response", [{"choices": [{"message": MESSAGE}]}, {"message": MESSAGE}, MESSAGE, [CALL]]
)
def test_a_completion_its_message_and_its_calls_mean_the_same(response: Json) -> None:
    assert tool_calls_of(response) == EXPECTED
    assert as_tool_calls(response) == EXPECTED


@pytest.mark.parametrize("response", [{"content": "text only"}, {"choices": []}, [], {}])
def test_an_answer_without_calls_has_none(response: Json) -> None:
    assert tool_calls_of(response) == []


def test_the_models_text_is_not_touched() -> None:
    broken: Json = [CALL | {"function": {"name": "x", "arguments": '{"a":1,"a":2'}}]
    assert tool_calls_of(broken)[0].arguments == '{"a":1,"a":2'


@pytest.mark.parametrize(
    "call",
    [
        {},
        "call",
        CALL | {"id": 1},
        CALL | {"function": {"name": "x"}},
        CALL | {"function": {"name": "x", "arguments": {"a": 1}}},
        CALL | {"function": None},
    ],
)
def test_a_call_without_its_parts_is_named_and_refused(call: Json) -> None:
    with pytest.raises(ForeignJsonError, match="/tool_calls/1"):
        tool_calls_of([CALL, call])


def test_typed_calls_go_through_as_they_are() -> None:
    assert as_tool_calls(EXPECTED) == EXPECTED


def test_a_tool_call_shows_no_arguments() -> None:
    assert "ord_1" not in repr(EXPECTED[0])
