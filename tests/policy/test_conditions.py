"""Conditions: what they hold for, what is refused when they are written, and where."""

import importlib.metadata
import subprocess
import sys
import threading
from collections.abc import Mapping

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.cel import library
from placet.policy.cel.patterns import pattern_size
from placet.policy.conditions import (
    CONDITION_NS_MAX,
    SEEN_MAX,
    ConditionError,
    check_condition,
    check_library,
    compile_condition,
)

# Each condition, then what it is asked on, and whether it holds.
TRUTH = """
- when: args.amount % 100 == 0 || principal.senior == true
  holds:
    - {args: {amount: 300}}
    - {args: {amount: 301}, principal: {senior: true}}
    - {args: {}, principal: {senior: true}}
    - {args: {amount: "x"}, principal: {senior: true}}
  denies:
    - {args: {amount: 301}, principal: {senior: false}}
    - {args: {amount: 301}, principal: {senior: "true"}}
    - {args: {amount: 301}}
    - {}

- when: args.a == 1
  holds: [{args: {a: 1}}, {args: {a: 1.0}}]
  denies: [{args: {a: true}}, {args: {a: "1"}}, {args: {a: 1.5}}, {args: {a: null}}, {}]

- when: args.a != 1
  holds: [{args: {a: 2}}, {args: {a: "1"}}, {args: {a: null}}]
  denies: [{args: {a: 1}}, {}]

- when: args.a / args.b > 0
  holds: [{args: {a: 4, b: 2}}, {args: {a: 1.5, b: 0.5}}]
  denies:
    - {args: {a: 4, b: 0}}
    - {args: {a: 4, b: 0.5}}
    - {args: {a: "4", b: 2}}

- when: args.a + 1 > 0
  holds: [{args: {a: 9223372036854775806}}]
  denies: [{args: {a: 9223372036854775807}}, {args: {a: 0.5}}]

- when: args.a > 0
  holds: [{args: {a: 9223372036854775807}}, {args: {a: 0.5}}, {args: {a: 1.0e+300}}]
  denies:
    - {args: {a: 18446744073709551616}}
    - {args: {a: 100000000000000000000000000000000000000000}}
    - {args: {a: 1.0e+20}}
    - {args: {a: 0}}
    - {args: {a: "a"}}
    - {args: {a: [1]}}

- when: args.a > 0 || true
  holds: [{args: {a: 1}}, {}, {args: {a: x}}, {args: {a: 18446744073709551616}}]
  denies: []

- when: has(args.a) && args.a.b.c == 'x'
  holds: [{args: {a: {b: {c: x}}}}]
  denies: [{}, {args: {a: {b: {}}}}, {args: {a: {b: x}}}, {args: {a: null}}]

- when: "!has(args.a)"
  holds: [{}, {args: {b: 1}}]
  denies: [{args: {a: null}}]

- when: "'a' in args"
  holds: [{args: {a: null}}]
  denies: [{}, {args: {b: 1}}]

- when: args['a b'][0] == args["c"]
  holds: [{args: {"a b": [1], c: 1}}]
  denies: [{args: {"a b": [], c: 1}}, {args: {"a b": [1]}}, {args: {"a b": {"0": 1}, c: 1}}]

- when: args.items.all(i, i.price + i.tax <= 100)
  holds: [{args: {items: []}}, {args: {items: [{price: 90, tax: 10}]}}]
  denies:
    - {args: {items: [{price: 90, tax: 10}, {price: 91, tax: 10}]}}
    - {args: {items: [{price: 90}]}}
    - {args: {items: [{price: 90, tax: "10"}]}}
    - {args: {items: 3}}
    - {}

- when: args.items.all(i, args.items.exists_one(o, o.id == i.id))
  holds: [{args: {items: [{id: a}, {id: b}]}}]
  denies: [{args: {items: [{id: a}, {id: b}, {id: a}]}}]

- when: args.tags.exists(t, t.startsWith('vip-') && t.size() <= 8)
  holds: [{args: {tags: [a, vip-1]}}]
  denies: [{args: {tags: []}}, {args: {tags: [vip-12345678]}}, {args: {tags: [1]}}]

- when: args.order.matches('^ord_[a-z0-9]{8}$')
  holds: [{args: {order: ord_12345678}}]
  denies: [{args: {order: xord_12345678}}, {args: {order: "ord_12345678\\n"}}, {args: {order: 1}}]

- when: labels.tier == 'gold' && !('fraud' in labels)
  holds: [{labels: {tier: gold}}]
  denies: [{labels: {tier: gold, fraud: "false"}}, {}]

- when: phase == 'verified'
  holds: [{phase: verified}]
  denies: [{}, {phase: intake}]

- when: phase == ''
  holds: [{}]
  denies: [{phase: intake}]

- when: args.total <= slots.order_total && slots.seen.size() < 3
  holds: [{args: {total: 5}, slots: {order_total: 5, seen: [1, 2]}}]
  denies:
    - {args: {total: 6}, slots: {order_total: 5, seen: []}}
    - {args: {total: 5}, slots: {order_total: 5}}
    - {args: {total: 5}}

- when: duration(args.for) <= duration('24h') && timestamp(args.at).getFullYear() >= 2025
  holds: [{args: {for: 90m, at: "2025-03-01T12:00:00Z"}}]
  denies:
    - {args: {for: 25h, at: "2025-03-01T12:00:00Z"}}
    - {args: {for: soon, at: "2025-03-01T12:00:00Z"}}
    - {args: {for: 1h, at: tomorrow}}

- when: args == {'a':1}
  holds: [{args: {a: 1}}]
  denies: [{args: {a: 1, b: 2}}, {}]

- when: "args.a == 9007199254740993"
  holds: [{args: {a: 9007199254740993}}]
  denies: [{args: {a: 9007199254740992}}, {args: {a: 9007199254740992.0}}]

- when: double(args.a) * 1.5 <= 3.0
  holds: [{args: {a: 2}}, {args: {a: 2.0}}, {args: {a: 1.9}}]
  denies: [{args: {a: 2.1}}, {args: {a: [2]}}]
"""

