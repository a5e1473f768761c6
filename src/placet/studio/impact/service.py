"""Computing an impact preview: what is read, what the workers say, and what is kept."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from placet.authority import store as authority
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.replay.recordings import store as recordings
from placet.replay.recordings.model import Found, Window
from placet.storage.database import Reading, Writing
from placet.studio.impact import sharing, store
from placet.studio.impact.messages import Authority, Material, Part, Ready
from placet.studio.impact.model import (
    ComparedWith,
    ImpactAnswer,
    ImpactPreview,
    ImpactPreviewed,
    ImpactReport,
    ImpactSummary,
    PreviewBusy,
    PreviewImpact,
    PreviewTooCostly,
)
from placet.studio.impact.report import (
    Tally,
    flip_counts,
    sessions_of,
    summary_of,
    unjudged_count,
    without_erased,
)
from placet.studio.impact.workers import Workers
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store

WAIT_SECONDS: Final = 20.0
WORK_SECONDS: Final = 45.0
RETRY_SECONDS: Final = 5
_REPORT: Final = msgspec.json.Decoder(ImpactReport)


class Case(Value, frozen=True):
    """Everything that a preview is computed from. `redacting` are the contracts of the sessions."""

    snapshot: BusinessDraftSnapshot
    in_force: Authority | None
    window: Window
    found: Found
    redacting: list[bytes]


class Computed(Value, frozen=True):
    """What was judged: of which candidate, against what."""

    candidate_hash: str
    against: Authority | None
    report: ImpactReport


class Previews:
    """The one place of this process in which a preview is computed, and the workers that do it."""

    def __init__(self, workers: Workers | None = None) -> None:
        """Hold the place free."""
        self.workers = workers or Workers()
        self._place = asyncio.Semaphore(1)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Take the place, and give it back. Refuses `preview_busy` after waiting a while."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._place.acquire()
        except TimeoutError as fault:
            raise PreviewBusy(
                detail="another impact preview is being computed; nothing was stored",
                retry_after_seconds=RETRY_SECONDS,
            ) from fault
        try:
            yield
        finally:
            self._place.release()


async def read_case(tx: Reading, snapshot_id: UUID, asked: PreviewImpact) -> Case:
    """Return what a preview of a snapshot is computed from. Refuses `snapshot_not_found`."""
    snapshot = await snapshots.get_snapshot(tx, snapshot_id)
    workspace = await workspace_store.get_workspace(tx, snapshot.workspace_id)
    now = await tx.now()
    # Nothing was recorded before the workspace was made, so no earlier end can be meant.
    until = now if asked.until is None else max(min(asked.until, now), workspace.created_at)
    window = Window(
        agent=workspace.agent,
        environment=workspace.environment,
        since=until - timedelta(seconds=asked.seconds),
        until=until,
        calls_max=asked.calls_max,
    )
    found = await recordings.read_window(tx, window)
    plan = await plans.find_plan(tx, workspace.agent, workspace.environment)
    in_force = None
    if plan is not None and plan.artifact_id is not None and plan.approval_id is not None:
        artifact = await authority.get_artifact(tx, plan.artifact_id)
        in_force = Authority(
            approval_id=plan.approval_id,
            compiled_hash=artifact.compiled_hash,
            runtime=artifact.runtime_projection_json,
        )
    pinned = [await authority.get_artifact(tx, one) for one in sorted(found.artifact_ids)]
    return Case(
        snapshot=snapshot,
        in_force=in_force,
        window=window,
        found=found,
        redacting=[one.runtime_projection_json for one in pinned],
    )


async def compute(case: Case, workers: Workers) -> Computed:
    """Judge every call of a case twice, in the workers.

    Refuses `candidate_invalid`, `preview_broken` and `preview_too_costly`.
    """
    material = Material(snapshot=case.snapshot, in_force=case.in_force, redacting=case.redacting)
    found = case.found
    try:
        async with (
            asyncio.timeout(WORK_SECONDS),
            workers.taken(sharing.workers_for(found.recordings)) as taken,
        ):
            ready, parts = await sharing.judge_all(taken, material, found.recordings)
    except TimeoutError as fault:
        raise PreviewTooCostly(
            detail=f"these calls cannot be judged within {WORK_SECONDS:g} seconds"
        ) from fault
    return computed(case, ready, parts)


def computed(case: Case, ready: Ready, parts: Iterable[Part]) -> Computed:
    """Return the report of a case from what its recordings came to, in their order."""
    tally = Tally({})
    for part in parts:
        tally.take(part)
    return Computed(
        candidate_hash=ready.candidate_hash,
        against=case.in_force if ready.is_against else None,
        report=tally.report(
            sessions=case.found.sessions,
            calls=case.found.calls,
            is_truncated=case.found.is_truncated,
            unrecorded=ready.unrecorded,
        ),
    )


async def keep_preview(tx: Writing, case: Case, computed: Computed, ids: Ids) -> ImpactPreview:
    """Keep a report with its event; the same one again is the one that was kept.

    Examples of sessions that lost bodies are kept without what was said: it may be older than that.
    Refuses `workspace_not_active`.
    """
    snapshot = case.snapshot
    await workspace_store.hold_active(tx, snapshot.workspace_id)
    said = without_erased(computed.report, await store.hold_shown(tx, sessions_of(computed.report)))
    report = canonical(said)
    preview = ImpactPreview(
        tenant_id=tx.tenant_id,
        impact_id=ids.new(),
        workspace_id=snapshot.workspace_id,
        snapshot_id=snapshot.snapshot_id,
        candidate_hash=computed.candidate_hash,
        compared_with=ComparedWith.RECORDED if computed.against is None else ComparedWith.IN_FORCE,
        against_approval_id=None if computed.against is None else computed.against.approval_id,
        against_hash=None if computed.against is None else computed.against.compiled_hash,
        since=case.window.since,
        until=case.window.until,
        calls_max=case.window.calls_max,
        report_json=report,
        report_hash=digest("impact_report", report).hex(),
        computed_by=tx.actor_id,
        computed_at=await tx.now(),
    )
    if (kept := await store.find_like(tx, preview)) is not None:
        return kept
    await store.insert_preview(tx, preview)
    await workspaces.tell(tx, snapshot.workspace_id, [_said(preview, said)], ids)
    return preview


def shown(preview: ImpactPreview) -> ImpactAnswer:
    """Return a preview as it is shown."""
    fields = {
        name: getattr(preview, name) for name in ImpactAnswer.__struct_fields__ if name != "report"
    }
    return ImpactAnswer(**fields, report=_REPORT.decode(preview.report_json))


async def show_impact(tx: Reading, snapshot_id: UUID) -> ImpactAnswer:
    """Return the latest preview of a snapshot.

    Refuses `snapshot_not_found` and `impact_not_found`.
    """
    snapshot = await snapshots.get_snapshot(tx, snapshot_id)
    return shown(await store.get_latest_of(tx, snapshot.snapshot_id))


async def find_summary(
    tx: Reading, workspace_id: UUID, candidate_hash: str
) -> ImpactSummary | None:
    """Return the latest preview of what a candidate compiles to, in numbers, or None.

    What voters are shown beside a request: it says over which window, and against what.
    """
    preview = await store.find_latest(tx, workspace_id, candidate_hash)
    if preview is None:
        return None
    return summary_of(preview, _REPORT.decode(preview.report_json))


def _said(preview: ImpactPreview, report: ImpactReport) -> ImpactPreviewed:
    return ImpactPreviewed(
        impact_id=preview.impact_id,
        snapshot_id=preview.snapshot_id,
        candidate_hash=preview.candidate_hash,
        compared_with=preview.compared_with,
        against_hash=preview.against_hash,
        since=preview.since,
        until=preview.until,
        calls=report.calls,
        same=report.same,
        flips=flip_counts(report),
        unjudged=unjudged_count(report),
        report_hash=preview.report_hash,
    )
