"""The plan that is waited for, over HTTP: who is woken by what, and who is not kept."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.patient import Patient
from tests.plans.test_routes import PLAN, fetch
from tests.server.conftest import started
from tests.studio.story import AGENT, Story

from placet.kernel.principal import Environment
from placet.plans.lookups import service as lookups
from placet.plans.lookups.service import PlanWaits
from placet.sdk.client import Client
from placet.server.app import create_app
from placet.server.run import Service, config_for, listen
from placet.settings import Settings
from placet.tenancy import service as tenancy
from placet.tenancy.model import ApiKeyId
from placet.tenancy.rules import parse_key

SECONDS_MAX = 25.0


@pytest.fixture
async def node(database_url: str, tmp_path: Path) -> AsyncIterator[Litestar]:
    """Another process of the service, as far as the database can tell."""
    async with started(create_app(Settings(data_dir=tmp_path), database_url)) as made:
        yield made


@pytest.fixture
async def there(node: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = Patient(node)
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as made:
        yield made


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody look again by themselves, so that only what is heard can wake them."""
    monkeypatch.setattr(lookups, "LOOK_AGAIN_SECONDS", 60.0)


@pytest.fixture
async def agent_key(story: Story) -> str:
    _, text = await story.workplace.agent(AGENT, Environment.STAGING)
    return text


async def waiting(app: Litestar, count: int = 1) -> None:
    """Return once so many wait."""
    async with asyncio.timeout(SECONDS_MAX):
        for _ in itertools.count():
            if len(app.state[PlanWaits.__name__]) == count:
                return
            await asyncio.sleep(0)


