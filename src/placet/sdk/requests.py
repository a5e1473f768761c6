"""A model's request and its tool calls, as the service is told of them."""

from collections.abc import Sequence

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import digest
from placet.sdk.endpoints import NextRequest, ToolCall


def request_hash_of(messages: Json, model: str | None, offered_tools: Sequence[str]) -> str:
    """Return the 64 hexadecimal digits that bind a proposal to the request that it answers.

    The messages themselves never leave the process: only their digest goes into the hash.
    """
    document = {
        "messages_hash": digest("messages", foreign.encode(messages)).hex(),
        "model": model,
        "offered_tools": list(offered_tools),
    }
    return digest("model_request", canonical(document)).hex()


def next_request(messages: Json, model: str | None, offered_tools: Sequence[str]) -> NextRequest:
    """Return the model request that follows a turn, to be prepared along with its last receipt."""
    return NextRequest(
        request_hash=request_hash_of(messages, model, offered_tools),
        model=model,
        offered_tools=list(offered_tools),
    )


def tool_calls_of(response: Json) -> list[ToolCall]:
    """Return the tool calls in a chat completion, its message, or a plain list of tool calls.

    Of a completion, the first choice counts. The arguments stay the text that the model wrote.
    Raises `ForeignJsonError` where a call lacks its id, its name or its arguments.
    """
    found = response
    if isinstance(found, dict) and "choices" in found:
        choices = found["choices"]
        found = choices[0] if isinstance(choices, list) and choices else {}
    if isinstance(found, dict) and "message" in found:
        found = found["message"]
    if isinstance(found, dict):
        found = found.get("tool_calls") or []
    if not isinstance(found, list):
        message = "the tool calls are no list"
        raise ForeignJsonError(message, "/tool_calls")
    return [_tool_call(call, index) for index, call in enumerate(found)]


def as_tool_calls(calls: Json | Sequence[ToolCall]) -> list[ToolCall]:
    """Return tool calls that are given as such, or read from a model's response."""
    if isinstance(calls, Sequence) and not isinstance(calls, str):
        found = [call for call in calls if isinstance(call, ToolCall)]
        if len(found) == len(calls):
            return found
        return tool_calls_of([call for call in calls if not isinstance(call, ToolCall)])
    return tool_calls_of(calls)


def _tool_call(call: Json, index: int) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if isinstance(call, dict) and isinstance(function, dict):
        found = (call.get("id"), function.get("name"), function.get("arguments"))
        match found:
            case (str() as call_id, str() as name, str() as arguments):
                return ToolCall(id=call_id, name=name, arguments=arguments)
    message = "a tool call has an `id`, and a `function` with `name` and `arguments`, all text"
    raise ForeignJsonError(message, f"/tool_calls/{index}")
