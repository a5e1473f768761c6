"""When a shadow is over, and what its counts come to."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.replay.calls.model import Verdict
from placet.studio.drafts.model import DraftStatus
from placet.studio.impact.model import Example, Judgment
from placet.studio.shadow import rules
from placet.studio.shadow.model import (
    OTHER_TOOLS,
    TOOLS_MAX,
    Shadow,
    ShadowEnd,
    ShadowId,
    ShadowStatus,
    ShadowTally,
)
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import WorkspaceId

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
SHADOW = Shadow(
    tenant_id=TenantId(ONE),
    shadow_id=ShadowId(ONE),
    workspace_id=WorkspaceId(ONE),
    snapshot_id=SnapshotId(ONE),
    agent="desk",
    environment=Environment.STAGING,
    candidate_hash="",
    approval_id=TWO,
    artifact_id=ONE,
    artifact_hash="",
    status=ShadowStatus.RUNNING,
    ended_why=None,
    started_by=ActorId(ONE),
    started_at=NOW,
    ends_at=NOW + timedelta(days=1),
    ended_at=None,
    left_out=0,
)


@pytest.mark.parametrize(
    ("status", "in_force", "approved", "later", "why"),
    [
        (DraftStatus.OPEN, TWO, None, 0, None),
        (DraftStatus.OPEN, TWO, None, 1, ShadowEnd.RAN_OUT),
        (DraftStatus.OPEN, TWO, None, 0, ShadowEnd.ABANDONED),
        (DraftStatus.ABANDONED, TWO, None, 0, ShadowEnd.ABANDONED),
        (DraftStatus.SUPERSEDED, TWO, None, 0, ShadowEnd.SUPERSEDED),
        (DraftStatus.APPROVED, THREE, ONE, 0, ShadowEnd.APPROVED),
        (DraftStatus.APPROVED, THREE, TWO, 0, ShadowEnd.SUPERSEDED),
        (DraftStatus.OPEN, None, None, 0, ShadowEnd.SUPERSEDED),
    ],
)
def test_a_shadow_is_over_when_its_draft_or_what_is_in_force_has_moved_on(
    status: DraftStatus,
    in_force: UUID | None,
    approved: UUID | None,
    later: int,
    why: ShadowEnd | None,
) -> None:
    is_archived = why is ShadowEnd.ABANDONED and status is DraftStatus.OPEN
    found = rules.decide_end(
        SHADOW,
        is_archived=is_archived,
        draft_status=status,
        in_force=in_force,
        approved_snapshot=approved,
        now=NOW + timedelta(days=later),
    )
    assert found is why


def tally(tool: str, before: Verdict, after: Verdict, calls: int, **more: bool) -> ShadowTally:
    judgment = Judgment(verdict=before, layer=None, reasons=[])
    example = Example(
        session_id=ONE,
        step=1,
        call_id=ONE,
        tool=tool,
        at=NOW,
        arguments=None,
        arguments_hash="",
        before=judgment,
        after=judgment,
    )
    return ShadowTally(
        tenant_id=TenantId(ONE),
        shadow_id=ShadowId(ONE),
        tool=tool,
        before=before,
        after=after,
        unjudged=more.get("unjudged", False),
        calls=calls,
        example=example,
    )


def test_counts_add_up_and_what_disagrees_stands_first() -> None:
    tallies = [
        tally("a", Verdict.ALLOW, Verdict.ALLOW, 90),
        tally("b", Verdict.ALLOW, Verdict.DENY, 2),
        tally("c", Verdict.DENY, Verdict.DENY, 1, unjudged=True),
        tally("d", Verdict.DENY, Verdict.ASK, 5),
    ]
    counts = rules.counts_of(tallies, left_out=4)
    assert (counts.calls, counts.agreed, counts.disagreed) == (98, 90, 7)
    assert (counts.unjudged, counts.left_out) == (1, 4)
    assert [one.tool for one in rules.ranked(tallies)] == ["d", "b", "a", "c"]


def test_tools_beyond_the_bound_are_counted_together() -> None:
    known = {f"tool_{number}" for number in range(TOOLS_MAX)}
    assert rules.named("tool_1", known) == "tool_1"
    assert rules.named("another", known) == OTHER_TOOLS
    assert len(known) == TOOLS_MAX
