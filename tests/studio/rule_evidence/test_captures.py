"""Captured calls, read from a source and judged without a session."""

import json

from tests.studio.rule_evidence.test_rules import NOW, SESSION, compiled

from placet.policy.facts import Call
from placet.studio.rule_evidence.captures import captured_calls, judge_captures
from placet.studio.sources.ingest import index
from placet.studio.sources.model import SourceMedia


def calls(*lines: object) -> list[Call]:
    text = "\n".join(map(json.dumps, lines))
    parts = index(text, SourceMedia.JSONL)
    assert isinstance(parts, list)
    return list(captured_calls(text.encode(), parts))


def test_calls_are_read_in_the_forms_in_which_they_are_recorded() -> None:
    found = calls(
        {"tool": "note", "arguments": {"text": "ä", "n": 1.50}},
        {"name": "note", "input": {"text": "b"}},
        {"function": {"name": "note", "arguments": '{"text": "c"}'}, "arguments": None},
        {"seen": "nothing"},
        {"tool": 7, "arguments": {}},
    )
    assert [call.tool for call in found] == ["note", "note", "note"]
    assert [json.loads(call.arguments) for call in found] == [
        {"text": "ä", "n": 1.5},
        {"text": "b"},
        {"text": "c"},
    ]


def test_a_captured_call_is_judged_by_ruling_and_arguments_whatever_a_session_would_say() -> None:
    found = calls(
        *[{"tool": "issue_refund", "args": {"order_id": "ord_00000001", "amount_cents": 5}}] * 2,
        {"tool": "issue_refund", "args": {"order_id": "ord_00000001", "amount_cents": 50_001}},
        {"tool": "issue_refund", "args": "no json"},
        {"tool": "delete_customer", "args": {"customer": "c"}},
    )
    judged = judge_captures(found, compiled(session=SESSION).runtime, NOW)
    assert {(one.tool, one.layer, one.rules, one.times) for one in judged} == {
        ("issue_refund", None, (), 2),
        ("issue_refund", 6, ("tools.issue_refund.arguments[0].lte",), 1),
        ("issue_refund", 6, ("tools.issue_refund.arguments",), 1),
        ("delete_customer", 3, ("tools.delete_customer.decision",), 1),
    }
