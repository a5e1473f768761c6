"""What the refund desk's agent may do: the contract that the demo has approved, in its pieces."""

from typing import Final

from placet.kernel.foreign import Json

AGENT: Final = "refund-desk"
REFUND_MAX_CENTS: Final = 50_000
REFUND_TOTAL_MS: Final = 500
"""How long a refund may take. Its grant lives 30 s longer, and no call is unknown before that."""

_ORDER_ID: Final[Json] = {"type": "string", "pattern": "^ord_[0-9a-f]{8}$"}

SESSION: Final[dict[str, Json]] = {
    "risk_defaults": {"read": "allow", "write": "ask"},
    "unmatched_tools": "deny",
}

LOOKUP: Final[dict[str, Json]] = {
    "tool": "lookup_order",
    "server": "orders",
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id"],
        "properties": {"order_id": _ORDER_ID},
    },
}

REFUND: Final[dict[str, Json]] = {
    "tool": "issue_refund",
    "server": "orders",
    "side_effect": "financial",
    "evidence_class": "local_transaction",
    "commit_requirement": "acknowledged",
    "decision": "allow",
    "requires": [
        {
            "tool": "lookup_order",
            "output": [{"path": "$.status", "equals": "delivered"}],
            "same": [{"ours": "$.order_id", "theirs": "$.order_id"}],
            "within_seconds": 900,
        }
    ],
    "arguments": [{"path": "$.amount_cents", "gte": 1, "lte": REFUND_MAX_CENTS}],
    "effect_key": ["$.order_id"],
    "timeouts": {"total_ms": REFUND_TOTAL_MS},
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id", "amount_cents"],
        "properties": {"order_id": _ORDER_ID, "amount_cents": {"type": "integer"}},
    },
}
