"""What an event is found by, whatever its body holds; and cursors that lead back to their place."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from placet.audit.search.model import (
    RULES_MAX,
    Field,
    LoggedEvent,
    Place,
    SearchOrder,
    Walked,
)
from placet.audit.search.rules import (
    decode_place,
    encode_place,
    erased_by,
    row_of,
    taken,
    terms_of,
    view_of,
)
from placet.events.model import StreamKind
from placet.kernel.ids import TenantId
from placet.kernel.paging import encode_cursor
from placet.kernel.refusals import MalformedQuery

SOMEBODY = UUID(int=7)
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
HASH = "ab" * 32
OTHER = "cd" * 32
HEADER = {(Field.ACTOR, str(SOMEBODY)), (Field.TYPE, "CallProposed")}


def logged(
    body: object = None,
    *,
    kind: StreamKind = StreamKind.SESSION,
    event_type: str = "CallProposed",
    agent: str | None = None,
) -> LoggedEvent:
    raw = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
    return LoggedEvent(
        index=3,
        stream_id=SOMEBODY,
        seq=2,
        kind=kind,
        event_id=SOMEBODY,
        type=event_type,
        actor_id=SOMEBODY,
        at=AT,
        agent=agent,
        body=raw,
    )


def found_by(event: LoggedEvent) -> set[tuple[Field, str]]:
    return {(term.field, term.value) for term in terms_of(row_of(TenantId(SOMEBODY), event))}


def test_a_call_is_found_by_all_that_it_names() -> None:
    body = {
        "tool": "refund",
        "verdict": "deny",
        "reasons": [{"code": "c", "rule": "cap"}, {"rule": "cap"}, {"rule": "late"}],
        "arguments_hash": HASH,
        "effect_key": OTHER,
        "arguments": {"name": "Anna"},
    }
    assert found_by(logged(body, agent="desk")) == HEADER | {
        (Field.AGENT, "desk"),
        (Field.TOOL, "refund"),
        (Field.VERDICT, "deny"),
        (Field.RULE, "cap"),
        (Field.RULE, "late"),
        (Field.FINGERPRINT, HASH),
        (Field.FINGERPRINT, OTHER),
    }


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"\xff",
        b"[1]",
        b'"x"',
        b"{" * 5_000,
        {"tool": 7, "verdict": "perhaps", "reasons": {}, "arguments_hash": 1, "effect_key": []},
        {"tool": "", "verdict": None, "reasons": [1, {"rule": None}, {}], "arguments_hash": "ab"},
        {"tool": "x" * 201, "arguments_hash": "AB" * 32, "effect_key": "zz" * 32, "call_id": "x"},
        {"tool": "a\x00b", "agent": "c\x00d", "reasons": [{"rule": "e\x00f"}], "call_id": 3},
    ],
)
def test_a_body_that_names_nothing_leaves_the_header(body: object) -> None:
    assert found_by(logged(body)) == HEADER


def test_a_control_is_found_by_whom_it_reaches() -> None:
    for kind, field in (("agent", Field.AGENT), ("tool", Field.TOOL)):
        body = {"kind": kind, "target": "refund"}
        control = logged(body, kind=StreamKind.CONTROL, event_type="ControlSet")
        assert (field, "refund") in found_by(control)
        elsewhere = logged(body, kind=StreamKind.RUN, event_type="ControlSet")
        assert (field, "refund") not in found_by(elsewhere)


def test_the_agent_of_the_stream_comes_before_one_that_the_body_names() -> None:
    row = row_of(TenantId(SOMEBODY), logged({"agent": "other"}, agent="desk"))
    assert (row.agent, row.agent_named, view_of(row).agent) == ("desk", None, "desk")
    row = row_of(TenantId(SOMEBODY), logged({"agent": "other"}))
    assert (row.agent, row.agent_named, view_of(row).agent) == (None, "other", "other")


def test_an_event_has_only_so_many_rules() -> None:
    body = {"reasons": [{"rule": f"r{n}"} for n in range(500)]}
    assert len(found_by(logged(body)) - HEADER) == RULES_MAX


def test_only_the_stream_of_erasures_tells_of_erasures() -> None:
    body = {"stream_id": str(SOMEBODY), "from_seq": 1, "to_seq": 9, "count": 3}
    told = logged(body, kind=StreamKind.ERASURES, event_type="BodiesErased")
    erased = erased_by(told)
    assert erased is not None
    assert (erased.stream_id, erased.from_seq, erased.to_seq) == (SOMEBODY, 1, 9)
    assert erased_by(logged(body, kind=StreamKind.RUN, event_type="BodiesErased")) is None
    assert erased_by(logged(body, kind=StreamKind.ERASURES)) is None


def test_a_cursor_leads_back_to_its_place() -> None:
    for order in SearchOrder:
        for at in (AT, AT + timedelta(microseconds=1), datetime(1960, 1, 1, tzinfo=UTC)):
            place = Place(order=order, at=at, index=0, size=9)
            assert decode_place(encode_place(place), order) == place


@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["newest", 1, 2],
        ["newest", 1, 2, 3, 4],
        ["oldest", 1, 2, 3],
        ["newest", "1", 2, 3],
        ["newest", 1, -1, 3],
        ["newest", 1, 2, -1],
        ["newest", 1, 2, 2**63],
        ["newest", 2**62, 2, 3],
        ["newest", -(2**62), 2, 3],
    ],
)
def test_a_cursor_of_another_form_is_refused(parts: list[str | int]) -> None:
    with pytest.raises(MalformedQuery):
        decode_place(encode_cursor(parts), SearchOrder.NEWEST)


def test_a_page_ends_with_the_last_entry_that_was_looked_at() -> None:
    walked = [Walked(at=AT, index=n, fits=n % 2 == 0) for n in range(6)]
    assert taken(walked, 2) == ([0, 2], walked[2])
    assert taken(walked, 3) == ([0, 2, 4], walked[4])
    assert taken(walked, 9) == ([0, 2, 4], walked[5])
    assert taken([], 9) == ([], None)
