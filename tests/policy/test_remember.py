"""What is remembered of a call, and the key of its effect."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.policy.compile import compile_contract
from placet.policy.decision import Allow, Deny
from placet.policy.evaluate import arguments_hash, evaluate, evaluate_response
from placet.policy.facts import Call, CommittedCall, Facts
from placet.policy.hashes import likeness
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.narrow import narrow
from placet.policy.numbers import equal
from placet.policy.remember import effect_key_hash, is_remembered, project
from placet.policy.requirements import TRIED_MAX
from placet.policy.text.parse import read_contract

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def policy_with(*tools: dict[str, Any]) -> Policy:
    common = {
        "side_effect": "read",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "decision": "allow",
    }
    document = {
        "schema_version": "1",
        "agent": "x",
        "tools": [common | tool for tool in tools],
    }
    contract = read_contract(document)
    assert isinstance(contract, Contract), contract
    return load_policy(compile_contract(contract).runtime)


LOOK: dict[str, Any] = {"tool": "look"}
PAY: dict[str, Any] = {
    "tool": "pay",
    "requires": [
        {
            "tool": "look",
            "same": [
                {"ours": "$.id", "theirs": "$['id']"},
                {"ours": "$.mail", "theirs_output": "$.owner.mail"},
            ],
            "output": [{"path": "$.items[*].ok", "equals": True}, {"path": "$.x", "exists": False}],
        }
    ],
    "effect_key": ["$.id", "$.lines[*].n"],
}


def test_only_the_values_that_rules_name_are_remembered() -> None:
    policy = policy_with(LOOK, PAY)
    kept = project(
        policy,
        "look",
        b'{"id": 7, "secret": "s"}',
        b'{"owner": {"mail": "m", "age": 3}, "items": [{"ok": true}, {}], "rest": 1}',
    )
    assert kept.arguments == {"$.id": "7"}
    assert kept.output == {"=$.owner.mail": '"m', "$.items[*].ok": [[True], []]}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(
        [0, 1, 1.0, -0.0, 0.5, 1e21, 10**21, 2**70, "", "1", "true", "#", '"', "x" * 70]
    )
    | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)


@settings(max_examples=600, deadline=None)
@given(one=VALUES, other=VALUES, is_secret=st.booleans())
def test_values_are_alike_exactly_when_they_are_equal(
    one: foreign.Json, other: foreign.Json, *, is_secret: bool
) -> None:
    alike = likeness(one, is_secret=is_secret) == likeness(other, is_secret=is_secret)
    assert alike is equal(one, other)
    assert len(likeness(one, is_secret=is_secret)) <= 65


@pytest.mark.parametrize("where", ["look", "pay"])
def test_of_a_redacted_value_only_the_hash_is_kept(where: str) -> None:
    redact = {"redact": ["$.id"]}
    look, pay = (LOOK | redact, PAY) if where == "look" else (LOOK, PAY | redact)
    policy = policy_with(look, pay)
    kept = project(policy, "look", b'{"id": "4111"}', b'{"owner": {"mail": "m"}}')
    assert "4111" not in str(kept)
    call = CommittedCall(
        call_id=UUID(int=1), committed_at=NOW, arguments=kept.arguments, output=kept.output
    )
    facts = Facts(now=NOW, committed={"look": (call,)})
    wrong = Call(tool="pay", arguments=b'{"id": "4112", "mail": "m", "lines": [{"n": 1}]}')
    right = Call(tool="pay", arguments=b'{"id": "4111", "mail": "m", "lines": [{"n": 1}]}')
    reasons = [evaluate(policy, facts, one).reasons[0].rule for one in (wrong, right)]
    assert reasons == ["tools.pay.requires[0]", "tools.pay.requires[0].output[0].equals"]


@pytest.mark.parametrize("rule", [{"exists": False}, {"type": "array"}, {"not_equals": []}])
def test_an_output_too_large_to_keep_passes_nothing(rule: dict[str, object]) -> None:
    requirement = {"tool": "look", "output": [{"path": "$.rows", **rule}]}
    policy = policy_with(LOOK, {"tool": "pay", "requires": [requirement]})
    rows = json.dumps({"rows": [0] * 5_000}).encode()
    assert project(policy, "look", b"{}", rows).output == {"!$.rows": True}
    assert isinstance(
        evaluate(policy, facts_after(policy, rows), Call(tool="pay", arguments=b"{}")), Deny
    )


def test_narrowing_tries_few_earlier_calls_and_then_offers_the_tool() -> None:
    requirement = {
        "tool": "look",
        "same": [{"ours": "$.id", "theirs": "$.id"}],
        "output": [{"path": "$.ok", "equals": True}],
    }
    policy = policy_with(LOOK, {"tool": "pay", "requires": [requirement]})

    def committed(number: int) -> CommittedCall:
        kept = project(policy, "look", b'{"id": %d}' % number, b'{"ok": false}')
        return CommittedCall(
            call_id=UUID(int=number),
            committed_at=NOW,
            arguments=kept.arguments,
            output=kept.output,
        )

    few = Facts(now=NOW, committed={"look": [committed(number) for number in range(TRIED_MAX)]})
    many = Facts(now=NOW, committed={"look": [committed(number) for number in range(256)]})
    assert narrow(policy, few, ["pay"]).offered == ()
    assert narrow(policy, many, ["pay"]).offered == ("pay",)
    call = Call(tool="pay", arguments=b'{"id": 200}')
    assert evaluate(policy, many, call).layer == 5


def test_arguments_as_deep_as_json_may_be_have_an_effect_key() -> None:
    policy = policy_with(LOOK, PAY)
    deep = b'{"id": ' + b"[" * 63 + b"]" * 63 + b', "lines": [{"n": 1}]}'
    assert effect_key_hash(policy, "pay", deep) is not None


def test_nothing_is_remembered_of_a_tool_that_no_rule_requires() -> None:
    policy = policy_with(LOOK, PAY)
    assert is_remembered(policy, "look")
    assert not is_remembered(policy, "pay")
    assert not is_remembered(policy, "other")
    assert project(policy, "pay", b'{"id": 7}', b"{}").arguments == {}
    assert project(policy, "other", b'{"id": 7}', b"{}").arguments == {}


@pytest.mark.parametrize("output", [None, b"", b"no json", b'{"a": 1, "a": 2}'])
def test_an_output_that_cannot_be_read_is_none(output: bytes | None) -> None:
    assert project(policy_with(LOOK, PAY), "look", b'{"id": 7}', output).output is None


def facts_after(policy: Policy, output: bytes | None) -> Facts:
    kept = project(policy, "look", b'{"id": 7}', output)
    call = CommittedCall(
        call_id=UUID(int=1), committed_at=NOW, arguments=kept.arguments, output=kept.output
    )
    return Facts(now=NOW, committed={"look": (call,)})


@pytest.mark.parametrize(
    ("output", "is_met"),
    [
        (b'{"owner": {"mail": "m"}, "items": [{"ok": true}]}', True),
        (b'{"owner": {"mail": "m"}, "items": [{"ok": true}, {"ok": true}]}', True),
        (b'{"owner": {"mail": "m"}, "items": [{"ok": true}, {"ok": false}]}', False),
        (b'{"owner": {"mail": "m"}, "items": [{"ok": true}, {}]}', False),
        (b'{"owner": {"mail": "m"}, "items": []}', False),
        (b'{"owner": {"mail": "m"}, "items": [{"ok": true}], "x": null}', False),
        (b'{"owner": {"mail": "n"}, "items": [{"ok": true}]}', False),
        (b'{"items": [{"ok": true}]}', False),
        (None, False),
    ],
)
def test_a_requirement_is_judged_by_what_was_remembered(
    output: bytes | None, *, is_met: bool
) -> None:
    policy = policy_with(LOOK, PAY)
    call = Call(tool="pay", arguments=b'{"id": 7.0, "mail": "m", "lines": [{"n": 1}]}')
    decision = evaluate(policy, facts_after(policy, output), call)
    assert isinstance(decision, Allow) is is_met
    if not is_met:
        assert isinstance(decision, Deny)
        assert decision.layer == 5


def test_a_missing_output_passes_nothing_not_even_that_a_value_is_missing() -> None:
    rule = {"tool": "look", "output": [{"path": "$.error", "exists": False}]}
    policy = policy_with(LOOK, {"tool": "pay", "requires": [rule]})
    call = Call(tool="pay", arguments=b"{}")
    assert isinstance(evaluate(policy, facts_after(policy, b"{}"), call), Allow)
    assert isinstance(evaluate(policy, facts_after(policy, None), call), Deny)


def test_the_effect_key_is_the_tool_and_the_selected_values() -> None:
    policy = policy_with(LOOK, PAY)
    arguments = b'{"id": "o", "lines": [{"n": 1}, {"n": 2.5}], "rest": 1}'
    expected = digest("effect_key", foreign.encode(["pay", ["o", [1, 2.5]]]))
    assert effect_key_hash(policy, "pay", arguments) == expected
    call = Call(tool="pay", arguments=arguments)
    (verdict,) = evaluate_response(policy, Facts(now=NOW), [call]).calls
    assert verdict.effect_key == expected
    assert verdict.arguments_hash == arguments_hash(arguments)


@pytest.mark.parametrize(
    "same",
    [
        b'{"id":7,"lines":[{"n":1}]}',
        b'{"lines": [{"n": 1.0, "m": 2}], "id": 7e0}',
        b'{"id": 70e-1, "lines": [{"n": 1}]}',
    ],
)
def test_equal_values_have_one_effect_key(same: bytes) -> None:
    policy = policy_with(LOOK, PAY)
    assert effect_key_hash(policy, "pay", same) == effect_key_hash(
        policy, "pay", b'{"id": 7, "lines": [{"n": 1}]}'
    )


def test_a_large_number_has_one_effect_key_however_it_is_written() -> None:
    policy = policy_with({"tool": "pay", "effect_key": ["$.id"]})
    digits = b'{"id": 1%s}' % (b"0" * 23)
    assert effect_key_hash(policy, "pay", b'{"id": 1e23}') == effect_key_hash(policy, "pay", digits)


@pytest.mark.parametrize(
    "other",
    [
        b'{"id": "7", "lines": [{"n": 1}]}',
        b'{"id": 7, "lines": [{"n": 1}, {"n": 1}]}',
        b'{"id": 7, "lines": [{"n": [1]}]}',
        b'{"id": [7], "lines": [{"n": 1}]}',
    ],
)
def test_other_values_have_another_effect_key(other: bytes) -> None:
    policy = policy_with(LOOK, PAY)
    assert effect_key_hash(policy, "pay", other) is not None
    assert effect_key_hash(policy, "pay", other) != effect_key_hash(
        policy, "pay", b'{"id": 7, "lines": [{"n": 1}]}'
    )


@pytest.mark.parametrize(
    "arguments", [b"", b"[]", b"{}", b'{"id": 7}', b'{"id": 7, "lines": []}', b'{"id": 7, "id": 7}']
)
def test_without_all_of_its_values_there_is_no_effect_key(arguments: bytes) -> None:
    assert effect_key_hash(policy_with(LOOK, PAY), "pay", arguments) is None


def test_a_tool_without_an_effect_key_has_none() -> None:
    assert effect_key_hash(policy_with(LOOK, PAY), "look", b'{"id": 7}') is None
    assert effect_key_hash(policy_with(LOOK, PAY), "other", b'{"id": 7}') is None


def test_narrowing_shows_a_tool_when_some_order_would_do() -> None:
    rule = {
        "tool": "look",
        "same": [{"ours": "$.id", "theirs": "$.id"}],
        "output": [{"path": "$.ok", "equals": True}],
    }
    policy = policy_with(LOOK, {"tool": "pay", "requires": [rule]})

    def shown(*looked: tuple[bytes, bytes]) -> bool:
        calls = []
        for arguments, output in looked:
            kept = project(policy, "look", arguments, output)
            calls.append(
                CommittedCall(
                    call_id=UUID(int=1),
                    committed_at=NOW,
                    arguments=kept.arguments,
                    output=kept.output,
                )
            )
        return "pay" in narrow(policy, Facts(now=NOW, committed={"look": tuple(calls)})).offered

    good, bad = b'{"ok": true}', b'{"ok": false}'
    assert not shown()
    assert shown((b'{"id": 1}', good))
    assert not shown((b'{"id": 1}', bad))
    assert not shown((b'{"id": 1}', good), (b'{"id": 1.0}', bad))
    assert shown((b'{"id": 1}', bad), (b'{"id": 1}', good))
    assert shown((b'{"id": 1}', good), (b'{"id": 2}', bad))
    assert not shown((b"{}", good))


def test_narrowing_lists_the_tools_of_the_contract_or_those_that_are_wanted() -> None:
    policy = policy_with(LOOK, PAY, {"tool": "no", "decision": "deny"})
    facts = Facts(now=NOW)
    assert narrow(policy, facts).offered == ("look",)
    found = narrow(policy, facts, ["stranger", "look", "no", "pay", "look"])
    assert found.offered == ("look",)
    assert [(one.tool, str(one.code)) for one in found.hidden] == [
        ("stranger", "no_contract"),
        ("no", "denied"),
        ("pay", "precondition_not_met"),
    ]


def test_facts_that_cannot_be_compared_deny() -> None:
    policy = policy_with(LOOK, {"tool": "pay", "requires": [{"tool": "look", "within_seconds": 5}]})
    naive = facts_after(policy, None)
    broken = Facts(now=NOW.replace(tzinfo=None), committed=naive.committed)
    decision = evaluate(policy, broken, Call(tool="pay", arguments=b"{}"))
    assert isinstance(decision, Deny)
    assert decision.reasons[0].code == "evaluation_failed"
    assert narrow(policy, broken).offered == ("look",)


def test_a_redacted_path_stands_in_no_reason_with_its_operand() -> None:
    tool = {
        "tool": "pay",
        "arguments": [{"path": "$.card.number", "not_equals": "4111"}],
        "redact": ["$.card"],
        "input_schema": {
            "type": "object",
            "properties": {"card": {"properties": {"last": {}}, "additionalProperties": False}},
        },
    }
    policy = policy_with(tool)
    call = Call(tool="pay", arguments=b'{"card": {"number": "4111"}}')
    decision = evaluate(policy, Facts(now=NOW), call)
    assert [str(reason.code) for reason in decision.reasons] == [
        "schema_violated",
        "argument_not_allowed",
    ]
    assert "4111" not in repr(decision)
    schema_reason = decision.reasons[0]
    assert "number" not in schema_reason.detail
    assert schema_reason.detail.startswith("`$.card`")
