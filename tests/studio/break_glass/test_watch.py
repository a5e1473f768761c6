"""What the clock makes of activations, and the worker that writes it down once."""

from datetime import timedelta
from uuid import UUID

import pytest
from tests.studio.break_glass.passing import Pass
from tests.studio.break_glass.scene import Scene

from placet.plans.model import PlanStatus
from placet.replay.sessions.policies import acting_for
from placet.storage.work import END_ACTIVATION, WorkDue
from placet.studio.break_glass import watch
from placet.studio.break_glass.model import (
    ActivationEnd,
    ActivationFlaw,
    ActivationStatus,
    BreakGlassRefused,
)
from placet.studio.endings import service as endings
from placet.studio.endings.model import RevokeApproval


async def look(scene: Scene, activation_id: UUID) -> None:
    """Let a worker look at an activation."""
    tenant = scene.workspace.tenant_id
    async with scene.story.db.writing(acting_for(tenant)) as tx:
        due = WorkDue(
            tenant_id=tenant, kind=END_ACTIVATION, ref=activation_id, due_at=await tx.now()
        )
        await watch.watch_activation(tx, due, scene.story.ids)


async def test_it_lapses_when_nobody_confirms_it_in_time(scene: Scene, let: Pass) -> None:
    opened = await scene.open(scene.ada)
    await let(opened.activation_id, timedelta(minutes=15) - timedelta(seconds=30))
    assert (await scene.show(opened.activation_id)).status is ActivationStatus.OPEN
    await let(opened.activation_id, timedelta(seconds=30))
    shown = await scene.show(opened.activation_id)
    assert (shown.status, shown.ended_at) == (ActivationStatus.LAPSED, shown.lapses_at)
    with pytest.raises(BreakGlassRefused) as refused:
        await scene.confirm(opened, scene.bob)
    assert [reason.code for reason in refused.value.reasons] == [ActivationFlaw.NOT_OPEN]
    assert (await scene.plan()).status is PlanStatus.LEARNING


async def test_it_is_over_at_its_end_whether_or_not_anybody_wrote_it_down(
    scene: Scene, let: Pass
) -> None:
    active = await scene.activated(minutes=60)
    await let(active.activation_id, timedelta(minutes=60) - timedelta(seconds=30))
    assert (await scene.plan()).status is PlanStatus.APPROVED
    await let(active.activation_id, timedelta(seconds=30))
    assert (await scene.plan()).status is PlanStatus.LEARNING
    shown = await scene.show(active.activation_id)
    assert (shown.status, shown.end_why) == (ActivationStatus.ENDED, ActivationEnd.RAN_OUT)
    assert shown.ended_at == shown.ends_at


async def test_one_that_ran_out_is_not_ended_again(scene: Scene, let: Pass) -> None:
    active = await scene.activated(minutes=1)
    await let(active.activation_id, timedelta(minutes=1))
    ended = await scene.end(active.activation_id, scene.ada)
    assert ended.end_why is ActivationEnd.RAN_OUT
    assert "BreakGlassEnded" not in await scene.told()


async def test_the_pair_may_again_after_a_day_and_not_before(scene: Scene, let: Pass) -> None:
    active = await scene.activated(minutes=1)
    await let(active.activation_id, timedelta(hours=24) - timedelta(seconds=30))
    opened = await scene.open(scene.bob)
    with pytest.raises(BreakGlassRefused) as refused:
        await scene.confirm(opened, scene.ada)
    assert [reason.code for reason in refused.value.reasons] == [ActivationFlaw.PAIR_RESTS]
    await let(active.activation_id, timedelta(seconds=30))
    assert (await scene.confirm(opened, scene.ada)).status is ActivationStatus.ACTIVE


async def test_a_worker_tells_once_that_it_lapsed(scene: Scene, let: Pass) -> None:
    opened = await scene.open(scene.ada)
    await look(scene, opened.activation_id)
    assert "BreakGlassEnded" not in await scene.told()
    await let(opened.activation_id, timedelta(minutes=15))
    await look(scene, opened.activation_id)
    await look(scene, opened.activation_id)
    assert (await scene.told()).count("BreakGlassEnded") == 1


async def test_each_activation_comes_before_a_worker_when_it_is_due(
    scene: Scene, let: Pass
) -> None:
    db, ids = scene.story.db, scene.story.ids
    lapsing = await scene.open(scene.cy)
    active = await scene.activated(minutes=30)
    await watch.watch_activations(db, ids)
    assert "BreakGlassEnded" not in await scene.told()
    for each in (lapsing, active):
        await let(each.activation_id, timedelta(minutes=15))
        await watch.watch_activations(db, ids)
    assert (await scene.told()).count("BreakGlassEnded") == 1
    await let(active.activation_id, timedelta(minutes=15))
    await watch.watch_activations(db, ids)
    assert (await scene.told()).count("BreakGlassEnded") == 2


async def test_a_worker_tells_once_that_it_ran_out(scene: Scene, let: Pass) -> None:
    active = await scene.activated()
    await look(scene, active.activation_id)
    assert "BreakGlassEnded" not in await scene.told()
    await let(active.activation_id, timedelta(minutes=30))
    before = await scene.show(active.activation_id)
    await look(scene, active.activation_id)
    await look(scene, active.activation_id)
    assert (await scene.told()).count("BreakGlassEnded") == 1
    assert await scene.show(active.activation_id) == before


async def test_a_worker_tells_that_it_ended_with_its_approval(scene: Scene) -> None:
    active = await scene.activated()
    async with scene.story.db.writing(scene.story.founder) as tx:
        await endings.revoke_approval(
            tx,
            scene.standby.approval_id,
            RevokeApproval(reason="no more"),
            scene.story.ids,
            is_operator=True,
        )
    await look(scene, active.activation_id)
    assert (await scene.told())[-2:] == ["PlanRestored", "BreakGlassEnded"]
    assert (await scene.show(active.activation_id)).end_why is ActivationEnd.REVOKED