async def test_a_change_made_through_one_node_wakes_who_waits_on_another(
    there: httpx.AsyncClient, node: Litestar, story: Story, agent_key: str
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    tag = (await fetch(there, agent_key)).headers["ETag"]
    _, _, request = await story.asked(workspace)
    asked = asyncio.create_task(fetch(there, agent_key, tag, wait="30"))
    await waiting(node)
    assert not asked.done()
    await story.vote(request, signer)
    async with asyncio.timeout(SECONDS_MAX):
        answer = await asked
    assert (answer.status_code, answer.json()["status"]) == (200, "APPROVED")
    assert answer.headers["ETag"] != tag
    await waiting(node, 0)


async def test_nothing_changes_and_the_wait_ends_with_304(
    client: httpx.AsyncClient, story: Story, agent_key: str
) -> None:
    await story.workspace(await story.signer())
    tag = (await fetch(client, agent_key)).headers["ETag"]
    begun = asyncio.get_running_loop().time()
    answer = await fetch(client, agent_key, tag, wait="1")
    assert asyncio.get_running_loop().time() - begun >= 1
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize("tag", [None, '"of another plan"'])
async def test_who_does_not_know_the_plan_is_not_kept_waiting(
    client: httpx.AsyncClient, story: Story, agent_key: str, tag: str | None
) -> None:
    await story.workspace(await story.signer())
    async with asyncio.timeout(SECONDS_MAX):
        answer = await fetch(client, agent_key, tag, wait="30")
    assert answer.status_code == 200


async def test_forty_who_wait_hold_no_connection(
    there: httpx.AsyncClient, node: Litestar, story: Story, agent_key: str
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    tag = (await fetch(there, agent_key)).headers["ETag"]
    _, _, request = await story.asked(workspace)
    asked = [asyncio.create_task(fetch(there, agent_key, tag, wait="30")) for _ in range(40)]
    await waiting(node, 40)
    key = {"Authorization": f"Bearer {story.workplace.founder_key}"}
    others = await asyncio.gather(
        *(there.get("/api/v1/studio/workspaces", headers=key) for _ in range(8))
    )
    assert {answer.status_code for answer in others} == {200}
    await story.vote(request, signer)
    async with asyncio.timeout(SECONDS_MAX):
        answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {200}


async def test_beyond_the_bound_nobody_waits(
    there: httpx.AsyncClient,
    node: Litestar,
    story: Story,
    agent_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "WAITS_MAX", 1)
    await story.workspace(await story.signer())
    tag = (await fetch(there, agent_key)).headers["ETag"]
    first = asyncio.create_task(fetch(there, agent_key, tag, wait="30"))
    await waiting(node)
    async with asyncio.timeout(SECONDS_MAX):
        assert (await fetch(there, agent_key, tag, wait="30")).status_code == 304
    assert not first.done()
    node.state[PlanWaits.__name__].end()
    async with asyncio.timeout(SECONDS_MAX):
        assert (await first).status_code == 304


async def test_a_key_that_is_revoked_meanwhile_is_told_nothing(
    client: httpx.AsyncClient,
    app: Litestar,
    story: Story,
    agent_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookups, "LOOK_AGAIN_SECONDS", 0.05)
    await story.workspace(await story.signer())
    tag = (await fetch(client, agent_key)).headers["ETag"]
    asked = asyncio.create_task(fetch(client, agent_key, tag, wait="30"))
    await waiting(app)
    parsed = parse_key(agent_key)
    assert parsed is not None
    async with story.db.writing(story.founder) as tx:
        await tenancy.revoke_key(tx, ApiKeyId(parsed.key_id), story.ids)
    async with asyncio.timeout(SECONDS_MAX):
        answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_lost_connection_is_opened_again_and_heard_on(
    there: httpx.AsyncClient,
    node: Litestar,
    server: Server,
    story: Story,
    agent_key: str,
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    tag = (await fetch(there, agent_key)).headers["ETag"]
    _, _, request = await story.asked(workspace)
    waits: PlanWaits = node.state[PlanWaits.__name__]
    with waits.waiting(workspace.workspace_id) as woken:
        assert woken is not None
        woken.clear()
        await server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN %placet_plan%'"
        )
        async with asyncio.timeout(SECONDS_MAX):
            await woken.wait()
    asked = asyncio.create_task(fetch(there, agent_key, tag, wait="30"))
    await waiting(node)
    await story.vote(request, signer)
    async with asyncio.timeout(SECONDS_MAX):
        assert (await asked).status_code == 200


async def test_who_goes_away_does_not_go_on_waiting_and_a_stop_answers_the_others(
    database_url: str, tmp_path: Path, story: Story, agent_key: str
) -> None:
    await story.workspace(await story.signer())
    app = create_app(Settings(data_dir=tmp_path), database_url)
    listener = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    service = Service(config_for(app), app, ready.set)
    running = asyncio.create_task(service.serve(sockets=[listener]))
    with closing(listener):
        async with asyncio.timeout(SECONDS_MAX):
            await ready.wait()
        host, port = listener.getsockname()
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=60) as client:
            tag = (await fetch(client, agent_key)).headers["ETag"]
            _, writer = await asyncio.open_connection(host, port)
            query = f"agent={AGENT}&environment=staging&wait=30"
            head = f"GET {PLAN}?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {agent_key}"
            writer.write(f"{head}\r\nIf-None-Match: {tag}\r\n\r\n".encode())
            await waiting(app)
            writer.close()
            await waiting(app, 0)
            asked = asyncio.create_task(fetch(client, agent_key, tag, wait="30"))
            await waiting(app)
            service.should_exit = True
            assert (await asked).status_code == 304
            await running


async def test_the_client_waits_for_a_plan_that_it_knows_and_not_for_the_first(
    database_url: str, tmp_path: Path, story: Story, agent_key: str
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, _, request = await story.asked(workspace)
    app = create_app(Settings(data_dir=tmp_path), database_url)
    with closing(listen("127.0.0.1", 0)) as listener:
        ready = asyncio.Event()
        service = Service(config_for(app), app, ready.set)
        running = asyncio.create_task(service.serve(sockets=[listener]))
        async with asyncio.timeout(SECONDS_MAX):
            await ready.wait()
        host, port = listener.getsockname()
        async with Client(f"http://{host}:{port}", agent_key) as client:
            async with asyncio.timeout(SECONDS_MAX):
                first = await client.plan(AGENT, "staging", wait_seconds=30)
            waited = asyncio.create_task(client.plan(AGENT, "staging", wait_seconds=30))
            await waiting(app)
            await story.vote(request, signer)
            async with asyncio.timeout(SECONDS_MAX):
                second = await waited
        service.should_exit = True
        await running
    assert (first.plan.status, second.plan.status) == ("LEARNING", "APPROVED")
