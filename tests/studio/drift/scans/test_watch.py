"""The worker scans what is in force, and goes on where it stopped."""

from datetime import UTC, datetime
from uuid import UUID

from tests.conftest import found
from tests.replay.desk import Desk
from tests.studio.drift.scans.scanner import Scanner
from tests.studio.story import Story

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database
from placet.storage.work import SCAN_DRIFT, WorkDue, take_due
from placet.studio.drift.scans import store, watch
from placet.studio.drift.scans.model import ApprovalRuntimeReceipt


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
    await watch.scan_work(scanner.db, work, scanner.ids)
    (receipt,) = await receipts(scanner, scanner.workspace.workspace_id)
    (item,) = await scanner.items()
    assert (receipt.call_count, item.seen_count) == (1, 1)


async def test_a_round_takes_what_is_due_and_no_more_than_it_may(scanner: Scanner) -> None:
    assert await taken(scanner)
    assert 0 < await watch.scan_due(scanner.db, scanner.ids) <= watch.BATCH


async def test_what_was_scanned_is_not_due_again_at_once(scanner: Scanner) -> None:
    (work,) = await taken(scanner)
    await watch.scan_work(scanner.db, work, scanner.ids)
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
        await watch.scan_work(scanner.db, due, scanner.ids)
    first, second = (await receipts(scanner, scanner.workspace.workspace_id))[::-1]
    (item,) = await scanner.items()
    assert (first.call_count, second.call_count, item.seen_count) == (1, 0, 1)


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
    await watch.scan_work(db, due, ids)
    assert await receipts(scanner, workspace.workspace_id) == []