CASES = [
    pytest.param(case["when"], asked, is_true, id=f"{case['when']} on {asked}")
    for case in yaml.safe_load(TRUTH)
    for is_true, asks in ((True, case["holds"]), (False, case["denies"]))
    for asked in asks
]


def asked_on(text: str, asked: Mapping[str, Mapping[str, Json]]) -> bool:
    phase = asked.get("phase")
    assert phase is None or isinstance(phase, str)
    labels = asked.get("labels", {})
    return compile_condition(text).holds(
        asked.get("args", {}),
        asked.get("principal", {}),
        {name: str(value) for name, value in labels.items()},
        phase,
        asked.get("slots", {}),
    )


@pytest.mark.parametrize(("text", "asked", "is_true"), CASES)
def test_a_condition_holds_when_it_is_true_and_for_nothing_else(
    text: str, asked: Mapping[str, Mapping[str, Json]], *, is_true: bool
) -> None:
    assert asked_on(text, asked) is is_true


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("100", "1e2"), ("-0.0", "0"), ("1e19", "10000000000000000000")],
)
def test_numbers_that_are_written_alike_in_a_grant_are_judged_alike(one: str, other: str) -> None:
    values = [foreign.parse(text.encode()) for text in (one, other)]
    assert foreign.encode(values[0]) == foreign.encode(values[1])
    for text in ("args.a % 2 == 0", "args.a * 2 >= 0", "args.a == 1", "args.a >= 0.5"):
        found = {asked_on(text, {"args": {"a": value}}) for value in values}
        assert len(found) == 1


def test_an_integer_and_a_double_are_compared_as_doubles() -> None:
    assert asked_on("args.a == 9007199254740992.0", {"args": {"a": 9007199254740993}})


def test_a_spent_budget_denies() -> None:
    text = "args.a.all(x, args.b.all(y, x != y))"
    few: list[Json] = [*range(90)]
    more: list[Json] = [*range(1_000, 1_150)]
    assert asked_on(text, {"args": {"a": few, "b": list(more[:90])}})
    assert compile_condition(text).seen_max > 8 * (len(few) + len(more))
    assert not asked_on(text, {"args": {"a": few, "b": more}})


def test_more_data_than_a_condition_may_see_deny() -> None:
    text = "args.a != 'x'"
    assert compile_condition(text).seen_max == SEEN_MAX[0]
    assert asked_on(text, {"args": {"a": "y" * 16_376}})
    assert not asked_on(text, {"args": {"a": "y" * 16_377}})
    assert not asked_on(text, {"args": {"a": "é" * 8_189}})
    assert not asked_on(text, {"args": {"a": [1] * 2_048}})
    assert asked_on("args.a == 'x'", {"args": {"a": "x", "b": "y" * 100_000}})
    assert not asked_on("size(args) == 2", {"args": {"a": "x", "b": "y" * 16_384}})
    assert not asked_on(
        text + " && slots.b != 1", {"args": {"a": "z"}, "slots": {"b": "y" * 16_377}}
    )


