"""Who may say for whom an agent acts, and until when."""

from uuid import UUID

import msgspec
import pytest
from tests.conftest import Workplace
from tests.studio.story import Story

from placet.authority.issuers import service
from placet.authority.issuers.model import (
    IssuerKeyFlaw,
    IssuerKeyRefused,
    IssuerRegistered,
    IssuerRevoked,
    IssuerView,
    RegisterIssuer,
    RevokeIssuer,
)
from placet.authority.tool_hosts import service as tool_hosts
from placet.authority.tool_hosts.model import RegisterToolHost
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import NotFound
from placet.storage.database import Database

GONE = RevokeIssuer(reason="it moved")


def asked(key: SigningKey | None = None) -> RegisterIssuer:
    return RegisterIssuer(
        name="the front door",
        agent="refund-desk",
        environment=Environment.STAGING,
        public_key=(key or SigningKey.generate()).public.raw,
    )


async def register(
    db: Database, workplace: Workplace, ids: Ids, wanted: RegisterIssuer
) -> IssuerView:
    async with db.writing(workplace.founder) as tx:
        return await service.register_issuer(tx, wanted, ids)


async def revoke(db: Database, workplace: Workplace, ids: Ids, issuer_id: UUID) -> IssuerView:
    async with db.writing(workplace.founder) as tx:
        return await service.revoke_issuer(tx, issuer_id, GONE, ids)


async def told(db: Database, workplace: Workplace) -> list[tuple[str, bytes]]:
    stream = tenant_stream(workplace.tenant_id, StreamKind.AUTHORITY)
    async with db.reading(workplace.founder) as tx:
        events = await list_events(tx, stream, after=0, limit=200)
    return [(event.type, event.body or b"") for event in events if "Issuer" in event.type]


async def test_an_issuer_is_registered_for_one_agent_and_the_stream_tells(
    db: Database, workplace: Workplace, ids: Ids
) -> None:
    key = SigningKey.generate()
    made = await register(db, workplace, ids, asked(key))
    assert (made.key_id, made.agent, made.revoked_at) == (key.key_id, "refund-desk", None)
    ((kind, body),) = await told(db, workplace)
    said = msgspec.json.decode(body, type=IssuerRegistered)
    assert (kind, said.issuer_id, said.agent) == ("IssuerRegistered", made.issuer_id, made.agent)
    assert (said.environment, said.public_key) == (made.environment, key.public.raw)


async def test_a_key_serves_one_registration_for_ever(
    db: Database, workplace: Workplace, ids: Ids
) -> None:
    key = SigningKey.generate()
    made = await register(db, workplace, ids, asked(key))
    await revoke(db, workplace, ids, made.issuer_id)
    with pytest.raises(IssuerKeyRefused) as refused:
        await register(db, workplace, ids, asked(key))
    assert refused.value.reason is IssuerKeyFlaw.KEY_TAKEN
    assert len(await told(db, workplace)) == 2


async def test_no_key_that_signs_something_else_is_an_issuers(story: Story) -> None:
    signer = await story.signer("ada")
    await story.workspace(signer)
    host = SigningKey.generate().public.raw
    async with story.db.writing(story.founder) as tx:
        wanted = RegisterToolHost(
            name="h",
            environment=Environment.STAGING,
            strength="verified",
            tools=["pay"],
            public_key=host,
        )
        await tool_hosts.register_host(tx, wanted, story.ids)
    flaws = []
    for raw in (signer.key.public.raw, story.keys.grant.public.raw, host, b"\x01" + bytes(31)):
        unfit = msgspec.structs.replace(asked(), public_key=raw)
        with pytest.raises(IssuerKeyRefused) as refused:
            await register(story.db, story.workplace, story.ids, unfit)
        flaws.append(refused.value.reason)
    assert flaws == [*[IssuerKeyFlaw.KEY_TAKEN] * 3, IssuerKeyFlaw.KEY_UNSAFE]
    assert await told(story.db, story.workplace) == []


async def test_a_registration_ends_once_and_stays_to_be_read(
    db: Database, workplace: Workplace, ids: Ids
) -> None:
    made = await register(db, workplace, ids, asked())
    ended = await revoke(db, workplace, ids, made.issuer_id)
    assert await revoke(db, workplace, ids, made.issuer_id) == ended
    assert (ended.revoke_reason, ended.revoked_by) == (GONE.reason, workplace.founder.actor_id)
    said = [body for kind, body in await told(db, workplace) if kind == "IssuerRevoked"]
    assert [msgspec.json.decode(one, type=IssuerRevoked).key_id for one in said] == [made.key_id]
    with pytest.raises(NotFound):
        await revoke(db, workplace, ids, ids.new())
