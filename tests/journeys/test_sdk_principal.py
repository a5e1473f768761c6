"""An agent that acts for somebody, as a registered issuer says, through both clients."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.journeys.conftest import ENFORCE, RefundDesk
from tests.studio.story import AGENT

from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.principal import Assertion, sign_assertion
from placet.kernel.ids import SystemIds
from placet.replay.assertions.model import AssertionFlaw, AssertionRefused
from placet.sdk import sync
from placet.sdk.studio.client import Studio


async def assertion_of(desk: RefundDesk) -> Envelope:
    """Register an issuer, and return its word on whoever the agent acts for."""
    key = SigningKey.generate()
    async with Studio(desk.url, desk.operator_key) as studio:
        tenant_id = (await studio.people.me()).tenant_id
        async with desk.client() as client, client.session(mode=ENFORCE) as session:
            environment = (await session.state()).environment
        issuer = await studio.issuers.add(
            "the front door", agent=AGENT, environment=environment, public_key=key.public.raw
        )
    now = datetime.now(UTC)  # noqa: TID251 -- an issuer has a clock of its own
    assertion = Assertion(
        assertion_id=SystemIds().new(),
        issuer_id=issuer.issuer_id,
        tenant_id=tenant_id,
        agent=AGENT,
        environment=environment,
        subject={"id": "ann"},
        issued_at=now,
        expires_at=now + timedelta(minutes=5),
        key_id=key.key_id,
    )
    return sign_assertion(assertion, key)


async def test_a_session_is_opened_on_an_issuers_word_once(desk: RefundDesk) -> None:
    said = await assertion_of(desk)
    async with desk.client() as client:
        async with client.session(mode=ENFORCE, assertion=said):
            pass
        with pytest.raises(AssertionRefused) as refused:
            async with client.session(mode=ENFORCE, assertion=said):
                pytest.fail("it opens one session")
    assert refused.value.flaw is AssertionFlaw.USED


async def test_the_plain_client_takes_an_issuers_word_too(desk: RefundDesk) -> None:
    said = await assertion_of(desk)

    def work() -> None:
        with sync.Client(desk.url, desk.agent_key) as client:
            with client.session(mode=ENFORCE, assertion=said):
                pass
            with (
                pytest.raises(AssertionRefused),
                client.session(mode=ENFORCE, assertion=said),
            ):
                pytest.fail("it opens one session")

    await asyncio.to_thread(work)
