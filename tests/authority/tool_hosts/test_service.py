"""Who may sign for a tool, and until when."""

from uuid import UUID

import msgspec
import pytest
from tests.conftest import Workplace
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import Story

from placet.authority.tool_hosts import service, store
from placet.authority.tool_hosts.model import (
    HostKeyFlaw,
    HostKeyRefused,
    RegisterToolHost,
    RevokeToolHost,
    ToolHostRegistered,
    ToolHostRevoked,
    ToolHostView,
)
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import NotFound
from placet.storage.database import Database, Writing

GONE = RevokeToolHost(reason="it moved")


def asked(key: SigningKey | None = None, *tools: str) -> RegisterToolHost:
    return RegisterToolHost(
        name="refunds",
        environment=Environment.STAGING,
        strength="verified",
        tools=list(tools) or ["issue_refund", "cancel_refund", "issue_refund"],
        public_key=(key or SigningKey.generate()).public.raw,
    )


async def register(
    db: Database, workplace: Workplace, ids: Ids, wanted: RegisterToolHost
) -> ToolHostView:
    async with db.writing(workplace.founder) as tx:
        return await service.register_host(tx, wanted, ids)


async def revoke(db: Database, workplace: Workplace, ids: Ids, host_id: UUID) -> ToolHostView:
    async with db.writing(workplace.founder) as tx:
        return await service.revoke_host(tx, host_id, GONE, ids)


async def told(db: Database, workplace: Workplace) -> list[tuple[str, bytes]]:
    stream = tenant_stream(workplace.tenant_id, StreamKind.AUTHORITY)
    async with db.reading(workplace.founder) as tx:
        events = await list_events(tx, stream, after=0, limit=200)
    return [(event.type, event.body or b"") for event in events if "ToolHost" in event.type]


async def test_a_host_is_registered_once_with_each_tool_once_and_the_stream_tells(
    db: Database, workplace: Workplace, ids: Ids
) -> None:
    key = SigningKey.generate()
    made = await register(db, workplace, ids, asked(key))
    assert made.tools == ["cancel_refund", "issue_refund"]
    assert (made.key_id, made.revoked_at) == (key.key_id, None)
    ((kind, body),) = await told(db, workplace)
    said = msgspec.json.decode(body, type=ToolHostRegistered)
    assert (kind, said.host_id, said.key_id) == ("ToolHostRegistered", made.host_id, made.key_id)
    assert (said.tools, said.public_key) == (made.tools, key.public.raw)


async def test_a_key_serves_one_registration_for_ever(
    db: Database, workplace: Workplace, ids: Ids
) -> None:
    key = SigningKey.generate()
    made = await register(db, workplace, ids, asked(key))
    await revoke(db, workplace, ids, made.host_id)
    with pytest.raises(HostKeyRefused) as refused:
        await register(db, workplace, ids, asked(key, "other_tool"))
    assert refused.value.reason is HostKeyFlaw.KEY_TAKEN
    assert len(await told(db, workplace)) == 2


async def test_neither_a_persons_key_nor_ours_nor_an_unsafe_one_is_a_hosts(story: Story) -> None:
    signer = await story.signer("ada")
    await story.workspace(signer)
    flaws = []
    for raw in (signer.key.public.raw, story.keys.grant.public.raw, b"\x01" + bytes(31)):
        wanted = msgspec.structs.replace(asked(), public_key=raw)
        with pytest.raises(HostKeyRefused) as refused:
            await register(story.db, story.workplace, story.ids, wanted)
        flaws.append(refused.value.reason)
    assert flaws == [HostKeyFlaw.KEY_TAKEN, HostKeyFlaw.KEY_TAKEN, HostKeyFlaw.KEY_UNSAFE]
    assert await told(story.db, story.workplace) == []


async def test_a_registration_ends_once_and_stays_to_be_read(
    db: Database, workplace: Workplace, ids: Ids
) -> None:
    made = await register(db, workplace, ids, asked())
    kept = await register(db, workplace, ids, asked())
    ended = await revoke(db, workplace, ids, made.host_id)
    assert await revoke(db, workplace, ids, made.host_id) == ended
    assert (ended.revoke_reason, ended.revoked_by) == (GONE.reason, workplace.founder.actor_id)
    said = [body for kind, body in await told(db, workplace) if kind == "ToolHostRevoked"]
    assert [msgspec.json.decode(body, type=ToolHostRevoked).key_id for body in said] == [
        made.key_id
    ]
    async with db.reading(workplace.founder) as tx:
        live = await store.list_live_hosts(tx, Environment.STAGING)
        assert await store.list_live_hosts(tx, Environment.PRODUCTION) == []
        everything = await store.list_hosts(tx, before=None, limit=10)
    assert [host.host_id for host in live] == [kept.host_id]
    assert [host.host_id for host in everything] == [kept.host_id, made.host_id]


async def test_another_tenants_host_is_not_found(
    db: Database, workplace: Workplace, ids: Ids, other: Story
) -> None:
    made = await register(db, workplace, ids, asked())
    with pytest.raises(NotFound):
        await revoke(db, other.workplace, ids, made.host_id)


async def test_of_two_who_register_one_key_at_once_one_is_refused(
    story: Story, db: Database, ids: Ids
) -> None:
    wanted = asked()

    async def work(tx: Writing) -> object:
        return await service.register_host(tx, wanted, ids)

    side = Side(story.founder, work)
    first, second = await overtake(db, side, side)
    assert isinstance(first, ToolHostView)
    assert isinstance(second, HostKeyRefused)
    assert len(await told(db, story.workplace)) == 1
