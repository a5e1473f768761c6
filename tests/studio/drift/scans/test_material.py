"""What a scan prepares in its thread, and what it leaves when the time is up."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.replay.desk import CONTRACT, Desk
from tests.studio.drift.scans.scanner import Scanner
from tests.studio.story import Story

from placet.plans.inventory.model import OfferedTool
from placet.studio.drift.model import DriftKind, DriftSeverity, DriftStatus, DriftSubject
from placet.studio.drift.scans import asked, material, tool_drift
from placet.studio.drift.scans.asked import AskedScans
from placet.studio.sources import service as sources
from placet.studio.sources.model import AddSource, Provenance, SourceKind, SourceMedia
from placet.tenancy import entry

SCHEMAS = {tool["tool"]: tool["input_schema"] for tool in CONTRACT["tools"]}


class HandClock:
    """A clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        """Stand at the beginning."""
        self.seconds = 0.0

    def now(self) -> datetime:
        """Return one moment, always the same."""
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        """Return the seconds that it was moved to."""
        return self.seconds


async def add(scanner: Scanner, story: Story, source: AddSource) -> None:
    found = await sources.examine(source)
    async with story.db.writing(story.founder) as tx:
        await sources.add_source(tx, scanner.workspace.workspace_id, found, story.ids)


def source_of(kind: SourceKind, media: SourceMedia, content: str) -> AddSource:
    return AddSource(
        kind=kind,
        title="Theirs",
        media_type=media,
        content=content,
        provenance=Provenance(origin="them"),
    )


async def test_the_time_of_a_scan_begins_when_its_thread_does(scanner: Scanner) -> None:
    wider = SCHEMAS["issue_refund"] | {"additionalProperties": True}
    await scanner.offer(OfferedTool(name="issue_refund", input_schema=wider))
    found = await scanner.read()
    clock, gate = HandClock(), threading.Event()
    material.ASKED.submit(gate.wait)

    async def let_go() -> None:
        clock.seconds += 10 * material.COMPARING_SECONDS
        gate.set()

    ready, _ = await asyncio.gather(material.prepare(found, clock, material.ASKED), let_go())
    assert ready.tools is not None
    assert ready.tools.not_compared == []
    assert len(ready.tools.changed) == 1


async def test_of_a_tool_of_which_everything_is_told_no_further_version_is_compared(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_drift, "CHANGES_MAX", 1)
    for n in range(3):
        other: dict[str, Any] = {"type": "object", "required": [f"other_{n}"]}
        await scanner.offer(OfferedTool(name="issue_refund", input_schema=other))
        if n == 1:
            await scanner.scan()
    ready = await scanner.prepared()
    assert ready.tools is not None
    assert (len(ready.tools.changed), len(ready.tools.not_compared)) == (1, 2)
    await scanner.scan(ready)
    assert [item.subject.code for item in await scanner.items()] == [None, tool_drift.TOO_MANY]


async def test_lists_that_are_not_read_in_time_are_one_item_until_they_are(
    scanner: Scanner, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = '[{"name": "wire_money", "inputSchema": {}}, {"name": "note", "inputSchema": true}]'
    await add(scanner, story, source_of(SourceKind.TOOL_SCHEMAS, SourceMedia.JSON, listed))
    await scanner.offer(OfferedTool(name="made_up", input_schema=True))
    with monkeypatch.context() as patched:
        patched.setattr(material, "COMPARING_SECONDS", 0)
        receipts = [await scanner.scan() for _ in range(2)]
    (told,) = await scanner.items()
    assert (told.kind, told.target_ref) == (DriftKind.TOOL_CHANGED, "approval")
    assert told.subject == DriftSubject(code=tool_drift.NOT_COMPARED)
    assert (told.severity, told.status) == (DriftSeverity.CRITICAL, DriftStatus.OPEN)
    assert [receipt.tool_count for receipt in receipts] == [0, 0]
    await scanner.scan()
    told, *found = await scanner.items()
    assert told.status is DriftStatus.SUPERSEDED
    assert [item.target_ref for item in found] == ["tool:made_up", "tool:wire_money", "tool:note"]


async def test_captured_calls_that_are_not_judged_in_time_are_counted_by_the_next_scan(
    scanner: Scanner, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps({"tool": "note", "arguments": {"text": "called back"}})
    await add(scanner, story, source_of(SourceKind.OBSERVED_RUNS, SourceMedia.JSONL, line))
    with monkeypatch.context() as patched:
        patched.setattr(material, "COMPARING_SECONDS", 0)
        first = await scanner.scan()
    second = await scanner.scan()
    assert [first.source_count, second.source_count] == [0, 1]


async def test_one_scan_that_is_asked_for_prepares_at_a_time(
    app: Litestar,
    client: httpx.AsyncClient,
    desk: Desk,
    scanner: Scanner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked, "WAIT_SECONDS", 0)
    path = f"/api/v1/studio/workspaces/{scanner.workspace.workspace_id}/drift/scan"
    headers = {"Authorization": f"Bearer {desk.workplace.founder_key}", "Idempotency-Key": "k"}
    async with app.state[AskedScans.__name__].place():
        busy = await client.post(path, headers=headers)
    assert (busy.status_code, busy.json()["code"]) == (503, "scan_busy")
    assert int(busy.headers["Retry-After"]) > 0
    made = await client.post(path, headers=headers)
    assert made.status_code == 201, made.text


async def test_a_scan_that_takes_too_long_to_prepare_is_refused_and_may_be_asked_for_again(
    client: httpx.AsyncClient, desk: Desk, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/studio/workspaces/{scanner.workspace.workspace_id}/drift/scan"
    headers = {"Authorization": f"Bearer {desk.workplace.founder_key}", "Idempotency-Key": "k"}
    gate = threading.Event()
    material.ASKED.submit(gate.wait)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(entry, "PREPARING_FOR", timedelta(milliseconds=50))
            async with asyncio.timeout(60):
                late = await client.post(path, headers=headers)
    finally:
        gate.set()
    assert (late.status_code, late.json()["code"]) == (503, "governance_unavailable")
    assert int(late.headers["Retry-After"]) > 0
    made = await client.post(path, headers=headers)
    assert made.status_code == 201, made.text
