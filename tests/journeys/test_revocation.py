"""An approval is taken back while its agent is at work, all of it through the SDK."""

import io
from uuid import UUID

import pytest
from tests.journeys.conftest import ENFORCE, RefundDesk
from tests.studio.story import AGENT, Story

from placet.evidence.verify import verify_bundle
from placet.kernel.principal import Environment
from placet.plans.model import PlanStatus
from placet.replay.sessions.model import SessionStatus
from placet.replay.sessions.refusals import ArtifactRevoked, NoAuthority
from placet.sdk.govern import governed
from placet.sdk.studio.client import Studio
from placet.studio.endings.model import ApprovalStatus


async def test_a_revoked_approval_ends_the_session_of_an_agent_at_work_and_is_proved(
    desk: RefundDesk, story: Story
) -> None:
    paid: list[tuple[str, int]] = []
    approval_id: UUID | None = None

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> str:
        if order_id == "ord_2":
            answer = await studio.approvals.revoke(approval_id or UUID(int=0), "it pays too much")
            assert (answer.status, answer.sessions_open) == (ApprovalStatus.REVOKED, 1)
        paid.append((order_id, amount_cents))
        return "rf_1"

    async with Studio(desk.url, story.workplace.founder_key) as studio, desk.client() as client:
        approval_id = (await studio.plans.get(AGENT, Environment.STAGING)).approval_id
        async with client.session(mode=ENFORCE) as session:
            await issue_refund("ord_1", 100)
            await issue_refund("ord_2", 100)
            assert session.owed == 0
            with pytest.raises(ArtifactRevoked):
                await issue_refund("ord_3", 100)
            with pytest.raises(ArtifactRevoked):
                session.lease.check_open()
        assert paid == [("ord_1", 100), ("ord_2", 100)]
        plan = await studio.plans.get(AGENT, Environment.STAGING)
        assert (plan.status, plan.artifact_id) == (PlanStatus.READY, None)
        state = await client.state(session.session_id)
        assert state.status == SessionStatus.KILLED
        with pytest.raises(NoAuthority):
            async with client.session(mode=ENFORCE):
                pytest.fail("nothing is approved, and a session was opened")
        shown = await studio.approvals.get(approval_id or UUID(int=0))
        assert shown.ending is not None
        assert (shown.status, shown.ending.reason) == (ApprovalStatus.REVOKED, "it pays too much")
        bundle = await studio.door.get_bytes("/replay/bundle")
    report = verify_bundle(io.BytesIO(bundle))
    assert report.flaw is None
    assert report.calls >= 2
