"""What the service learns of the processes that run, without their doing anything for it."""

import asyncio

import pytest
from tests.journeys.conftest import Line, Network, RefundDesk, Serving, open_desk
from tests.journeys.test_sdk_away import HASTY
from tests.studio.story import AGENT, LOOKUP, Story

from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.plans.attachments import service as attachments
from placet.plans.attachments.model import AttachmentQuery, AttachmentStatus, AttachmentView
from placet.plans.inventory import store as inventory
from placet.plans.inventory.model import InventoryTool
from placet.replay.sessions.refusals import NoAuthority
from placet.sdk.govern import governed
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport

STAGING = Environment.STAGING
REPORTS = "attachments"


@governed
async def lookup_order(order_id: str) -> str:
    return f"order {order_id}"


async def instances(story: Story) -> list[AttachmentView]:
    asked = AttachmentQuery(agent=AGENT, environment=STAGING)
    async with story.db.reading(story.founder) as tx:
        return (await attachments.list_attachments(tx, asked, None)).items


async def tools(story: Story) -> list[InventoryTool]:
    async with story.db.reading(story.founder) as tx:
        return await inventory.list_inventory(tx, AGENT, STAGING)


def told(network: Network) -> asyncio.Event:
    """Return what is set once a report has been sent."""
    event = asyncio.Event()
    network.after[REPORTS] = event.set
    return event


async def test_a_session_shows_under_which_hash_its_process_runs_while_it_is_held(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    reported = told(network)
    async with desk.client(network, holder="desk:1") as client, client.session() as session:
        async with asyncio.timeout(60):
            await reported.wait()
        (one,) = await instances(story)
        assert (one.instance_id, one.status) == ("desk:1", AttachmentStatus.ATTACHED)
        assert one.compiled_hash == session.view.compiled_session_hash
        assert one.is_converged
        assert one.sdk_version.startswith("placet-python/")


async def test_the_tools_of_a_session_are_told_before_it_is_over(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    definition = {
        "type": "function",
        "function": {
            "name": "lookup_order",
            "description": "Look it up",
            "parameters": LOOKUP["input_schema"],
        },
    }
    async with desk.client(network) as client:
        async with client.session():
            await lookup_order("17")
        assert [(one.tool, one.schema_hash) for one in await tools(story)] == [
            ("lookup_order", None)
        ]
        client.offer([definition])
        async with client.session():
            await lookup_order("18")
    found = await tools(story)
    assert [one.tool for one in found] == ["lookup_order", "lookup_order"]
    assert {one.schema_hash is None for one in found} == {True, False}
    assert found[0].description_hash is not None
    (one,) = await instances(story)
    assert one.tool_count == 1


async def test_sessions_one_after_the_other_say_nothing_that_was_said(
    desk: RefundDesk, network: Network
) -> None:
    async with desk.client(network) as client:
        for order in ("1", "2", "3", "4"):
            async with client.session():
                await lookup_order(order)
        assert 1 <= network.count(REPORTS) <= 2
        said = network.count(REPORTS)
        async with client.session():
            client.offer([{"name": "lookup_order", "description": "Another text"}])
    assert network.count(REPORTS) == said + 1


async def test_a_process_without_a_plan_is_shown_as_such(
    service: Serving, network: Network, story: Story
) -> None:
    desk = await open_desk(service, story, STAGING, is_approved=False)
    async with desk.client(network) as client:
        with pytest.raises(NoAuthority):
            await client.session().__aenter__()
    (one,) = await instances(story)
    assert (one.status, one.reason) == (AttachmentStatus.NO_PLAN, "no_authority")
    assert one.is_converged


async def test_a_process_that_found_nobody_says_so_once_somebody_is_there(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    async with desk.client(network, patience=HASTY) as client:
        network.is_down = True
        with pytest.raises(GovernanceUnavailable):
            await client.session().__aenter__()
        assert await instances(story) == []
        network.is_down = False
    (one,) = await instances(story)
    assert (one.status, one.reason) == (AttachmentStatus.FETCH_FAILED, "governance_unavailable")
    assert not one.is_converged


async def test_a_schema_that_the_service_refuses_hides_no_tool(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    wide = {"type": "object", "properties": {"n": {"maximum": 2**63 - 1}}}
    async with desk.client(network) as client:
        client.offer([{"name": "wire_money", "description": "Wire it", "parameters": wide}])
        client.offer([{"name": "lookup_order", "parameters": LOOKUP["input_schema"]}])
        async with client.session():
            await lookup_order("17")
    found = {one.tool: one for one in await tools(story)}
    assert set(found) == {"lookup_order", "wire_money"}
    assert found["wire_money"].description_hash is not None


async def test_a_session_that_cannot_be_opened_says_nothing_of_one_that_is_held(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    async with desk.client(network) as client, client.session() as session:
        telling = client._means.telling  # noqa: SLF001 -- what a failed attach does
        telling.failed(GovernanceUnavailable(detail="nobody answered"))
        await telling.stop()
        (one,) = await instances(story)
        assert one.status is AttachmentStatus.ATTACHED
        assert one.compiled_hash == session.view.compiled_session_hash


async def test_a_definition_that_raises_is_left_out(desk: RefundDesk) -> None:
    class Broken:
        @property
        def name(self) -> str:
            raise RuntimeError

    async with desk.client() as client:
        client.offer([Broken()])


class DeafToReports(Line):
    """A line on which no report is ever answered."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send, and wait for ever with a report."""
        if request.path.endswith(REPORTS):
            await asyncio.Event().wait()
        return await super().send(request)


async def test_reports_that_are_never_answered_keep_nothing_from_being_done(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    line = DeafToReports(network, HttpxTransport(network.url))
    async with asyncio.timeout(60), desk.client(transport=line) as client:
        async with client.session():
            assert await lookup_order("17") == "order 17"
        async with client.session():
            assert await lookup_order("18") == "order 18"
    assert await instances(story) == []


async def test_a_schema_that_is_not_taken_does_not_hide_the_instance(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    async with desk.client(network) as client:
        client.offer([{"name": "odd", "input_schema": {"maximum": 2**60}}])
        reported = told(network)
        async with client.session():
            async with asyncio.timeout(60):
                await reported.wait()
    (one,) = await instances(story)
    assert (one.status, one.tool_count) == (AttachmentStatus.ATTACHED, 1)


async def test_a_client_that_is_told_to_keep_quiet_reports_nothing(
    desk: RefundDesk, network: Network, story: Story
) -> None:
    async with desk.client(network, reports=False) as client, client.session():
        await lookup_order("17")
    assert network.count(REPORTS) == 0
    assert await instances(story) == []
