"""A small contract, said with other values, and what differs between two of its kind."""

import copy
from typing import Any, Final

from tests.policy.diff.changing import contract_of

from placet.policy.diff.change import Change
from placet.policy.diff.contracts import diff_contracts

SMALL: Final[dict[str, Any]] = {
    "schema_version": "1",
    "agent": "desk",
    "session": {
        "phases": [
            {"name": "a", "initial": True},
            {"name": "b"},
            {"name": "end", "terminal": True},
        ],
        "transitions": {"a": ["b"], "b": ["end"]},
        "risk_defaults": {"read": "allow", "financial": "ask"},
    },
    "tools": [
        {
            "tool": "find",
            "side_effect": "read",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
        },
        {
            "tool": "pay",
            "side_effect": "financial",
            "evidence_class": "local_transaction",
            "commit_requirement": "acknowledged",
        },
    ],
}
Said = dict[str, Any]


def said(changes: Said) -> dict[str, Any]:
    """Return `SMALL` with other values at these places; a tool stands under its name."""
    document = copy.deepcopy(SMALL)
    for place, value in changes.items():
        *holders, key = place.split(".")
        here: Any = document
        for holder in holders:
            tools = [one for one in document["tools"] if one["tool"] == holder]
            here = tools[0] if tools else here.setdefault(holder, {})
        here[key] = value
    return document


def diff(old: Said, new: Said) -> list[Change]:
    before, after = contract_of(said(old)), contract_of(said(new))
    assert before is not None
    assert after is not None
    return diff_contracts(before, after)


def kinds(old: Said, new: Said) -> list[str]:
    """Return the kinds of the changes, `?` for one that may widen and is not sure to."""
    return [
        f"{change.kind}?" if change.may_widen and change.kind == "changed" else str(change.kind)
        for change in diff(old, new)
    ]
