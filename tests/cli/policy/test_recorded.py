"""Our own event export as recorded calls."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from tests.cli.policy.test_simulate import CONTRACT, simulated

from placet.cli.policy.recorded import SessionUnclearError, is_export, lines_of_export
from placet.evidence.bundle import BundleHeader, EventLine, StreamHead
from placet.evidence.leaf import microseconds
from placet.kernel.canonical import canonical
from placet.kernel.value import Value
from placet.policy.evaluate import arguments_hash
from placet.policy.simulation.lines import LineError
from placet.replay.calls.events import CallProposed, CallSettled
from placet.replay.calls.model import (
    CallStatus,
    CommitState,
    EvidenceLevel,
    ReceiptStatus,
    Verdict,
)
from placet.replay.sessions.state import CommittedMemory

START = datetime(2026, 3, 1, 10, tzinfo=UTC)
SESSION, OTHER, TENANT = UUID(int=1), UUID(int=2), UUID(int=9)
ZEROES = "0" * 64


def head(session: UUID, kind: str = "session") -> StreamHead:
    return StreamHead(stream_id=session, kind=kind, head_seq=9, head_leaf=ZEROES)


def header(*streams: StreamHead) -> bytes:
    return canonical(BundleHeader(tenant_id=TENANT, exported_at=START, streams=streams, keys=()))


def event(second: float, said: Value, session: UUID = SESSION) -> bytes:
    at = START + timedelta(seconds=second)
    line = EventLine(
        tenant_id=str(TENANT),
        stream_id=str(session),
        event_id=str(UUID(int=7)),
        actor_id=str(UUID(int=8)),
        epoch=0,
        fence=1,
        control_epoch=0,
        control_revision=0,
        time=microseconds(at),
        seq=1,
        prev=ZEROES,
        body_hash=ZEROES,
        type=type(said).__name__,
        leaf=ZEROES,
        salt=b"salt",
        body=canonical(said),
    )
    return canonical(line)


def proposed(number: int, tool: str, request: int, arguments: bytes = b'{"a":1}') -> CallProposed:
    return CallProposed(
        call_id=UUID(int=number),
        prepared_request_id=UUID(int=request),
        ordinal=0,
        tool_call_id="call_1",
        tool=tool,
        arguments_hash=arguments_hash(arguments).hex(),
        verdict=Verdict.ALLOW,
        status=CallStatus.GRANTED,
        layer=None,
        reasons=[],
        blocked_why=None,
        effect_key=None,
        start_required=False,
        phase_after=None,
    )


def settled(
    number: int, outcome: ReceiptStatus, output: dict[str, str] | None = None
) -> CallSettled:
    return CallSettled(
        call_id=UUID(int=number),
        tool="lookup_order",
        outcome=outcome,
        commit_state=CommitState.COMMITTED,
        evidence_level=EvidenceLevel.CLIENT_REPORTED,
        receipt_id=None,
        settlement_id=None,
        reason=None,
        phase_after=None,
        phase_conflict=False,
        remembered=CommittedMemory(call_id=UUID(int=number), arguments={}, output=output),
    )


def test_calls_of_one_request_are_one_line_and_results_go_where_they_came() -> None:
    kept = {"$.status": '"delivered"', "$.a.b": "1", "$.list[0]": "2", "$": "{}"}
    raw = [
        header(head(SESSION), head(OTHER, "tenancy")),
        event(0, proposed(1, "lookup_order", 1)),
        event(0, proposed(2, "close_case", 1, b"{}")),
        event(1, settled(1, ReceiptStatus.SUCCEEDED, kept)),
        event(5, proposed(3, "lookup_order", 2)),
        event(6, settled(2, ReceiptStatus.FAILED)),
        event(7, settled(3, ReceiptStatus.UNKNOWN)),
        event(8, proposed(4, "lookup_order", 3)),
        event(9, settled(3, ReceiptStatus.SUCCEEDED)),
    ]
    lines = lines_of_export(raw, None)
    ids = [str(UUID(int=number)) for number in range(5)]
    assert [[call.id for call in line.tool_calls] for line in lines] == [
        ids[1:3],
        ids[3:4],
        ids[4:5],
        [],
    ]
    assert [(line.at - START).total_seconds() for line in lines] == [0, 5, 8, 9]
    assert [call.function.arguments for call in lines[0].tool_calls] == ["", "{}"]
    assert lines[0].outputs == {ids[1]: {"status": "delivered", "a": {"b": 1}}}
    assert [line.failed for line in lines] == [(), (), (ids[2],), ()]
    assert lines[3].outputs == {ids[3]: {}}


def test_the_session_must_be_clear() -> None:
    raw = [header(head(SESSION), head(OTHER)), event(0, proposed(1, "x", 1), OTHER)]
    with pytest.raises(SessionUnclearError) as unclear:
        lines_of_export(raw, None)
    assert unclear.value.sessions == [SESSION, OTHER]
    assert len(lines_of_export(raw, OTHER)) == 1
    assert lines_of_export(raw, SESSION) == []
    with pytest.raises(SessionUnclearError):
        lines_of_export(raw, TENANT)


def test_events_whose_bodies_were_erased_are_passed_over() -> None:
    line = msgspec.json.decode(event(0, proposed(1, "x", 1)))
    erased = msgspec.json.encode(line | {"body": None, "salt": None})
    assert lines_of_export([header(head(SESSION)), erased], None) == []


@pytest.mark.parametrize("text", [b"{}", b"nonsense", b'{"kind":"event"}', b"\xff"])
def test_a_line_that_is_none_of_an_export_is_refused(text: bytes) -> None:
    with pytest.raises(LineError, match="line 2 "):
        lines_of_export([header(head(SESSION)), text], None)


def test_an_export_is_known_by_its_first_line() -> None:
    assert is_export(header(head(SESSION)))
    assert not is_export(b'{"at":"2026-01-01T00:00:00Z","tool_calls":[]}')


def test_the_command_reads_an_export_and_says_what_it_cannot_judge(tmp_path: Path) -> None:
    contract, bundle = tmp_path / "contract.yaml", tmp_path / "bundle.jsonl"
    contract.write_text(CONTRACT)
    raw = [
        header(head(SESSION)),
        event(0, proposed(1, "lookup_order", 1)),
        event(1, settled(1, ReceiptStatus.SUCCEEDED)),
        event(2, proposed(2, "wire_money", 2)),
        event(3, proposed(3, "issue_refund", 3)),
    ]
    bundle.write_bytes(b"\n".join(raw) + b"\n")
    result = simulated("--calls", bundle, contract, "--json")
    assert result.exit_code == 0
    rows = [json.loads(one) for one in result.stdout.splitlines()]
    assert [(row["verdict"], row["layer"]) for row in rows[:3]] == [
        ("deny", 6),
        ("deny", 3),
        ("deny", 4),
    ]
    assert "holds no arguments" in rows[0]["unjudged"]
    assert "unjudged" not in rows[1]
    assert "whose arguments are not known" in rows[2]["unjudged"]
    assert simulated("--calls", bundle, contract, "--session", str(OTHER)).exit_code != 0
