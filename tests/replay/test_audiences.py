"""A grant names the host that runs its tool, as of the moment at which it is given."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from litestar import Litestar
from tests.conftest import found
from tests.replay.test_levels import CONTRACT, STAGING, Shop, WatchedDesk, grant_of

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.storage.database import Database


@pytest.fixture
async def shop(app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids) -> Shop:
    """A session of a tenant without any host."""
    desk = WatchedDesk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__], CONTRACT, STAGING)
    return Shop(desk, await desk.worker(), STAGING)


async def audience(shop: Shop, name: str = "pay") -> str | None:
    """Return for whom a grant is that is given now."""
    return grant_of(await shop.call(name)).audience


@contextmanager
def counting(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Count the reads that looked for hosts."""
    reads: list[int] = []
    reading = runtime.db.reading

    def counted(*given: object) -> object:
        reads.append(1)
        return reading(*given)  # type: ignore[arg-type]  # -- passed on as it came

    with monkeypatch.context() as patched:
        patched.setattr(runtime.db, "reading", counted)
        yield reads


async def test_a_grant_is_for_the_one_host_that_runs_its_tool_at_that_moment(shop: Shop) -> None:
    assert await audience(shop) is None
    _, first = await shop.register(tools=["pay", "note"])
    assert (await audience(shop), await audience(shop, "note")) == (first, first)
    assert await audience(shop, "say") is None
    await shop.revoke(first)
    assert await audience(shop) is None


async def test_a_host_that_is_registered_again_is_named_as_before_until_that_is_ended(
    shop: Shop,
) -> None:
    _, first = await shop.register()
    _, second = await shop.register()
    assert await audience(shop) == first
    await shop.revoke(first)
    assert await audience(shop) == second


async def test_a_tool_that_two_hosts_run_is_for_neither_alone(shop: Shop) -> None:
    await shop.register(tools=["pay", "note"])
    _, other = await shop.register(tools=["note", "guess"], name="another")
    assert await audience(shop, "note") is None
    assert await audience(shop, "guess") == other
    await shop.register(environment="production", tools=["say"], name="elsewhere")
    assert await audience(shop, "say") is None


async def test_who_runs_a_tool_is_looked_up_once_until_a_host_comes_or_goes(
    shop: Shop, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = app.state[Runtime.__name__]
    with counting(runtime, monkeypatch) as reads:
        await shop.call("pay")
        assert reads == []
    await shop.register()
    with counting(runtime, monkeypatch) as reads:
        for _ in range(3):
            await shop.call("note")
        assert reads == [1]
