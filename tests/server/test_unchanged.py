"""The short way answers as the framework does, and only what it may."""

import httpx
import pytest
from litestar import Litestar
from litestar.types import HTTPScope, Receive, Scope, Send
from tests.conftest import Workplace, found
from tests.studio.story import AGENT, Story

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import GovernanceUnavailable
from placet.plans.lookups.rules import tag_of
from placet.plans.lookups.service import PlanLooks
from placet.plans.lookups.store import get_stamp
from placet.server.unchanged import PATH, Unchanged
from placet.storage.database import Database
from placet.tenancy import service as tenancy
from placet.tenancy.model import ApiKeyId
from placet.tenancy.rules import parse_key

QUERY = f"agent={AGENT}&environment=staging"


@pytest.fixture
async def server_keys(db: Database) -> ServerKeys:
    keys = ServerKeys.generate()
    await keys.register(db)
    return keys


@pytest.fixture
def story(db: Database, ids: Ids, workplace: Workplace, server_keys: ServerKeys) -> Story:
    return Story(db, ids, workplace, server_keys)


class Framework:
    """Stands where the framework does, and counts what is left to it."""

    def __init__(self) -> None:
        """Count from none."""
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request and answer nothing."""
        del scope, receive, send
        self.asked += 1


class Way:
    """The short way before a framework that only counts."""

    def __init__(self, db: Database) -> None:
        """Stand on the real database."""
        self.framework = Framework()
        self.unchanged = Unchanged(self.framework, {PlanLooks.__name__: PlanLooks(db.hot)})

    async def takes(
        self,
        *headers: tuple[bytes, bytes],
        query: str = QUERY,
        method: str = "GET",
        path: str = PATH,
    ) -> bool:
        """Tell whether a request is answered here, and not left to the framework."""
        before = self.framework.asked
        sent: list[int] = []
        scope: HTTPScope = {  # type: ignore[typeddict-item]  # what a server gives, as far as it is read
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": list(headers),
        }

        async def send(message: object) -> None:
            assert isinstance(message, dict)
            sent.append(message.get("status", 0))

        await self.unchanged(scope, None, send)  # type: ignore[arg-type]  # no body is asked for
        assert (sent == [304, 0]) is (self.framework.asked == before)
        return sent == [304, 0]


async def ask(client: httpx.AsyncClient, api_key: str, tag: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {api_key}", "X-Request-ID": "same"}
    if tag is not None:
        headers["If-None-Match"] = tag
    return await client.get(f"{PATH}?{QUERY}", headers=headers)


async def test_both_ways_answer_304_with_the_same_headers(
    client: httpx.AsyncClient, story: Story
) -> None:
    await story.workspace(await story.signer())
    _, key = await story.workplace.agent(AGENT, Environment.STAGING)
    tag = (await ask(client, key)).headers["ETag"]
    short, long = await ask(client, key, tag), await ask(client, key, f'"other", {tag}')
    assert (short.status_code, long.status_code) == (304, 304)
    assert sorted(short.headers.multi_items()) == sorted(long.headers.multi_items())
    assert short.content == long.content == b""


async def test_only_a_tag_that_stands_is_answered_here(db: Database, story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, text = await story.workplace.agent(AGENT, Environment.STAGING)
    key = (b"authorization", f"Bearer {text}".encode())
    tag = (b"if-none-match", await _tag(db, story))
    way = Way(db)
    assert await way.takes(key, tag)
    assert not await way.takes(key)
    assert not await way.takes(key, (b"if-none-match", b'"' + b"0" * 64 + b'"'))
    assert not await way.takes(key, tag, tag)
    assert not await way.takes(key, tag, query=f"{QUERY}&wait=30")
    assert not await way.takes(key, tag, query=f"{QUERY}&more=1")
    assert not await way.takes(key, tag, method="POST")
    assert not await way.takes(key, tag, path=f"{PATH}/x")
    _, _, request = await story.asked(workspace)
    await story.vote(request, signer)
    assert not await way.takes(key, tag)


async def test_no_key_but_a_live_one_of_this_agent_is_answered_here(
    db: Database, ids: Ids, story: Story
) -> None:
    await story.workspace(await story.signer())
    tag = (b"if-none-match", await _tag(db, story))
    principal, text = await story.workplace.agent(AGENT, Environment.STAGING)
    _, elsewhere = await story.workplace.agent("elsewhere", Environment.STAGING)
    other = await found(db, ids)
    way = Way(db)
    good = (b"authorization", f"Bearer {text}".encode())
    assert await way.takes(good, tag)
    for header in (
        b"",
        text.encode(),
        f"Basic {text}".encode(),
        f"Bearer {text[:-1]}!".encode(),
        f"Bearer {elsewhere}".encode(),
        f"Bearer {other.founder_key}".encode(),
    ):
        assert not await way.takes((b"authorization", header), tag)
    assert not await way.takes(tag)
    assert not await way.takes(good, good, tag)
    parsed = parse_key(text)
    assert parsed is not None
    async with db.writing(story.founder) as tx:
        await tenancy.revoke_key(tx, ApiKeyId(parsed.key_id), ids)
    assert not await way.takes(good, tag)
    assert principal.agent == AGENT


async def test_a_database_that_is_away_is_left_to_the_framework_to_tell(
    db: Database, story: Story, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    del app
    await story.workspace(await story.signer())
    tag = (b"if-none-match", await _tag(db, story))
    key = (b"authorization", f"Bearer {story.workplace.founder_key}".encode())
    way = Way(db)

    async def away(*_: object, **__: object) -> None:
        raise GovernanceUnavailable(detail="away")

    monkeypatch.setattr(db.hot, "rows", away)
    assert not await way.takes(key, tag)


async def _tag(db: Database, story: Story) -> bytes:
    async with db.reading(story.founder) as tx:
        return tag_of(await get_stamp(tx, AGENT, Environment.STAGING)).encode()
