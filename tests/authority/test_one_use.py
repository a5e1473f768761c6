"""A public key has one use in a tenant, whichever of its uses came first."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import Story

from placet.authority import service
from placet.authority.issuers import service as issuers
from placet.authority.issuers.model import IssuerKeyRefused, RegisterIssuer
from placet.authority.model import EnrolKey, EnrolmentFlaw, EnrolmentRefused, ProofWanted
from placet.authority.tool_hosts import service as tool_hosts
from placet.authority.tool_hosts.model import HostKeyRefused, RegisterToolHost
from placet.evidence import vote
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal
from placet.storage.database import Writing

WANTED = ProofWanted(challenge=b"\x05" * 32)


async def enrol(story: Story, key: SigningKey, tx: Writing) -> object:
    who = story.founder
    proof = vote.sign_proof(who.tenant_id, who.actor_id, WANTED.challenge, key)
    asked = EnrolKey(actor_id=who.actor_id, public_key=key.public.raw, proof=encode_envelope(proof))
    return await service.enrol_first_key(tx, asked, WANTED, story.ids)


async def host(story: Story, key: SigningKey, tx: Writing) -> object:
    asked = RegisterToolHost(
        name="refunds",
        environment=Environment.STAGING,
        strength="verified",
        tools=["pay"],
        public_key=key.public.raw,
    )
    return await tool_hosts.register_host(tx, asked, story.ids)


async def issue(story: Story, key: SigningKey, tx: Writing) -> object:
    asked = RegisterIssuer(
        name="the front door",
        agent="refund-desk",
        environment=Environment.STAGING,
        public_key=key.public.raw,
    )
    return await issuers.register_issuer(tx, asked, story.ids)


Use = Callable[[Story, SigningKey, Writing], Awaitable[object]]
REFUSED: Final[Mapping[Use, type[Refusal]]] = MappingProxyType(
    {enrol: EnrolmentRefused, host: HostKeyRefused, issue: IssuerKeyRefused}
)
PAIRS: Final = [(one, other) for one in REFUSED for other in REFUSED if one is not other]


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_a_key_of_one_use_is_refused_for_every_other(
    story: Story, first: Use, second: Use
) -> None:
    key = SigningKey.generate()
    async with story.db.writing(story.founder) as tx:
        await first(story, key, tx)
    async with story.db.writing(story.founder) as tx:
        with pytest.raises(REFUSED[second], match="signs something else"):
            await second(story, key, tx)


async def test_a_key_of_ours_is_no_persons(story: Story) -> None:
    async with story.db.writing(story.founder) as tx:
        with pytest.raises(EnrolmentRefused) as refused:
            await enrol(story, story.keys.grant, tx)
    assert [one.code for one in refused.value.reasons] == [EnrolmentFlaw.KEY_TAKEN]


async def test_another_tenants_use_of_a_key_is_no_matter(story: Story, other: Story) -> None:
    key = SigningKey.generate()
    async with story.db.writing(story.founder) as tx:
        await host(story, key, tx)
    async with other.db.writing(other.founder) as tx:
        await issue(other, key, tx)


@pytest.mark.parametrize(("first", "second"), PAIRS[::2])
async def test_of_two_uses_at_once_one_is_refused(story: Story, first: Use, second: Use) -> None:
    key = SigningKey.generate()
    sides = [
        Side(story.founder, lambda tx, use=use: use(story, key, tx))  # type: ignore[misc]  # a default binds each
        for use in (first, second)
    ]
    made, refused = await overtake(story.db, *sides)
    assert not isinstance(made, Exception)
    assert isinstance(refused, REFUSED[second])
