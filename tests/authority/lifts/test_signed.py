"""Where people have keys, two of them sign that a kill is lifted, and nothing less lifts it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import msgspec
import pytest
from tests.authority.lifts.signing import enrolled, signed, vote_on
from tests.authority.lifts.test_service import Pair
from tests.conftest import Workplace

from placet.authority import store as authority
from placet.authority.controls.model import ControlInForce
from placet.authority.lifts import service, store
from placet.authority.lifts.model import (
    AskLift,
    ConfirmLift,
    ControlLifted,
    LiftNotAllowed,
    LiftView,
    LiftVoteFlaw,
    LiftVoteRefused,
)
from placet.authority.model import KeyRevocation
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.events.store import list_events
from placet.evidence.dsse import parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.lift_vote import LiftAct, LiftVote, verify_lift_vote
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.storage.database import Database


@dataclass
class Signers:
    """Two operators with keys, and a kill."""

    pair: Pair
    ada_key: SigningKey
    bob_key: SigningKey
    control: ControlInForce

    @classmethod
    async def build(cls, pair: Pair) -> Self:
        """Give both a key, and stop a tool."""
        ada_key, bob_key = await enrolled(pair.db, pair.ada), await enrolled(pair.db, pair.bob)
        return cls(pair, ada_key, bob_key, await pair.kill())

    def asked(self, lift_id: UUID, **other: Any) -> AskLift:  # noqa: ANN401 -- any field
        """Return what Ada signs who asks."""
        return AskLift(reason="it is over", vote=signed(self._vote(lift_id), self.ada_key, **other))

    def agreed(
        self,
        lift_id: UUID,
        key: SigningKey | None = None,
        /,
        **other: Any,  # noqa: ANN401 -- any field
    ) -> ConfirmLift:
        """Return what Bob signs who agrees, by another key if one is given."""
        key = key or self.bob_key
        vote = vote_on(self._shown(), LiftAct.CONFIRM, lift_id, self.pair.bob, key)
        return ConfirmLift(reason="it is over", vote=signed(vote, key, **other))

    async def ask(self, asked: AskLift, who: Principal | None = None) -> LiftView:
        """Ask, as Ada."""
        async with self.pair.db.writing(who or self.pair.ada) as tx:
            return await service.ask_lift(tx, self.control.control_id, asked, self.pair.ids)

    async def confirm(self, lift: LiftView, agreed: ConfirmLift) -> LiftView:
        """Agree, as Bob."""
        async with self.pair.db.writing(self.pair.bob) as tx:
            return await service.confirm_lift(tx, lift.lift_id, agreed, self.pair.ids)

    async def revoke(self, key: SigningKey) -> None:
        """End a person's key."""
        async with self.pair.db.writing(self.pair.bob) as tx:
            ended = KeyRevocation(
                tenant_id=tx.tenant_id,
                key_id=key.key_id,
                revoked_by=tx.actor_id,
                reason="lost",
                revoked_at=await tx.now(),
            )
            assert await authority.insert_revocation(tx, ended)

    def _vote(self, lift_id: UUID) -> LiftVote:
        return vote_on(self._shown(), LiftAct.ASK, lift_id, self.pair.ada, self.ada_key)

    def _shown(self) -> dict[str, Any]:
        return msgspec.structs.asdict(self.control)


@pytest.fixture
async def signers(db: Database, ids: Ids, workplace: Workplace) -> Signers:
    return await Signers.build(await Pair.build(db, ids, workplace))


async def flaw_of(asking: Any) -> LiftVoteFlaw:  # noqa: ANN401 -- anything that is awaited
    with pytest.raises(LiftVoteRefused) as refused:
        await asking
    return refused.value.flaw


async def test_two_who_sign_lift_a_kill_and_the_event_holds_what_they_signed(
    signers: Signers,
) -> None:
    lift_id = signers.pair.ids.new()
    lift = await signers.ask(signers.asked(lift_id))
    assert lift.lift_id == lift_id
    lifted = await signers.confirm(lift, signers.agreed(lift_id))
    assert lifted.lifted_epoch == signers.control.control_epoch + 1
    pair = signers.pair
    stream = tenant_stream(pair.ada.tenant_id, StreamKind.CONTROL)
    async with pair.db.reading(pair.ada) as tx:
        told = (await list_events(tx, stream, after=0, limit=10))[-1]
    said = msgspec.json.decode(told.body or b"", type=ControlLifted)
    for vote, key, who in (
        (said.ask_vote, signers.ada_key, pair.ada),
        (said.confirm_vote, signers.bob_key, pair.bob),
    ):
        read = verify_lift_vote(parse_envelope((vote or "").encode()), [key.public])
        assert (read.voter_id, read.lift_id) == (who.actor_id, lift_id)


