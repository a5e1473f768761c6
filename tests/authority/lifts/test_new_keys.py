"""Of the keys that came after a kill, those lift it that a key from before it signed for."""

from datetime import timedelta

import pytest
from tests.authority.lifts.signing import enrolled
from tests.authority.lifts.test_service import Pair
from tests.authority.lifts.test_signed import Signers, flaw_of
from tests.studio.enrolments.people import confirmed
from tests.studio.story import Signer, Story

from placet.authority.lifts import store
from placet.authority.lifts.model import LiftView, LiftVoteFlaw
from placet.events.model import new_event
from placet.evidence.ed25519 import SigningKey
from placet.kernel.principal import Environment
from placet.studio.workspaces.model import ApprovalPolicy
from placet.tenancy.model import Role

AT_ONCE = ApprovalPolicy(enrolment_delay_hours=0)


@pytest.fixture
async def signers(story: Story) -> Signers:
    return await Signers.build(await Pair.build(story.db, story.ids, story.workplace))


async def old_hand(story: Story, name: str) -> Signer:
    """Return an approver whose key is from before the kill."""
    who, api_key = await story.workplace.person(name, Role.APPROVER)
    return Signer(who, api_key, await enrolled(story.db, who))


def of_bob(signers: Signers) -> Signer:
    """Return Bob with a key that is none yet."""
    return Signer(signers.pair.bob, "", SigningKey.generate())


async def asked(signers: Signers) -> LiftView:
    """Have Ada ask, by her old key."""
    return await signers.ask(signers.asked(signers.pair.ids.new()))


async def in_the_database(signers: Signers, lift: LiftView, key: SigningKey) -> str:
    """Return what the function answers that lifts, whatever the service thinks."""
    pair = signers.pair
    vote = signers.agreed(lift.lift_id, key).vote
    async with pair.db.writing(pair.bob) as tx:
        event = new_event(pair.ids, lift)
        return await store.confirm_lift(tx, lift.lift_id, "it is over", event, vote)


async def test_a_key_that_one_from_before_the_kill_signed_for_lifts_it(
    story: Story, signers: Signers
) -> None:
    cleo, bob = await old_hand(story, "cleo"), of_bob(signers)
    workspace = await story.workspace(cleo, policy=AT_ONCE)
    await confirmed(story, workspace.workspace_id, bob, cleo)
    lift = await asked(signers)
    assert (await signers.confirm(lift, signers.agreed(lift.lift_id, bob.key))).lifted_epoch


async def test_keys_from_after_the_kill_that_sign_for_each_other_lift_nothing(
    story: Story, signers: Signers
) -> None:
    eve, bob = await story.signer("eve"), of_bob(signers)
    workspace = await story.workspace(eve, environment=Environment.DEVELOPMENT)
    await confirmed(story, workspace.workspace_id, bob, eve)
    lift = await asked(signers)
    agreeing = signers.confirm(lift, signers.agreed(lift.lift_id, bob.key))
    assert await flaw_of(agreeing) is LiftVoteFlaw.KEY_TOO_NEW
    assert await in_the_database(signers, lift, bob.key) == "key_does_not_count"


async def test_a_new_key_in_the_name_of_somebody_with_an_old_one_vouches_for_nothing(
    story: Story, signers: Signers
) -> None:
    cleo, bob = await old_hand(story, "cleo"), of_bob(signers)
    forged = Signer(cleo.principal, cleo.api_key)
    workspace = await story.workspace(forged, environment=Environment.DEVELOPMENT)
    await confirmed(story, workspace.workspace_id, bob, forged)
    lift = await asked(signers)
    agreeing = signers.confirm(lift, signers.agreed(lift.lift_id, bob.key))
    assert await flaw_of(agreeing) is LiftVoteFlaw.KEY_TOO_NEW
    assert await in_the_database(signers, lift, bob.key) == "key_does_not_count"


async def test_a_key_that_does_not_count_yet_in_its_workspace_lifts_nothing(
    story: Story, signers: Signers
) -> None:
    cleo, bob = await old_hand(story, "cleo"), of_bob(signers)
    workspace = await story.workspace(cleo)
    enrolment = await confirmed(story, workspace.workspace_id, bob, cleo)
    assert enrolment.counts_from is not None
    assert enrolment.counts_from - signers.control.set_at > timedelta(hours=23)
    lift = await asked(signers)
    agreeing = signers.confirm(lift, signers.agreed(lift.lift_id, bob.key))
    assert await flaw_of(agreeing) is LiftVoteFlaw.KEY_TOO_NEW
    assert await in_the_database(signers, lift, bob.key) == "key_does_not_count"


async def test_a_key_whose_voucher_was_revoked_or_disabled_lifts_nothing(
    story: Story, signers: Signers
) -> None:
    pair, lift = signers.pair, await asked(signers)
    for number, name in enumerate(("cleo", "dora")):
        hand, bob = await old_hand(story, name), of_bob(signers)
        workspace = await story.workspace(hand, policy=AT_ONCE, agent=f"desk-{number}")
        await confirmed(story, workspace.workspace_id, bob, hand)
        await (pair.disable(hand.principal) if number else signers.revoke(hand.key))
        agreeing = signers.confirm(lift, signers.agreed(lift.lift_id, bob.key))
        assert await flaw_of(agreeing) is LiftVoteFlaw.KEY_TOO_NEW
        assert await in_the_database(signers, lift, bob.key) == "key_does_not_count"


async def test_the_database_lifts_nothing_where_the_askers_key_ended_or_is_anothers(
    signers: Signers,
) -> None:
    lift = await asked(signers)
    assert await in_the_database(signers, lift, signers.ada_key) == "key_does_not_count"
    await signers.revoke(signers.ada_key)
    assert await in_the_database(signers, lift, signers.bob_key) == "key_does_not_count"
