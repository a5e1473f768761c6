"""What of that which was seen is drift, and how severe."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from msgspec.structs import replace

from placet.kernel.ids import ActorId, TenantId
from placet.policy.model import Ruling, SideEffect
from placet.replay.calls.model import Verdict
from placet.replay.observed.model import CallWindow, DecidedCalls, ToolCalls
from placet.studio.drift.model import (
    DriftItem,
    DriftItemId,
    DriftKind,
    DriftSeverity,
    DriftStatus,
    DriftSubject,
    Sighting,
    ToolChange,
)
from placet.studio.drift.rules import fingerprint_of
from placet.studio.drift.scans import rules, tool_drift
from placet.studio.drift.scans.look import Look
from placet.studio.drift.scans.model import (
    ApprovalRuntimeReceipt,
    ApprovedTool,
    Difference,
    SeenTool,
)
from placet.studio.rule_evidence.model import EvidenceEntry, GovernedRule, RuleFamily
from placet.studio.workspaces.model import WorkspaceId

NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
DAY: Final = timedelta(days=1)
ID: Final = UUID(int=1)


def tool(name: str, side_effect: SideEffect, ruling: Ruling = Ruling.ALLOW) -> ApprovedTool:
    return ApprovedTool(
        name=name, side_effect=side_effect, ruling=ruling, schema_hash=None, schema=None
    )


TOOLS: Final = {
    one.name: one
    for one in (
        tool("read", SideEffect.READ),
        tool("pay", SideEffect.FINANCIAL),
        tool("drop", SideEffect.DESTRUCTIVE, Ruling.DENY),
    )
}


def rule(name: str, tool: str, family: RuleFamily = RuleFamily.ARGUMENT) -> GovernedRule:
    is_refusing = tool == "drop" and family is RuleFamily.RULING
    return GovernedRule(
        rule=name, layer=6, family=family, tools=frozenset({tool}), is_refusing=is_refusing
    )


RULES: Final = [
    rule("tools.read.decision", "read", RuleFamily.RULING),
    rule("tools.pay.decision", "pay", RuleFamily.RULING),
    rule("tools.pay.input_schema", "pay"),
    rule("tools.pay.effect_key", "pay", RuleFamily.EFFECT),
    rule("tools.drop.decision", "drop", RuleFamily.RULING),
]


def look(*, approved_at: datetime = NOW - 90 * DAY, unmatched: Ruling = Ruling.DENY) -> Look:
    return Look(
        workspace_id=WorkspaceId(ID),
        approval_id=ID,
        approved_at=approved_at,
        unmatched=unmatched,
        rules=RULES,
        tools=TOOLS,
        live={},
        until=NOW,
    )


def entry(
    name: str, *, support: int = 0, against: int = 0, age: timedelta | None = None
) -> EvidenceEntry:
    known = next(one for one in RULES if one.rule == name)
    return EvidenceEntry(
        tenant_id=TenantId(ID),
        approval_id=ID,
        rule=name,
        workspace_id=WorkspaceId(ID),
        tool=known.tool,
        family=known.family,
        support_count=support,
        contradiction_count=against,
        last_observed_at=None if age is None else NOW - age,
    )


def refused(name: str, layer: int, code: str, times: int = 1) -> DecidedCalls:
    return DecidedCalls(
        tool=name,
        verdict=Verdict.DENY,
        layer=layer,
        codes=[code],
        rules=["x"],
        times=times,
        last_at=NOW,
    )


@pytest.mark.parametrize(
    ("times", "ordinary", "grave"),
    [
        (9, DriftSeverity.INFO, DriftSeverity.MINOR),
        (10, DriftSeverity.MINOR, DriftSeverity.MAJOR),
        (99, DriftSeverity.MINOR, DriftSeverity.MAJOR),
        (100, DriftSeverity.MAJOR, DriftSeverity.CRITICAL),
    ],
)
def test_refused_demand_is_as_severe_as_it_is_frequent_and_its_tool_grave(
    times: int, ordinary: DriftSeverity, grave: DriftSeverity
) -> None:
    decided = [refused("read", 2, "principal", times), refused("pay", 2, "principal", times)]
    found = rules.find_refused(look(), decided)
    assert [(one.kind, one.severity) for one in found] == [
        (DriftKind.DEMAND_DENIED, ordinary),
        (DriftKind.DEMAND_DENIED, grave),
    ]


def test_calls_refused_alike_are_one_sighting_and_those_for_their_arguments_are_none() -> None:
    decided = [refused("read", 4, "wrong_phase"), refused("read", 4, "wrong_phase", 2)]
    others = [refused("read", layer, "x") for layer in (1, 5, 6, 7, 8, 9, 11)]
    (one,) = rules.find_refused(look(), [*decided, *others])
    assert (one.kind, one.times) == (DriftKind.OUTSIDE_PHASES, 3)


def test_calls_of_unknown_tools_are_one_sighting_whatever_their_names() -> None:
    decided = [refused(f"made_up_{n}", 3, "no_contract") for n in range(50)]
    (one,) = rules.find_refused(look(), decided)
    assert (one.subject.tool, one.times, one.severity) == (None, 50, DriftSeverity.MINOR)
    assert "made_up" not in one.summary


@pytest.mark.parametrize(
    ("unmatched", "severity"),
    [
        (Ruling.DENY, DriftSeverity.MINOR),
        (Ruling.ASK, DriftSeverity.MAJOR),
        (Ruling.ALLOW, DriftSeverity.CRITICAL),
    ],
)
def test_a_new_tool_is_as_severe_as_the_contract_is_open(
    unmatched: Ruling, severity: DriftSeverity
) -> None:
    new = SeenTool(
        name="wire",
        description_hash=None,
        schema_hash=None,
        schema=None,
        first_seen_at=NOW,
        last_seen_at=NOW,
    )
    (one,) = tool_drift.find_new_tools(look(unmatched=unmatched), [new])
    assert (one.severity, one.seen_at) == (severity, NOW)


@pytest.mark.parametrize(
    ("change", "ordinary", "grave"),
    [
        (ToolChange.DESCRIPTION_ONLY, DriftSeverity.MINOR, DriftSeverity.MINOR),
        (ToolChange.NARROWED, DriftSeverity.MINOR, DriftSeverity.MINOR),
        (ToolChange.WIDENED, DriftSeverity.MINOR, DriftSeverity.MAJOR),
        (ToolChange.INCOMPATIBLE, DriftSeverity.MAJOR, DriftSeverity.CRITICAL),
    ],
)
def test_a_changed_tool_is_as_severe_as_its_change_and_as_it_is_grave(
    change: ToolChange, ordinary: DriftSeverity, grave: DriftSeverity
) -> None:
    found = [
        Difference(tool=name, change=change, found="ab" * 32, seen_at=NOW)
        for name in ("read", "pay")
    ]
    severities = {
        one.subject.tool: one.severity for one in tool_drift.find_changed_tools(look(), found, [])
    }
    assert severities == {"read": ordinary, "pay": grave}


def test_a_commit_in_another_phase_is_major_and_critical_where_it_is_grave() -> None:
    calls = [ToolCalls(tool=name, times=1, last_at=NOW) for name in ("read", "pay")]
    found = list(rules.find_misplaced(look(), calls))
    assert [one.severity for one in found] == [DriftSeverity.MAJOR, DriftSeverity.CRITICAL]
    assert {one.subject.code for one in found} == {"phase_conflict"}


@pytest.mark.parametrize(
    ("support", "against", "before", "is_found"),
    [(0, 5, 0, True), (0, 4, 0, False), (5, 5, 0, False), (5, 6, 0, True), (0, 5, 5, False)],
)
def test_a_rule_is_contradicted_by_five_calls_and_more_than_keep_it(
    support: int,
    against: int,
    before: int,
    is_found: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    name = "tools.pay.input_schema"
    now = entry(name, support=support, against=against, age=DAY)
    found = list(rules.find_contradicted(look(), [entry(name, against=before)], [now]))
    assert bool(found) is is_found


def test_only_rules_on_what_a_call_is_like_can_be_contradicted() -> None:
    name = "tools.drop.decision"
    assert not list(rules.find_contradicted(look(), [], [entry(name, against=99, age=DAY)]))


def test_a_tool_that_was_not_called_is_told_once_and_a_rule_of_one_that_was_by_itself() -> None:
    entries = [
        entry("tools.read.decision", age=31 * DAY),
        entry("tools.pay.decision", age=DAY),
        entry("tools.pay.input_schema", age=30 * DAY),
        entry("tools.pay.effect_key"),
        entry("tools.drop.decision"),
    ]
    found = list(rules.find_unused(look(), entries))
    assert [one.subject for one in found] == [
        DriftSubject(tool="read"),
        DriftSubject(tool="pay", rule="tools.pay.effect_key"),
    ]
    assert {(one.severity, one.seen_at) for one in found} == {(DriftSeverity.INFO, NOW - 30 * DAY)}


@pytest.mark.parametrize(
    ("approved_at", "age"), [(NOW - 29 * DAY, DAY), (NOW - 90 * DAY, 31 * DAY)]
)
def test_nothing_is_unused_in_a_young_approval_or_where_nothing_was_called(
    approved_at: datetime, age: timedelta
) -> None:
    entries = [entry("tools.pay.decision", age=age), entry("tools.read.decision")]
    assert list(rules.find_unused(look(approved_at=approved_at), entries)) == []


def test_what_makes_two_sightings_the_same_is_kind_target_and_what_was_found() -> None:
    one = DriftSubject(tool="pay", code="wrong_phase")
    same = fingerprint_of(DriftKind.OUTSIDE_PHASES, one)
    assert same == fingerprint_of(
        DriftKind.OUTSIDE_PHASES, DriftSubject(tool="pay", code="wrong_phase")
    )
    assert same != fingerprint_of(DriftKind.DEMAND_DENIED, one)
    assert same != fingerprint_of(DriftKind.OUTSIDE_PHASES, DriftSubject(tool="pay"))


def new(*names: str) -> list[SeenTool]:
    return [
        SeenTool(
            name=name,
            description_hash=None,
            schema_hash=None,
            schema=None,
            first_seen_at=NOW,
            last_seen_at=NOW,
        )
        for name in names
    ]


def with_items(first: Look, found: Sequence[Sighting]) -> Look:
    """Return a later look: what was found has items by now."""
    return replace(
        first, live={fingerprint_of(one.kind, one.subject): item_of(one) for one in found}
    )


def item_of(seen: Sighting) -> DriftItem:
    return DriftItem(
        tenant_id=TenantId(ID),
        item_id=DriftItemId(ID),
        workspace_id=seen.workspace_id,
        approval_id=seen.approval_id,
        kind=seen.kind,
        target_ref="x",
        subject=seen.subject,
        fingerprint="ab" * 32,
        severity=seen.severity,
        status=DriftStatus.OPEN,
        summary=seen.summary,
        seen_count=1,
        first_seen_at=NOW,
        last_seen_at=NOW,
    )


def test_an_agent_that_makes_up_tools_gets_so_many_items_and_one_for_the_rest() -> None:
    names = [f"made_up_{n}" for n in range(tool_drift.NEW_TOOLS_MAX + 5)]
    first = list(tool_drift.find_new_tools(look(), new(*names)))
    assert len(first) == tool_drift.NEW_TOOLS_MAX + 1
    assert first[-1].subject == DriftSubject(code=tool_drift.TOO_MANY)
    later = list(tool_drift.find_new_tools(with_items(look(), first), new(names[0], "another")))
    assert [one.subject for one in later] == [
        DriftSubject(tool=names[0]),
        DriftSubject(code=tool_drift.TOO_MANY),
    ]


def test_a_tool_that_never_stays_the_same_gets_so_many_items_and_one_for_the_rest() -> None:
    def differences(of: str, count: int) -> list[Difference]:
        return [
            Difference(tool=of, change=ToolChange.WIDENED, found=f"{n:064x}", seen_at=NOW)
            for n in range(count)
        ]

    found = [*differences("pay", tool_drift.CHANGES_MAX + 5), *differences("read", 2)]
    first = list(tool_drift.find_changed_tools(look(), found, []))
    assert [one.subject.tool for one in first].count("pay") == tool_drift.CHANGES_MAX + 1
    assert [one.subject.tool for one in first].count("read") == 2
    (rest,) = [one for one in first if one.subject.code == tool_drift.TOO_MANY]
    assert (rest.subject.tool, rest.severity) == ("pay", DriftSeverity.MAJOR)
    later = list(tool_drift.find_changed_tools(with_items(look(), first), found, []))
    assert [one.subject for one in later] == [one.subject for one in first]


def test_versions_that_were_not_compared_are_one_item_of_a_tool_as_severe_as_the_worst() -> None:
    left = [*new("pay", "read"), *new("pay")]
    found = list(tool_drift.find_changed_tools(look(), [], left))
    assert [(one.subject.tool, one.severity) for one in found] == [
        ("pay", DriftSeverity.CRITICAL),
        ("read", DriftSeverity.MAJOR),
    ]
    assert "2 versions of `pay`" in found[0].summary
    known = with_items(look(), found)
    (read,) = [one.item_id for one in known.live.values() if one.subject.tool == "read"]
    assert tool_drift.settled_items(known, new("pay")) == [read]
    assert list(tool_drift.find_changed_tools(known, [], [])) == []


def test_a_window_is_halved_from_its_beginning_until_a_half_is_of_no_use() -> None:
    window: CallWindow | None = CallWindow(
        artifact_id=UUID(int=1), after=NOW, until=NOW + 8 * rules.WINDOW_MIN
    )
    lengths = []
    while window is not None:
        assert window.after == NOW
        lengths.append((window.until - window.after) // rules.WINDOW_MIN)
        window = rules.halved(window)
    assert lengths == [8, 4, 2, 1]


def receipt(length: timedelta, left: timedelta) -> ApprovalRuntimeReceipt:
    """Return that a scan looked at so much time, and left so much."""
    return ApprovalRuntimeReceipt(
        tenant_id=TenantId(ID),
        receipt_id=ID,
        workspace_id=WorkspaceId(ID),
        approval_id=ID,
        compiled_hash="ab" * 32,
        window_from=NOW - left - length,
        window_to=NOW - left,
        call_count=0,
        tool_count=0,
        source_count=0,
        rule_count=0,
        opened_count=0,
        live_count=0,
        checked_by=ActorId(ID),
        checked_at=NOW,
    )


@pytest.mark.parametrize(
    ("length", "left", "reach"),
    [
        (rules.WINDOW_MIN, DAY, 2 * rules.WINDOW_MIN),
        (DAY / 4, DAY / 4, DAY / 2),
        (DAY / 4, DAY / 5, DAY),
        (DAY, 9 * DAY, DAY),
        (rules.WINDOW_MIN / 2, DAY, DAY),
    ],
)
def test_a_scan_tries_twice_what_the_last_had_to_be_content_with(
    length: timedelta, left: timedelta, reach: timedelta
) -> None:
    assert rules.reach_after(receipt(length, left)) == reach


def test_a_first_scan_tries_a_day() -> None:
    assert rules.reach_after(None) == DAY
