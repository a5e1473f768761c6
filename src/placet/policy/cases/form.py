"""Which keys of a case go together: what the shape of the Structs cannot say."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import UNSET

from placet.policy.cases.defaults import KINDS, call_of, kind_of
from placet.policy.cases.model import Case, Expected, GivenCall, Situation
from placet.policy.cases.table import Table
from placet.policy.finding import Finding
from placet.policy.text.tree import Steps

_CASE_KEYS: Final = {
    "call": frozenset({"expect", "contract"}),
    "calls": frozenset({"expect", "contract"}),
    "narrow": frozenset({"expect", "contract"}),
    "rule": frozenset({"holds", "fails"}),
}
_SOME_OF: Final = ("contract", "expect", "holds", "fails")
_TIMES: Final = frozenset({"holds_from", "holds_until"})
_ASKS: Final = frozenset({"all_of", "expires_seconds", "reason_required"})
_EXPECTED_KEYS: Final = {
    "call": _TIMES | _ASKS | {"verdict", "layer", "codes", "reasons", "rule"},
    "calls": _TIMES | {"calls", "text"},
    "narrow": frozenset({"offered", "hidden"}),
}


def form_faults(table: Table) -> Iterator[Finding]:
    """Yield what is wrong with the form of a table whose every value is of the right type."""
    names: set[str] = set()
    given = table.file.defaults
    yield from _moment(table, given.facts, ("defaults", "facts", "at"))
    for index, case in enumerate(table.file.cases):
        steps: Steps = ("cases", index)
        if case.name in names:
            yield table.fault((*steps, "name"), f"the name `{case.name}` stands twice")
        names.add(case.name)
        yield from _moment(table, case.facts, (*steps, "facts", "at"))
        yield from _case(table, case, given.call if given.call is not UNSET else GivenCall(), steps)


def _moment(table: Table, facts: Situation, steps: Steps) -> Iterator[Finding]:
    if facts.at is UNSET:
        return
    try:
        is_told = datetime.fromisoformat(facts.at).tzinfo is not None
    except ValueError:
        is_told = False
    if not is_told:
        yield table.fault(steps, f"`{facts.at}` is no time such as `2026-03-01T12:00:00Z`")


def _case(table: Table, case: Case, given: GivenCall, steps: Steps) -> Iterator[Finding]:
    kinds = [kind for kind in KINDS if getattr(case, kind) is not UNSET]
    if len(kinds) > 1 or (not kinds and given.tool is UNSET):
        yield table.fault(steps, f"a case has one of {', '.join(KINDS)}")
        return
    kind = kind_of(case, given)
    for key in _SOME_OF:
        if getattr(case, key) is not UNSET and key not in _CASE_KEYS[kind]:
            yield table.fault((*steps, key), f"`{key}` does not go with `{kind}`")
    if kind == "rule":
        if case.holds is UNSET and case.fails is UNSET:
            yield table.fault(steps, "a rule needs documents that it `holds` or `fails` for")
        return
    if table.file.contract is UNSET:
        yield table.fault(steps, "the table has no `contract`")
    if kind == "call":
        yield from _call(table, case, given, steps)
    if case.expect is UNSET:
        yield table.fault(steps, "the case expects nothing; say what in `expect`")
        return
    yield from _expected(table, case, kind, (*steps, "expect"))


def _call(table: Table, case: Case, given: GivenCall, steps: Steps) -> Iterator[Finding]:
    try:
        tool = call_of(case, given).tool
    except KeyError as fault:
        yield table.fault((*steps, "call"), f"`without` names {fault}, which is no argument")
        return
    if tool is UNSET:
        yield table.fault((*steps, "call"), "the call names no `tool`")


def _expected(table: Table, case: Case, kind: str, steps: Steps) -> Iterator[Finding]:
    expect = case.expect if case.expect is not UNSET else Expected()
    given = {name for name in Expected.__struct_fields__ if getattr(expect, name) is not UNSET}
    for name in sorted(given - _EXPECTED_KEYS[kind]):
        yield table.fault((*steps, name), f"`{name}` cannot be expected of `{kind}`")
    match kind:
        case "call":
            yield from _expected_of_call(table, expect, given, steps)
        case "calls":
            yield from _expected_of_calls(table, case, expect, steps)
        case _ if not given & {"offered", "hidden"}:
            yield table.fault(steps, "`expect` needs `offered`, `hidden` or both")


def _expected_of_call(
    table: Table, expect: Expected, given: set[str], steps: Steps
) -> Iterator[Finding]:
    if expect.verdict is UNSET:
        yield table.fault(steps, "`expect` needs `verdict`")
    if expect.verdict == "deny" and not given & {"codes", "reasons"}:
        yield table.fault(steps, "a denial needs `codes` or `reasons`: denied for what?")
    if {"codes", "reasons"} <= given:
        yield table.fault(steps, "give `codes` or `reasons`, not both")
    if expect.verdict != "ask" and given & _ASKS:
        yield table.fault(steps, f"only `ask` has {', '.join(sorted(_ASKS))}")


def _expected_of_calls(
    table: Table, case: Case, expect: Expected, steps: Steps
) -> Iterator[Finding]:
    if expect.calls is UNSET:
        yield table.fault(steps, "`expect` needs `calls`: what becomes of each")
        return
    calls = () if case.calls is UNSET else case.calls
    if len(calls) != len(expect.calls):
        message = f"there are {len(calls)} calls and {len(expect.calls)} expectations"
        yield table.fault((*steps, "calls"), message)
    for index, call in enumerate(calls):
        if call.tool is UNSET:
            yield table.fault((*steps[:-1], "calls", index), "the call names no `tool`")
        if call.without:
            message = "`without` goes with `call` and a default call"
            yield table.fault((*steps[:-1], "calls", index), message)
