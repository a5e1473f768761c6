"""Noting that an approval expired, and warning before it does.

Whether it expired is decided by the clock wherever it matters; here it is only written down.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from placet.events.model import SYSTEM_ACTOR
from placet.evidence.vote import VotePurpose
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans.model import EndingKind
from placet.replay.sessions.endings import END_SESSIONS
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database, Writing
from placet.storage.work import EXPIRE_APPROVAL, WorkDue, finish_due, put_due, take_due
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalHead
from placet.studio.endings import rules, service, store
from placet.studio.endings.model import (
    ApprovalEnding,
    ApprovalExpired,
    ApprovalExpiring,
    EndingWarning,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store

BATCH: Final = 100
TAKEN_SECONDS: Final = 30
OPENINGS_OVER: Final = timedelta(seconds=10)
"""After this much a session that was being opened when its approval expired is there or is not."""

_LOG: Final = logging.getLogger("placet.worker")


async def watch_due(db: Database, ids: Ids) -> int:
    """Look at every approval that is due, over all tenants. Returns how many there were.

    May run on several nodes at once: what one has said the others do not say again.
    """
    due = await take_due(db, EXPIRE_APPROVAL, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            async with db.writing(acting_for(work.tenant_id)) as tx:
                await watch_approval(tx, work, await tx.now(), ids)
        except Exception:  # noqa: BLE001 -- one approval's fault keeps no other waiting
            _LOG.exception("approval %s was not looked at and comes round again", work.ref)
    return len(due)


async def watch_approval(tx: Writing, work: WorkDue, now: datetime, ids: Ids) -> None:
    """Note that an approval expired by `now`, or warn that it will; say when to look again."""
    approval = await approvals.get_head(tx, work.ref)
    endings = (await store.list_endings(tx, [approval.approval_id]))[approval.approval_id]
    if endings or approval.expires_at is None:
        await finish_due(tx, work)
        return
    if now >= approval.expires_at:
        said, again = await _expire(tx, approval, approval.expires_at, now), None
    else:
        said = await _warn(tx, approval, approval.expires_at, now)
        again = rules.next_moment(approval.approved_at, approval.expires_at, now)
    await finish_due(tx, work, again)
    if said:
        await workspaces.tell(tx, approval.workspace_id, said, ids)


async def _expire(
    tx: Writing, approval: ApprovalHead, expires_at: datetime, now: datetime
) -> list[Value]:
    ending = ApprovalEnding(
        tenant_id=tx.tenant_id,
        approval_id=approval.approval_id,
        kind=EndingKind.EXPIRED,
        workspace_id=approval.workspace_id,
        artifact_id=approval.artifact_id,
        reason=None,
        control_id=None,
        ended_by=SYSTEM_ACTOR,
        ended_at=expires_at,
    )
    if not await store.insert_ending(tx, ending):
        return []
    expired = ApprovalExpired(
        approval_id=approval.approval_id,
        workspace_id=approval.workspace_id,
        artifact_id=approval.artifact_id,
        expires_at=expires_at,
    )
    await put_due(tx, END_SESSIONS, approval.artifact_id, now + OPENINGS_OVER)
    return [expired, *await service.withdraw(tx, ending)]


async def _warn(
    tx: Writing, approval: ApprovalHead, expires_at: datetime, now: datetime
) -> list[Value]:
    days = rules.warning_due(approval.approved_at, expires_at, now)
    workspace = await workspace_store.get_workspace(tx, approval.workspace_id)
    stands_by = approval.purpose is VotePurpose.BREAK_GLASS
    if days is None or not (stands_by or workspace.active_approval_id == approval.approval_id):
        return []
    warning = EndingWarning(
        tenant_id=tx.tenant_id,
        approval_id=approval.approval_id,
        days_before=days,
        warned_at=now,
    )
    if not await store.insert_warning(tx, warning):
        return []
    return [
        ApprovalExpiring(
            approval_id=approval.approval_id,
            workspace_id=approval.workspace_id,
            days_before=days,
            expires_at=expires_at,
        )
    ]
