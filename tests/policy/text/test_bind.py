"""Nodes to Structs: what each fault of form says, and where."""

import json
from typing import Any, Final

import pytest

from placet.policy.finding import Finding
from placet.policy.model import Contract, LabelRule
from placet.policy.text.bind import shape_of
from placet.policy.text.parse import parse_contract, read_contract
from placet.policy.text.words import noun

FRACTION: Final = "this is a number with a fraction or an exponent"
BASE: Final[dict[str, Any]] = {
    "schema_version": "1",
    "agent": "desk",
    "tools": [
        {
            "tool": "a",
            "side_effect": "read",
            "evidence_class": "ack_only",
            "commit_requirement": "none",
        }
    ],
}


def faults(document: object) -> list[Finding]:
    found = read_contract(document)
    assert isinstance(found, list), found
    return found


def in_session(session: dict[str, object]) -> list[Finding]:
    return faults(BASE | {"session": session})


def in_tool(tool: dict[str, object]) -> list[Finding]:
    return faults(BASE | {"tools": [BASE["tools"][0] | tool]})


def told(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in findings]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"agnet": "x"}, ("unknown_key", "$.agnet")),
        ({"agent": None}, ("wrong_type", "$.agent")),
        ({"agent": ""}, ("bad_value", "$.agent")),
        ({"agent": "a b"}, ("bad_value", "$.agent")),
        ({"schema_version": 1}, ("wrong_type", "$.schema_version")),
        ({"schema_version": "2"}, ("bad_value", "$.schema_version")),
        ({"tools": []}, ("bad_value", "$.tools")),
        ({"tools": {}}, ("wrong_type", "$.tools")),
        ({"session": []}, ("wrong_type", "$.session")),
        ({"session": {"limits": {"max_steps": 0}}}, ("bad_value", "$.session.limits.max_steps")),
        (
            {"session": {"limits": {"max_steps": 10**99}}},
            ("bad_value", "$.session.limits.max_steps"),
        ),
        (
            {"session": {"limits": {"max_cost_micros": -1}}},
            ("bad_value", "$.session.limits.max_cost_micros"),
        ),
        (
            {"session": {"limits": {"max_calls_per_tool": {"a": -1}}}},
            ("bad_value", "$.session.limits.max_calls_per_tool.a"),
        ),
        (
            {"session": {"limits": {"max_calls_per_tool": {"*": 1}}}},
            ("bad_value", "$.session.limits.max_calls_per_tool['*']"),
        ),
        (
            {"session": {"limits": {"loop": {"window": 5}}}},
            ("missing_key", "$.session.limits.loop.threshold"),
        ),
        (
            {"session": {"limits": {"circuit_breaker": {"consecutive_blocks": True}}}},
            ("wrong_type", "$.session.limits.circuit_breaker.consecutive_blocks"),
        ),
        (
            {"session": {"principals": [{"effect": "ask", "tools": ["*"]}]}},
            ("bad_value", "$.session.principals[0].effect"),
        ),
        (
            {"session": {"principals": [{"effect": "deny", "tools": []}]}},
            ("bad_value", "$.session.principals[0].tools"),
        ),
        (
            {"session": {"bindings": [{"slot": "a"}]}},
            ("missing_key", "$.session.bindings[0].write"),
        ),
        (
            {"session": {"aggregates": [{"name": "a", "tool": "a", "op": "avg"}]}},
            ("bad_value", "$.session.aggregates[0].op"),
        ),
        (
            {
                "session": {
                    "envelopes": [
                        {"name": "a", "tool": "a", "path": "$", "within_ratio_of_first": 1.5}
                    ]
                }
            },
            ("wrong_type", "$.session.envelopes[0].within_ratio_of_first"),
        ),
        (
            {"session": {"labels": [{"when": {}, "deny": ["a"]}]}},
            ("bad_value", "$.session.labels[0].when"),
        ),
        (
            {"session": {"labels": [{"when": {"a": True}, "deny": ["a"]}]}},
            ("wrong_type", "$.session.labels[0].when.a"),
        ),
        ({"session": {"gate": "open"}}, ("bad_value", "$.session.gate")),
        ({"session": {"transitions": {"a b": []}}}, ("bad_value", "$.session.transitions['a b']")),
        (
            {"session": {"risk_defaults": {"red": "ask"}}},
            ("bad_value", "$.session.risk_defaults.red"),
        ),
        (
            {"session": {"phases": [{"name": "a", "initial": "yes"}]}},
            ("wrong_type", "$.session.phases[0].initial"),
        ),
        ({"session": {"phases": [{}]}}, ("missing_key", "$.session.phases[0].name")),
    ],
)
def test_a_contract_of_the_wrong_form_is_refused(
    change: dict[str, object], expected: tuple[str, str]
) -> None:
    assert told(faults(BASE | change)) == [expected]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"side_efect": "read"}, ("unknown_key", "side_efect")),
        ({"side_effect": "reads"}, ("bad_value", "side_effect")),
        ({"decision": None}, ("wrong_type", "decision")),
        ({"timeouts": {"total_ms": 0}}, ("bad_value", "timeouts.total_ms")),
        ({"timeouts": {"total_ms": True}}, ("wrong_type", "timeouts.total_ms")),
        ({"timeouts": {"total_ms": 5.0}}, ("wrong_type", "timeouts.total_ms")),
        ({"phases": {"valid_in": []}}, ("bad_value", "phases.valid_in")),
        ({"input_schema": "{}"}, ("wrong_type", "input_schema")),
        ({"arguments": [{"path": "$.a", "lte": 1.5}]}, ("wrong_type", "arguments[0].lte")),
        ({"arguments": [{"path": "$.a", "lte": "1,5"}]}, ("bad_value", "arguments[0].lte")),
        ({"arguments": [{"path": "$.a", "lte": "01"}]}, ("bad_value", "arguments[0].lte")),
        ({"arguments": [{"path": "$.a", "lte": "5\n"}]}, ("bad_value", "arguments[0].lte")),
        ({"server": "orders\n"}, ("bad_value", "server")),
        ({"arguments": [{"path": "$.a", "lte": True}]}, ("wrong_type", "arguments[0].lte")),
        (
            {"arguments": [{"path": "$.a", "length_lte": -1}]},
            ("bad_value", "arguments[0].length_lte"),
        ),
        ({"arguments": [{"path": "$.a", "type": "int"}]}, ("bad_value", "arguments[0].type")),
        (
            {"arguments": [{"path": "$.a", "matches": "a" * 1001}]},
            ("bad_value", "arguments[0].matches"),
        ),
        ({"arguments": [{"lte": 1}]}, ("missing_key", "arguments[0].path")),
        (
            {"requires": [{"tool": "a", "within_seconds": 0}]},
            ("bad_value", "requires[0].within_seconds"),
        ),
        ({"when": ""}, ("bad_value", "when")),
        ({"when": "x" * 4_001}, ("bad_value", "when")),
        ({"binds": [{"slot": "a", "from": "out", "path": "$"}]}, ("bad_value", "binds[0].from")),
        ({"retries": {"max_attempts": 0}}, ("bad_value", "retries.max_attempts")),
        ({"retries": {"max_attempts": 101}}, ("bad_value", "retries.max_attempts")),
        ({"retries": {"retry_on": "timeout"}}, ("wrong_type", "retries.retry_on")),
        ({"cancel": "later"}, ("bad_value", "cancel")),
        ({"start": True}, ("wrong_type", "start")),
        ({"reconcile": {}}, ("missing_key", "reconcile.tool")),
        (
            {"reconcile": {"tool": "a", "arguments": {"": "$"}}},
            ("bad_value", "reconcile.arguments['']"),
        ),
        (
            {"reconcile": {"tool": "a", "arguments": {"id": ""}}},
            ("bad_value", "reconcile.arguments.id"),
        ),
        (
            {"reconcile": {"tool": "a", "failed_when": {"path": "$"}}},
            ("wrong_type", "reconcile.failed_when"),
        ),
        ({"effect_key": "$.a"}, ("wrong_type", "effect_key")),
        ({"redact": [""]}, ("bad_value", "redact[0]")),
        ({"volatile": [1]}, ("wrong_type", "volatile[0]")),
        ({"forbidden_after": ["*"]}, ("bad_value", "forbidden_after[0]")),
        ({"arguments": [{"path": "$.a", "lte_ref": 5}]}, ("wrong_type", "arguments[0].lte_ref")),
        (
            {"arguments": [{"path": "$.a", "equals_ref": "a b"}]},
            ("bad_value", "arguments[0].equals_ref"),
        ),
        ({"arguments": [{"path": "$.a", "one_of": "x"}]}, ("wrong_type", "arguments[0].one_of")),
        ({"arguments": [{"path": "$.a", "exists": "no"}]}, ("wrong_type", "arguments[0].exists")),
        (
            {"arguments": [{"path": "$.a", "gt": "9" * 65}]},
            ("bad_value", "arguments[0].gt"),
        ),
        ({"checkpoint": {"all_of": []}}, ("bad_value", "checkpoint.all_of")),
        (
            {"checkpoint": {"all_of": [{"role": "a", "count": 0}]}},
            ("bad_value", "checkpoint.all_of[0].count"),
        ),
    ],
)
def test_a_tool_of_the_wrong_form_is_refused(
    change: dict[str, object], expected: tuple[str, str]
) -> None:
    assert told(in_tool(change)) == [(expected[0], f"$.tools[0].{expected[1]}")]


