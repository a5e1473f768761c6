"""The worker scans what is in force, and goes on where it stopped."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec.structs import replace
from tests.conftest import found
from tests.replay.desk import Desk
from tests.studio.drift.scans.scanner import Scanner
from tests.studio.story import LOOKUP, Story, contract

from placet.authority.server_keys import ServerKeys
from placet.kernel.clock import SystemClock
from placet.kernel.ids import Ids
from placet.storage.database import Database
from placet.storage.work import SCAN_DRIFT, WorkDue, take_due
from placet.studio.drift.scans import material, rules, store, watch
from placet.studio.drift.scans.model import ApprovalRuntimeReceipt
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GovernanceWorkspace

CLOCK = SystemClock()


async def receipts(scanner: Scanner, workspace_id: UUID) -> list[ApprovalRuntimeReceipt]:
    async with scanner.db.reading(scanner.founder) as tx:
        return await store.list_receipts(tx, workspace_id, before=None, limit=200)


async def taken(scanner: Scanner) -> list[WorkDue]:
    """Take what is due of this workspace, and leave it due."""
    due = await take_due(scanner.db, SCAN_DRIFT, limit=1_000, lease_seconds=0)
    return [work for work in due if work.ref == scanner.workspace.workspace_id]


async def test_an_approval_is_scanned_without_anybody_asking(desk: Desk, scanner: Scanner) -> None:
    worker = await desk.worker()
    await worker.propose(("delete_customer", {"customer": "c1"}))
    (work,) = await taken(scanner)
    await watch.scan_work(scanner.db, work, scanner.ids, CLOCK)
    (receipt,) = await receipts(scanner, scanner.workspace.workspace_id)
    (item,) = await scanner.items()
    assert (receipt.call_count, item.seen_count) == (1, 1)


async def test_a_round_takes_what_is_due_and_no_more_than_it_may(scanner: Scanner) -> None:
    assert await taken(scanner)
    assert 0 < await watch.scan_due(scanner.db, scanner.ids, CLOCK) <= watch.BATCH


async def test_what_was_scanned_is_not_due_again_at_once(scanner: Scanner) -> None:
    (work,) = await taken(scanner)
    await watch.scan_work(scanner.db, work, scanner.ids, CLOCK)
    assert await taken(scanner) == []


async def test_a_round_that_is_made_again_counts_nothing_twice(
    desk: Desk, scanner: Scanner
) -> None:
    worker = await desk.worker()
    await worker.propose(("delete_customer", {"customer": "c1"}))
    due = WorkDue(
        tenant_id=scanner.founder.tenant_id,
        kind=SCAN_DRIFT,
        ref=scanner.workspace.workspace_id,
        due_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    for _ in range(2):
        await watch.scan_work(scanner.db, due, scanner.ids, CLOCK)
    first, second = (await receipts(scanner, scanner.workspace.workspace_id))[::-1]
    (item,) = await scanner.items()
    assert (first.call_count, second.call_count, item.seen_count) == (1, 0, 1)


async def test_a_scan_that_is_due_waits_for_none_that_is_asked_for(scanner: Scanner) -> None:
    gate = threading.Event()
    busy = material.ASKED.submit(gate.wait)
    (work,) = await taken(scanner)
    try:
        async with asyncio.timeout(60):
            await watch.scan_work(scanner.db, work, scanner.ids, CLOCK)
    finally:
        gate.set()
    assert busy.result()
    assert len(await receipts(scanner, scanner.workspace.workspace_id)) == 1


class StoppedClock(SystemClock):
    """A clock that keeps whoever reads how long it took, until it is let go."""

    def __init__(self) -> None:
        """Keep the first that comes."""
        self.is_asked = threading.Event()
        self.may_go = threading.Event()

    def monotonic(self) -> float:
        """Return the seconds once it may go."""
        self.is_asked.set()
        self.may_go.wait(30)
        return super().monotonic()


async def test_a_workspace_is_not_taken_before_its_turn_comes(
    fresh_database_url: str, ids: Ids
) -> None:
    db = await Database.open(fresh_database_url, pool_size=3)
    keys = ServerKeys.generate()
    await keys.register(db)
    for _ in range(2):
        await approved(Story(db, ids, await found(db, ids), keys))
    clock = StoppedClock()
    scanning = asyncio.create_task(watch.scan_due(db, ids, clock))
    try:
        assert await asyncio.to_thread(clock.is_asked.wait, 30)
        left = await take_due(db, SCAN_DRIFT, limit=9, lease_seconds=0)
    finally:
        clock.may_go.set()
    assert (await scanning, len(left)) == (2, 1)
    await db.close()


async def test_where_calls_could_not_be_counted_in_time_the_next_scan_begins_with_twice_as_much(
    scanner: Scanner,
) -> None:
    now, length = CLOCK.now(), 2 * rules.WINDOW_MIN
    cut = replace(
        until_tomorrow(scanner.workspace, scanner.ids),
        window_from=now - timedelta(hours=1),
        window_to=now - timedelta(hours=1) + length,
    )
    async with scanner.db.writing(scanner.founder) as tx:
        await store.insert_receipt(tx, cut)
    later = [await scanner.scan() for _ in range(2)]
    assert [one.window_to - one.window_from for one in later] == [2 * length, 4 * length]


async def test_a_workspace_with_nothing_to_scan_is_left_alone(
    db: Database, ids: Ids, scanner: Scanner, server_keys: ServerKeys
) -> None:
    other = Story(db, ids, await found(db, ids), server_keys)
    workspace = await other.workspace(await other.signer())
    due = WorkDue(
        tenant_id=other.founder.tenant_id,
        kind=SCAN_DRIFT,
        ref=workspace.workspace_id,
        due_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    await watch.scan_work(db, due, ids, CLOCK)
    assert await receipts(scanner, workspace.workspace_id) == []


async def test_a_workspace_that_cannot_be_scanned_keeps_no_other_waiting(
    fresh_database_url: str, ids: Ids
) -> None:
    db = await Database.open(fresh_database_url, pool_size=2)
    keys = ServerKeys.generate()
    await keys.register(db)
    stories = [Story(db, ids, await found(db, ids), keys) for _ in range(2)]
    workspaces = [await approved(story) for story in stories]
    async with db.writing(stories[0].founder) as tx:
        # It was looked at up to tomorrow, so no window can be looked at today.
        await store.insert_receipt(tx, until_tomorrow(workspaces[0], ids))
    assert await watch.scan_due(db, ids, CLOCK) == len(stories)
    told = []
    for story, workspace in zip(stories, workspaces, strict=True):
        async with db.reading(story.founder) as tx:
            seen = await store.list_receipts(tx, workspace.workspace_id, before=None, limit=9)
        told.append([receipt.call_count for receipt in seen])
    await db.close()
    assert told == [[7], [0]]


async def approved(story: Story) -> GovernanceWorkspace:
    """Put a contract in force, and return its workspace."""
    signer = await story.signer()
    _, _, request = await story.asked(await story.workspace(signer), contract(LOOKUP))
    await story.vote(request, signer)
    async with story.db.reading(story.founder) as tx:
        return await workspace_store.get_workspace(tx, request.workspace_id)


def until_tomorrow(workspace: GovernanceWorkspace, ids: Ids) -> ApprovalRuntimeReceipt:
    now = CLOCK.now()
    assert workspace.active_approval_id is not None
    return ApprovalRuntimeReceipt(
        tenant_id=workspace.tenant_id,
        receipt_id=ids.new(),
        workspace_id=workspace.workspace_id,
        approval_id=workspace.active_approval_id,
        compiled_hash="ab" * 32,
        window_from=now,
        window_to=now + timedelta(days=1),
        call_count=7,
        tool_count=0,
        source_count=0,
        rule_count=0,
        opened_count=0,
        live_count=0,
        checked_by=workspace.created_by,
        checked_at=now,
    )
