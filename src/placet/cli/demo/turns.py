"""The model's side: chat completions as they were recorded, and the messages that led to them.

They have the form that chat-completion services return, with `choices[0].message.tool_calls` and
arguments as the text that the model wrote. The demo never calls a model, so it needs no account and
says the same each time; what becomes of each tool call is up to the service.
"""

from typing import Final

from placet.kernel.foreign import Json
from placet.kernel.value import Value

MODEL: Final = "recorded-model-1"

LAMP: Final = "ord_4f8a21c7"
CHAIR: Final = "ord_9b03d5e2"
TABLE: Final = "ord_c2e17a60"


class Turn(Value, frozen=True):
    """One turn of the model: what the customer said before it, if anything, and the completion."""

    customer: str | None
    completion: Json


def _completion(number: int, name: str, arguments: str) -> Json:
    call: Json = {
        "id": f"call_{number:04d}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
    return {
        "id": f"chatcmpl-{number:04d}",
        "object": "chat.completion",
        "created": 1_780_000_000 + number,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 412 + number, "completion_tokens": 31, "total_tokens": 443},
    }


TURNS: Final[dict[str, Turn]] = {
    "lamp_lookup": Turn(
        customer="My lamp from order ord_4f8a21c7 came broken. I want my money back.",
        completion=_completion(1, "lookup_order", '{"order_id": "ord_4f8a21c7"}'),
    ),
    "lamp_all": Turn(
        customer=None,
        completion=_completion(
            2, "issue_refund", '{"order_id": "ord_4f8a21c7", "amount_cents": 61900}'
        ),
    ),
    "lamp_part": Turn(
        customer="Then refund the lamp alone: 489.00.",
        completion=_completion(
            3, "issue_refund", '{"order_id": "ord_4f8a21c7", "amount_cents": 48900}'
        ),
    ),
    "lamp_again": Turn(
        customer="I still see nothing on my account. Please refund it!",
        completion=_completion(
            4, "issue_refund", '{"amount_cents": 48900, "order_id": "ord_4f8a21c7"}'
        ),
    ),
    "chair_lookup": Turn(
        customer="The chair of order ord_9b03d5e2 has a scratch.",
        completion=_completion(5, "lookup_order", '{"order_id": "ord_9b03d5e2"}'),
    ),
    "chair_refund": Turn(
        customer="I would keep it for 45.00 less.",
        completion=_completion(
            6, "issue_refund", '{"order_id": "ord_9b03d5e2", "amount_cents": 4500}'
        ),
    ),
    "table_lookup": Turn(
        customer="Order ord_c2e17a60: the table is too small, I sent it back.",
        completion=_completion(7, "lookup_order", '{"order_id": "ord_c2e17a60"}'),
    ),
    "table_refund": Turn(
        customer=None,
        completion=_completion(
            8, "issue_refund", '{"order_id": "ord_c2e17a60", "amount_cents": 12900}'
        ),
    ),
}


def message_of(turn: Turn) -> Json:
    """Return the assistant's message of a turn's completion."""
    match turn.completion:
        case {"choices": [{"message": message}]}:
            return message
    fault = f"a completion has one choice with a message: {turn.completion!r}"
    raise ValueError(fault)