@pytest.mark.parametrize(
    ("session", "path"),
    [
        ({"phases": [{"name": f"p{it}"} for it in range(101)]}, "$.session.phases"),
        ({"transitions": {f"p{it}": [] for it in range(101)}}, "$.session.transitions"),
    ],
)
def test_a_list_has_no_more_than_can_be_checked(session: dict[str, object], path: str) -> None:
    assert told(in_session(session)) == [("bad_value", path)]


@pytest.mark.parametrize(
    ("tool", "message", "hint"),
    [
        (
            {"arguments": [{"path": "$.a", "lte": 1.5}]},
            f"{FRACTION}; a whole number or a decimal as text is wanted",
            'write a whole number, or the decimal as text: "1.5"',
        ),
        (
            {"arguments": [{"path": "$.a", "lte": 1e-7}]},
            f"{FRACTION}; a whole number or a decimal as text is wanted",
            'write a whole number, or the decimal as text: "0.0000001"',
        ),
        (
            {"arguments": [{"path": "$.a", "lte": "1,5"}]},
            '`1,5` is no decimal, such as "0.5"',
            "",
        ),
        (
            {"timeouts": {"total_ms": "5"}},
            "this is a string; a whole number is wanted",
            "write a number, without quotes",
        ),
        (
            {"timeouts": {"total_ms": True}},
            "this is a truth value; a whole number is wanted",
            "",
        ),
        (
            {"timeouts": {"total_ms": 2.5}},
            f"{FRACTION}; a whole number is wanted",
            "write it without a fraction and without an exponent",
        ),
        ({"timeouts": {"total_ms": 0}}, "0 is too small: at least 1 is wanted", ""),
        ({"phases": None}, "this is null; a mapping is wanted", "leave the key out"),
        (
            {"phases": {"valid_in": "intake"}},
            "this is a string; a list is wanted",
            "write a list: [intake]",
        ),
        ({"server": 5}, "this is a whole number; a string is wanted", 'put it in quotes: "5"'),
        (
            {"decision": True},
            "this is a truth value; a string is wanted",
            'put it in quotes: "true"',
        ),
        ({"decision": "denny"}, "`denny` is none of allow, deny, ask", "did you mean `deny`?"),
        ({"desicion": "deny"}, "`desicion` is no key of a tool", "did you mean `decision`?"),
        (
            {"checkpoint": {"reason_required": "true"}},
            "this is a string; true or false is wanted",
            "write true or false, without quotes",
        ),
        (
            {"timeouts": {"after": 1}},
            "`after` is no key of `timeouts`",
            "the keys are total_ms",
        ),
        (
            {"server": "a b"},
            "`a b` is no name: at most 128 letters, digits and `_.:-`, none of `.:-` first",
            "",
        ),
    ],
)
def test_a_fault_says_what_is_wrong_and_what_to_write_instead(
    tool: dict[str, object], message: str, hint: str
) -> None:
    (found,) = in_tool(tool)
    assert (found.message, found.hint) == (message, hint)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("side_effect", "it is one of read, write, destructive, admin, financial"),
        ("commit_requirement", "it is one of acknowledged, none"),
        ("tool", ""),
    ],
)
def test_a_missing_key_is_told_with_what_it_can_be(key: str, hint: str) -> None:
    tool = {name: value for name, value in BASE["tools"][0].items() if name != key}
    (found,) = faults(BASE | {"tools": [tool]})
    assert (found.message, found.hint) == (f"a tool needs the key `{key}`", hint)


