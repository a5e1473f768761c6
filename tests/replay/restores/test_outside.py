"""What a restore reads of an export: each event in a stream of its own, one line at a time."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Final
from uuid import UUID

import pytest

from placet.events.model import StreamKind, tenant_stream
from placet.kernel.ids import TenantId
from placet.replay.restores.outside import ENDS, TOLD_IN, Outside, read_outside

TENANT: Final = TenantId(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
RUN: Final = UUID("01890a5d-ac96-774b-bcce-b302099a8058")
WHAT: Final = "01890a5d-ac96-774b-bcce-b302099a8059"
BODY: Final = {
    "actor_id": WHAT,
    "activation_id": WHAT,
    "control_id": WHAT,
    "host_id": WHAT,
    "issuer_id": WHAT,
    "key_id": "k",
    "reason": "planted",
    "standing_id": WHAT,
    "why": "stopped",
    "workspace_id": WHAT,
}
MANY: Final = (StreamKind.SESSION, StreamKind.WORKSPACE)
LINES: Final = 2_000


def export(kind: str, stream: UUID, listed: StreamKind | None, body: dict[str, str]) -> list[bytes]:
    """Return the head of an export and an event of it, in a stream that the head may list."""
    streams = [] if listed is None else [{"stream_id": str(stream), "kind": listed}]
    head = {"kind": "placet.bundle.v2", "tenant_id": str(TENANT), "streams": streams}
    told = {"kind": "event", "stream_id": str(stream), "seq": 1, "type": kind, "body": body}
    return [json.dumps(line).encode() + b"\n" for line in (head, told)]


@pytest.mark.parametrize("kind", TOLD_IN)
@pytest.mark.parametrize("body", [BODY, {}])
def test_what_stands_in_a_run_stops_nothing_and_hinders_nothing(
    kind: str, body: dict[str, str]
) -> None:
    found = read_outside(export(kind, RUN, StreamKind.RUN, body))
    assert found.get(TENANT, Outside()) == Outside()


@pytest.mark.parametrize("kind", TOLD_IN)
def test_a_run_under_the_id_of_another_stream_stops_nothing(kind: str) -> None:
    for own in TOLD_IN[kind]:
        stream = tenant_stream(TENANT, own)
        assert read_outside(export(kind, stream, StreamKind.RUN, BODY)) == {}


@pytest.mark.parametrize("kind", ENDS)
def test_an_end_counts_in_each_stream_that_tells_of_it_and_in_no_other(kind: str) -> None:
    ends = {
        stream
        for stream in StreamKind
        for listed in (stream, None)
        if read_outside(export(kind, tenant_stream(TENANT, stream), listed, BODY))
    }
    assert ends == set(TOLD_IN[kind])
    # A stream of another id is not the tenant's, whatever the head says of it.
    assert read_outside(export(kind, RUN, TOLD_IN[kind][0], BODY)) == {}
    assert read_outside(export(kind, RUN, None, BODY)) == {}


@pytest.mark.parametrize("kind", ["SessionStopped", "WorkspaceArchived"])
def test_one_of_many_streams_is_told_by_its_kind_or_by_no_head_at_all(kind: str) -> None:
    (told_in,) = TOLD_IN[kind]
    for listed in (told_in, None):
        (held,) = read_outside(export(kind, RUN, listed, BODY)).values()
        assert held.stopped or held.by_people
    for listed in set(StreamKind) - {told_in}:
        assert read_outside(export(kind, RUN, listed, BODY)) == {}


def test_a_stream_of_one_tenant_is_not_taken_for_that_of_the_tenant_before() -> None:
    other = [
        line.replace(str(TENANT).encode(), WHAT.encode())
        for line in export("SessionStopped", RUN, StreamKind.RUN, BODY)
    ]
    lines = other + export("SessionStopped", RUN, None, BODY)
    assert set(read_outside(lines)) == {TENANT}


def test_a_long_export_is_read_line_by_line() -> None:
    line = json.dumps({"type": "CallProposed", "body": "x" * 5_000}).encode() + b"\n"

    def lines() -> Iterator[bytes]:
        for _ in range(LINES):
            yield bytes(bytearray(line))

    tracemalloc.start()
    try:
        assert read_outside(lines()) == {}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LINES * len(line) // 10