def test_what_is_no_json_denies() -> None:
    condition = compile_condition("args.a != 1")
    for odd in (object(), "\ud800", {1: 2}, b"x" * 20_000):
        assert not condition.holds({"a": odd}, {}, {}, None, {})  # type: ignore[dict-item]  # -- odd
    assert not condition.holds(None, {}, {}, None, {})  # type: ignore[arg-type]  # -- the same


def test_a_value_deeper_than_any_argument_denies_or_not_but_ends() -> None:
    deep: Json = 1
    for _ in range(100_000):
        deep = [deep]
    assert not asked_on("args.a != 1", {"args": {"a": deep}})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), JSON), st.sampled_from([c.values[0] for c in CASES]))
def test_asking_gives_true_or_false_whatever_it_is_asked_on(
    args: dict[str, Json], text: object
) -> None:
    assert isinstance(text, str)
    renamed = {"amount": args.get("a"), "items": args.get("b"), "tags": args.get("c"), **args}
    assert compile_condition(text).holds(renamed, {}, {}, None, {}) in {True, False}


def test_threads_share_a_condition() -> None:
    condition = compile_condition("args.a % 7 == 0 && args.b == string(args.a)")
    wrong: list[int] = []

    def ask(start: int) -> None:
        for number in range(start, start + 2_000):
            holds = condition.holds({"a": number, "b": str(number)}, {}, {}, None, {})
            if holds is not (number % 7 == 0):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- what is refused when it is written


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("args.a ==", 1, 10, "syntax error"),
        ("", 1, 1, "syntax error"),
        ("args.a == 1 &&\n  zork > 1", 2, 3, "undeclared reference to 'zork'"),
        ("args.a == 1 &&\n  args.b + 'é' == 'é' &&\n bop", 3, 2, "undeclared reference to 'bop'"),
        ("'é😀' == phase && zork", 1, 18, "undeclared reference to 'zork'"),
        ("phase > 1", 1, 7, "found no matching overload"),
        ("now() > 1", 1, 4, "undeclared reference to 'now'"),
        ("args.amount", 1, 1, "may be of any type"),
        ("1 + 1", 1, 1, "is of type int"),
        ("\ud800", 1, 1, "not Unicode"),
        ("outputs.a == 1", 1, 8, "undeclared reference to 'outputs.a'"),
        ("[" * 40 + "]" * 40 + " == []", 1, 1, "recursion"),
        ("true " + "&& true" * 600, 1, 1, "at most 4,000 characters"),
        # what it may not do
        ("true &&\n args.a.map(x, x) == []", 2, 12, "`map` and `filter` build lists"),
        ("size(args.a.filter(x, x > 1)) == 1", 1, 19, "`map` and `filter` build lists"),
        ("args.a.all(x, x.all(y, y.all(z, true)))", 1, 29, "more than 2 macros"),
        ("args.a.matches(args.b)", 1, 15, "must be written out"),
        ("args.a.matches('a' + 'b')", 1, 15, "must be written out"),
        ("args.a.matches('(?=x)')", 1, 15, "is no pattern"),
        ("args.a.matches('(a)\\\\1')", 1, 15, "is no pattern"),
        ("args.a.matches('\\\\Qa')", 1, 15, "not taken"),
        ("[1].all(args, args == 1)", 1, 8, "name it otherwise"),
        ("timestamp(args.a).getHours('CET') == 1", 1, 27, "with a time zone"),
        ("google.protobuf.Int64Value{value: 1} == 1", 1, 1, "cannot be built"),
        # what it may cost
        ("args.a.matches('((a|b){30}){30}')", 1, 15, "take too long"),
        ("args.a.matches('\\\\pL{100}')", 1, 15, "take too long"),
        ("args.a.all(x, size(args.b + args.c) != 1)", 1, 19, "take too long"),
        ("args.a.all(x, args.b.all(y, args.c == args.d))", 1, 36, "take too long"),
        ("args.a.all(x, args.b.contains(args.c))", 1, 30, "take too long"),
        ("args.a.all(x, args.b.all(y, x.contains(x)))", 1, 39, "take too long"),
        ("args.a.all(x, x.matches('\\\\pL'))", 1, 24, "take too long"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, line: int, column: int, says: str) -> None:
    fault = check_condition(text)[0]
    assert says in fault.message
    assert (fault.line, fault.column) == (line, column)
    with pytest.raises(ConditionError) as told:
        compile_condition(text)
    assert told.value.faults[0] == fault