def test_the_version_that_is_wanted_is_told() -> None:
    (found,) = faults({key: BASE[key] for key in ("agent", "tools")})
    assert found.hint == 'write "1"'


def test_a_missing_key_stands_at_the_first_line_of_its_mapping() -> None:
    text = "schema_version: '1'\nagent: a\ntools:\n  - tool: a\n    side_effect: read\n"
    found = parse_contract(text.encode(), "yaml")
    assert isinstance(found, list)
    assert [(it.path, it.line, it.column) for it in found] == [
        ("$.tools[0].evidence_class", 4, 5),
        ("$.tools[0].commit_requirement", 4, 5),
    ]


def test_long_words_of_the_author_are_cut_in_messages() -> None:
    (found,) = in_tool({"server": "x y" * 1_000})
    assert len(found.message) < 250
    (found,) = in_tool({"x" * 400: 1})
    assert len(found.message) < 250


@pytest.mark.parametrize("struct", [Contract, LabelRule])
def test_each_mapping_of_the_language_has_a_name_of_its_own(struct: type) -> None:
    seen: set[type] = set()
    ahead: list[Any] = [shape_of(struct)]
    while ahead:
        shape = ahead.pop()
        cls = getattr(shape, "cls", None)
        if isinstance(cls, type) and hasattr(shape, "fields") and cls not in seen:
            seen.add(cls)
            ahead += [field.type for field in shape.fields]
            assert noun(cls) != "this mapping"
        ahead += [
            getattr(shape, name) for name in ("item_type", "value_type") if hasattr(shape, name)
        ]
        ahead += getattr(shape, "types", ())
    assert len(seen) > (15 if struct is Contract else 0)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 10**100, "\0", "\ud800", {1: 2}, {"\0": 1}, object(), b"x"],
)
def test_what_no_text_can_hold_is_no_document_either(value: object) -> None:
    (found,) = in_tool({"input_schema": {"x": [value]}})
    assert found.code == "malformed_json"
    assert found.path.startswith("$.tools[0].input_schema.x[0]")