async def test_whoever_issued_api_keys_of_both_is_neither(signers: Signers) -> None:
    pair = signers.pair
    await pair.issue(pair.ada, pair.bob)
    lift_id = pair.ids.new()
    lift = await signers.ask(signers.asked(lift_id))
    assert (await flaw_of(signers.confirm(lift, ConfirmLift(reason="x")))) is LiftVoteFlaw.MISSING
    forged = signers.agreed(lift_id, signers.ada_key)
    assert (await flaw_of(signers.confirm(lift, forged))) is LiftVoteFlaw.KEY_UNKNOWN
    assert (await signers.confirm(lift, signers.agreed(lift_id))).lifted_epoch is not None


OTHERS: list[dict[str, Any]] = [
    {"act": LiftAct.CONFIRM},
    {"tenant_id": UUID(int=1)},
    {"control_id": UUID(int=1)},
    {"kind": "agent"},
    {"target": "other_tool"},
    {"set_epoch": 7},
    {"reason": "something else"},
    {"voter_id": UUID(int=1)},
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: next(iter(other)))
async def test_a_word_on_something_else_is_none_on_this(
    signers: Signers, other: dict[str, Any]
) -> None:
    lift_id = signers.pair.ids.new()
    asking = signers.ask(signers.asked(lift_id, **other))
    assert await flaw_of(asking) is LiftVoteFlaw.OTHER_WORDS
    lift = await signers.ask(signers.asked(lift_id))
    swapped = {"act": LiftAct.ASK} if "act" in other else other
    for wrong in (swapped, {"lift_id": UUID(int=1)}):
        agreeing = signers.confirm(lift, signers.agreed(lift_id, **wrong))
        assert await flaw_of(agreeing) is LiftVoteFlaw.OTHER_WORDS


async def test_a_changed_or_unreadable_word_is_refused(signers: Signers) -> None:
    lift_id = signers.pair.ids.new()
    asked = signers.asked(lift_id)
    borrowed = signers.asked(lift_id, key_id=signers.bob_key.key_id)
    assert await flaw_of(signers.ask(borrowed)) is LiftVoteFlaw.SIGNATURE
    broken = msgspec.structs.replace(asked, vote=b"{}")
    assert await flaw_of(signers.ask(broken)) is LiftVoteFlaw.MALFORMED


async def test_a_key_that_was_revoked_counts_for_neither_even_after_the_asking(
    signers: Signers,
) -> None:
    lift_id = signers.pair.ids.new()
    lift = await signers.ask(signers.asked(lift_id))
    await signers.revoke(signers.ada_key)
    agreeing = signers.confirm(lift, signers.agreed(lift_id))
    assert await flaw_of(agreeing) is LiftVoteFlaw.KEY_REVOKED
    again = signers.ask(signers.asked(signers.pair.ids.new()))
    assert await flaw_of(again) is LiftVoteFlaw.KEY_REVOKED


async def test_a_key_made_after_the_kill_that_nobody_confirmed_is_nobodys_word(
    signers: Signers,
) -> None:
    pair = signers.pair
    lift_id = pair.ids.new()
    lift = await signers.ask(signers.asked(lift_id))
    fresh = await enrolled(pair.db, pair.bob, timedelta(0))
    agreeing = signers.confirm(lift, signers.agreed(lift_id, fresh))
    assert await flaw_of(agreeing) is LiftVoteFlaw.KEY_TOO_NEW


async def test_a_lift_that_was_asked_for_is_not_asked_for_again_under_its_id(
    signers: Signers,
) -> None:
    asked = signers.asked(signers.pair.ids.new())
    await signers.ask(asked)
    with pytest.raises(LiftNotAllowed, match="asked for before"):
        await signers.ask(asked)


async def test_the_database_lifts_nothing_that_one_of_two_signed(signers: Signers) -> None:
    pair = signers.pair
    lift = await signers.ask(signers.asked(pair.ids.new()))
    async with pair.db.writing(pair.bob) as tx:
        event = new_event(pair.ids, lift)
        assert await store.confirm_lift(tx, lift.lift_id, "x", event) == "two_people_needed"


async def test_an_unsigned_wish_from_before_anybody_had_a_key_is_not_confirmed(
    db: Database, ids: Ids, workplace: Workplace
) -> None:
    pair = await Pair.build(db, ids, workplace)
    lift = await pair.ask(await pair.kill())
    await enrolled(db, pair.cy)
    assert await flaw_of(pair.confirm(lift)) is LiftVoteFlaw.MISSING