def test_all_faults_are_told_at_once_and_not_more_than_ten() -> None:
    found = check_condition("zork > 1 &&\n  bop > 1")
    assert [(fault.line, fault.column) for fault in found] == [(1, 1), (2, 3)]
    assert len(check_condition("#" * 4_000)) == 10


@pytest.mark.parametrize("text", [case.values[0] for case in CASES])
def test_a_sound_condition_has_no_fault(text: str) -> None:
    assert check_condition(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "args.n > 1 // a comment",
        "args.n > -1.5e-300 && args.m != 0x7fffffffffffffff && args.b != b'\\xff'",
        "args.a.all(x, x.lines.all(y, y.sku != '' && y.count > 0))",
        "args.iban.matches('^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$')",
        "args.name.matches('^[\\\\pL .-]+$')",
        "args.a.all(x, x.currency == args.currency)",
        "args.a.all(x, x in ['EUR', 'USD', 'CHF'])",
        "args.a.all(x, x.id in args.allowed)",
        "size(args.a) == size(args.b) && args.a + args.b != args.c",
        " || ".join(f"args.a == {number}" for number in range(200)),
    ],
)
def test_what_people_write_is_not_too_costly(text: str) -> None:
    assert check_condition(text) == []


# --- what it can take


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("args.a == 1", "args.a == args.b"),
        ("args.a == args.b", "args.a.all(x, x == args.b)"),
        ("args.a.all(x, x == 1)", "args.a.all(x, x in args.b)"),
        ("args.a.all(x, x.all(y, y == 1))", "args.a.all(x, args.b.all(y, x == y))"),
        ("args.a.startsWith('b')", "args.a.contains('b')"),
        ("args.a.contains('b')", "args.a.matches('b{50}')"),
        ("args.a.matches('b')", "args.a.matches('b{50}')"),
        ("args.a.matches('b')", "args.a.all(x, x.matches('b'))"),
        ("args.a + args.b == 'c'", "args.a.all(x, x + args.b == 'c')"),
        ("[args.a] == args.b", "args.a.all(x, [args.b] == x)"),
    ],
)
def test_what_can_take_longer_costs_more_or_sees_less(less: str, more: str) -> None:
    one, other = compile_condition(less), compile_condition(more)
    assert one.cost.fixed / one.seen_max < other.cost.fixed / other.seen_max
    assert one.seen_max >= other.seen_max
    assert max(one.cost.fixed, other.cost.fixed) <= CONDITION_NS_MAX


MEMORY = """
from pathlib import Path
from placet.policy.conditions import compile_condition
light = compile_condition("args.a != 'x'")
joins = compile_condition("args.b.all(x, args.b + args.b != [x])")
def peak(times):
    for _ in range(times):
        assert light.holds({"a": "y" * 8_000}, {}, {}, None, {})
    for _ in range(times // 100):
        assert joins.holds({"b": [1] * 400}, {}, {}, None, {})
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index("VmHWM:") + 1])
before = peak(100)
assert peak(4_000) - before < 20_000, "kilobytes"
"""


def test_many_questions_leave_no_memory_behind() -> None:
    subprocess.run([sys.executable, "-c", MEMORY], check=True)  # noqa: S603 -- our own code


# --- patterns


@pytest.mark.parametrize(
    ("small", "large", "times"),
    [
        ("a", "a{100}", 50),
        ("[a-z]", "[a-z]{2,100}", 50),
        ("(ab)", "((ab){10}){10}", 50),
        ("a", "(a*){50}", 50),
        ("a", "a|" * 100 + "a", 50),
        ("a", r"\pL", 100),
        ("a", "[^\\p{Greek}]", 100),
        ("a", "[[:alpha:](]a{50}", 20),
        ("a", "(a[)]a){50}", 50),
        ("a", "(a\\)a){50}", 50),
        ("a", "(?:(?P<n>a){10}){10}", 50),
    ],
)
def test_a_pattern_counts_with_its_repetitions_written_out(
    small: str, large: str, times: int
) -> None:
    assert pattern_size(large).read >= times * pattern_size(small).read


# --- the library


def test_another_version_of_the_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_library()
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0.2.0")
    library.library_version.cache_clear()
    try:
        with pytest.raises(ConditionError, match=r"cel-expr-python 0\.1 is needed; 0\.2\.0"):
            check_library()
    finally:
        library.library_version.cache_clear()


def test_the_library_is_imported_only_by_whoever_has_a_condition() -> None:
    code = (
        "import sys, placet.policy.conditions, placet.sdk; "
        "sys.exit(any(name.startswith('cel_expr_python') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 -- our own code