def test_a_document_is_bounded_as_its_text_would_be() -> None:
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    assert [one.code for one in in_tool({"input_schema": {"x": deep}})] == ["too_deep"]
    many = in_tool({"input_schema": {"x": [1] * 80_000}})
    assert [one.code for one in many] == ["too_many_values"]
    long = in_tool({"input_schema": {"x" * 501: 1}})
    assert [one.code for one in long] == ["key_too_long"]


@pytest.mark.parametrize(
    "tool",
    [
        {"retries": {"max_attempts": 1}},
        {"retries": {"max_attempts": 100}},
        {"timeouts": {"total_ms": 86_400_000}},
        {"when": "x" * 4_000},
        {"server": "x" * 128},
        {"arguments": [{"path": "$", "length_gte": 0, "gt": "9" * 64}]},
        {"arguments": [{"path": "$"}] * 200},
    ],
)
def test_what_stands_on_a_bound_is_taken(tool: dict[str, object]) -> None:
    document = BASE | {"tools": [BASE["tools"][0] | tool]}
    assert isinstance(read_contract(document), Contract)


def test_a_document_may_be_as_deep_as_a_text() -> None:
    for levels, is_taken in ((28, True), (29, False)):
        deep: object = 1
        for _ in range(levels):
            deep = [deep]
        document = BASE | {"tools": [BASE["tools"][0] | {"input_schema": {"x": deep}}]}
        text = json.dumps(document).encode()
        assert isinstance(read_contract(document), Contract) is is_taken
        assert isinstance(parse_contract(text, "json"), Contract) is is_taken
        assert isinstance(parse_contract(text, "yaml"), Contract) is is_taken
