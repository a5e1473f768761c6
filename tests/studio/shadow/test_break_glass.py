"""A shadow while something that stands by is activated: it goes on beside what is in force."""

from datetime import timedelta
from uuid import UUID

import pytest
from tests.studio.shadow.conftest import Watch
from tests.studio.traffic import CONTRACT, ORDER, Traffic, capped, pay

from placet.evidence.vote import VotePurpose
from placet.plans import service as plans
from placet.plans.model import ActivatePlan
from placet.studio.approvals import store as approvals

CALM = {"calls": 1, "agreed": 0, "disagreed": 1, "unjudged": 0, "left_out": 0}


class StandBy:
    """What stands by at the desk, put in force and out again as two operators would."""

    def __init__(self, traffic: Traffic, approval_id: UUID, compiled_hash: str) -> None:
        """Stand on an approval for break-glass."""
        self.traffic = traffic
        self.approval_id = approval_id
        self.compiled_hash = compiled_hash
        self.activation_id = traffic.story.ids.new()

    async def activate(self) -> None:
        """Let the plan name it for half an hour."""
        workspace = await self.traffic.workspace()
        async with self.traffic.db.writing(self.traffic.story.founder) as tx:
            head = await approvals.get_head(tx, self.approval_id)
            now = await tx.now()
            asked = ActivatePlan(
                agent=workspace.agent,
                environment=workspace.environment,
                activation_id=self.activation_id,
                artifact_id=head.artifact_id,
                compiled_hash=self.compiled_hash,
                approval_id=self.approval_id,
                activated_at=now,
                activated_until=now + timedelta(minutes=30),
            )
            await plans.activate_plan(tx, asked)

    async def end(self) -> None:
        """Let the plan name again what it named before."""
        workspace = await self.traffic.workspace()
        async with self.traffic.db.writing(self.traffic.story.founder) as tx:
            done = await plans.restore_plan(
                tx, workspace.agent, workspace.environment, self.activation_id
            )
        assert done is not None


@pytest.fixture
async def standby(traffic: Traffic) -> StandBy:
    story = traffic.story
    _, _, request = await story.asked(
        await traffic.workspace(), CONTRACT, purpose=VotePurpose.BREAK_GLASS
    )
    answer = await story.vote(request, traffic.signer)
    assert answer.approval_id is not None
    assert answer.compiled_hash is not None
    return StandBy(traffic, answer.approval_id, answer.compiled_hash)


async def test_an_activation_ends_no_shadow_and_what_runs_on_beneath_is_counted(
    watch: Watch, traffic: Traffic, standby: StandBy
) -> None:
    before = await traffic.refunds()
    shadow = await watch.start(capped(1000))
    await standby.activate()
    await pay(before, ORDER, 3000)
    during = await traffic.refunds(4000)
    assert (await during.read())["artifact_id"] != (await before.read())["artifact_id"]
    shown = await watch.follow(shadow)
    assert (shown["status"], shown["counts"]) == ("running", CALM)
    await standby.end()
    shown = await watch.follow(shadow)
    assert (shown["status"], shown["counts"]) == ("running", CALM)


async def test_a_shadow_that_starts_meanwhile_is_beside_what_is_in_force_beneath(
    watch: Watch, traffic: Traffic, standby: StandBy
) -> None:
    in_force = (await traffic.workspace()).active_approval_id
    await standby.activate()
    shadow = await watch.start(capped(1000))
    assert shadow.approval_id == in_force
    await standby.end()
    assert (await watch.follow(shadow))["status"] == "running"


async def test_what_ends_beneath_an_activation_ends_the_shadow_beside_it(
    watch: Watch, traffic: Traffic, standby: StandBy
) -> None:
    shadow = await watch.start(capped(1000))
    await standby.activate()
    await traffic.revoke()
    shown = await watch.follow(shadow)
    assert (shown["status"], shown["ended_why"]) == ("ended", "superseded")
