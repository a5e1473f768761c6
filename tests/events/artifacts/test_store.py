"""Artifacts: kept once, linked to events, and never handed on as something else."""

import hashlib
from urllib.parse import urlsplit

import asyncpg
import pytest
from tests.conftest import Server, Workplace, found
from tests.events.kept import Store

from placet.events.artifacts.model import (
    ARTIFACT_BYTES_MAX,
    ArtifactDamaged,
    ArtifactNameTaken,
    ArtifactTooLarge,
    Subject,
)
from placet.events.artifacts.store import (
    keep_artifact,
    link_artifact,
    list_links,
    read_artifact,
)
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.storage.database import Database

CONTENT = b"a picture of a refund\n"


async def subject(store: Store) -> Subject:
    stream = store.stream()
    await store.append(stream, store.steps(1))
    return Subject(stream_id=stream, seq=1)


async def test_an_artifact_is_read_by_the_hash_of_its_bytes(store: Store) -> None:
    async with store.db.writing(store.who) as tx:
        digest = await keep_artifact(tx, CONTENT)
        assert await keep_artifact(tx, CONTENT) == digest
        assert digest == hashlib.sha256(CONTENT).digest()
        assert await read_artifact(tx, digest) == CONTENT


async def test_the_same_artifact_may_belong_to_several_events_under_several_names(
    store: Store,
) -> None:
    one, other = await subject(store), await subject(store)
    async with store.db.writing(store.who) as tx:
        digest = await keep_artifact(tx, CONTENT)
        for event, name in ((one, "b"), (one, "a"), (other, "a")):
            link = await link_artifact(tx, digest, event, name=name, media_type="image/png")
            again = await link_artifact(tx, digest, event, name=name, media_type="image/png")
            assert again == link
        assert [link.name for link in await list_links(tx, one)] == ["a", "b"]
        assert [link.digest for link in await list_links(tx, other)] == [digest]


async def test_a_name_stands_for_one_artifact_of_an_event(store: Store) -> None:
    event = await subject(store)
    async with store.db.writing(store.who) as tx:
        first = await keep_artifact(tx, CONTENT)
        second = await keep_artifact(tx, b"another")
        await link_artifact(tx, first, event, name="a", media_type="text/plain")
        for digest, media in ((second, "text/plain"), (first, "text/html")):
            with pytest.raises(ArtifactNameTaken):
                await link_artifact(tx, digest, event, name="a", media_type=media)


async def test_links_lead_from_what_is_there_to_what_is_there(store: Store) -> None:
    event = await subject(store)
    nowhere = Subject(stream_id=event.stream_id, seq=2)
    async with store.db.writing(store.who) as tx:
        digest = await keep_artifact(tx, CONTENT)
        for target, subject_ in ((bytes(32), event), (digest, nowhere)):
            with pytest.raises(NotFound):
                await link_artifact(tx, target, subject_, name="a", media_type="text/plain")
        for name in ("", "x" * 201):
            with pytest.raises(ValueError, match="characters"):
                await link_artifact(tx, digest, event, name=name, media_type="text/plain")


async def test_what_is_too_large_is_not_kept(store: Store) -> None:
    async with store.db.writing(store.who) as tx:
        with pytest.raises(ArtifactTooLarge):
            await keep_artifact(tx, bytes(ARTIFACT_BYTES_MAX + 1))


async def test_another_tenants_artifact_is_not_there(store: Store) -> None:
    async with store.db.writing(store.who) as tx:
        digest = await keep_artifact(tx, CONTENT)
    stranger = (await found(store.db, store.ids)).founder
    async with store.db.writing(stranger) as tx:
        with pytest.raises(NotFound):
            await read_artifact(tx, digest)
        assert await keep_artifact(tx, CONTENT) == digest


async def test_bytes_that_were_changed_are_never_handed_on(
    server: Server, fresh_database_url: str, ids: Ids
) -> None:
    db = await Database.open(fresh_database_url)
    workplace: Workplace = await found(db, ids)
    async with db.writing(workplace.founder) as tx:
        digest = await keep_artifact(tx, CONTENT)
    admin = await asyncpg.connect(server.admin(urlsplit(fresh_database_url).path[1:]))
    await admin.execute("ALTER TABLE placet.event_artifact DISABLE TRIGGER ALL")
    await admin.execute("UPDATE placet.event_artifact SET content = $1", CONTENT + b"!")
    await admin.close()
    async with db.reading(workplace.founder) as tx:
        with pytest.raises(ArtifactDamaged):
            await read_artifact(tx, digest)
    await db.close()
