"""Lifting a kill: two people who are operators, in time, and once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import asyncpg
import msgspec
import pytest
from tests.conftest import Server, Workplace, found
from tests.invariants.overtaking import Side, overtake

from placet.authority.controls import service as controls
from placet.authority.controls import store as control_store
from placet.authority.controls.model import (
    Control,
    ControlEffect,
    ControlInForce,
    SetControl,
)
from placet.authority.lifts import service, store
from placet.authority.lifts.model import (
    AskLift,
    ConfirmLift,
    ControlLifted,
    LiftNotAllowed,
    LiftView,
    TwoPeopleNeeded,
)
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.events.store import list_events
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal, Scope
from placet.kernel.refusals import NotFound
from placet.storage.database import Database, Writing
from placet.tenancy import service as tenancy
from placet.tenancy.model import (
    ActorKind,
    ApiKeyId,
    CreateActor,
    GrantRole,
    IssueApiKey,
    ParsedKey,
    Role,
)
from placet.tenancy.rules import parse_key

KILL_TOOL = SetControl(
    kind="tool", target="issue_refund", effect=ControlEffect.KILL, reason="it pays twice"
)
ASK = AskLift(reason="the provider repaired it")
AGREE = ConfirmLift(reason="I saw it work")


@dataclass
class Pair:
    """A tenant with two operators, and one more person who is none."""

    db: Database
    ids: Ids
    workplace: Workplace
    ada: Principal
    bob: Principal
    cy: Principal
    key: ParsedKey

    @classmethod
    async def build(cls, db: Database, ids: Ids, workplace: Workplace) -> Self:
        """Return the three of a fresh tenant."""
        ada, key = await workplace.person("ada", Role.OPERATOR)
        bob, _ = await workplace.person("bob", Role.OPERATOR)
        cy, _ = await workplace.person("cy", Role.VIEWER)
        parsed = parse_key(key)
        assert parsed is not None
        return cls(db, ids, workplace, ada, bob, cy, parsed)

    async def kill(self, asked: SetControl = KILL_TOOL) -> ControlInForce:
        """Put a kill in force as one of the operators."""
        return await controls.set_control(
            self.db.hot, self.ids, self.key, asked, self.ids.new().hex
        )

    async def ask(self, control: ControlInForce, who: Principal | None = None) -> LiftView:
        """Ask for the end of a control; `ada` does unless somebody else is named."""
        async with self.db.writing(who or self.ada) as tx:
            return await service.ask_lift(tx, control.control_id, ASK, self.ids)

    async def confirm(self, lift: LiftView, who: Principal | None = None) -> LiftView:
        """Agree to a lift; `bob` does unless somebody else is named."""
        async with self.db.writing(who or self.bob) as tx:
            return await service.confirm_lift(tx, lift.lift_id, AGREE, self.ids)

    async def control(self, control: ControlInForce) -> Control:
        """Return a control as it is kept."""
        async with self.db.reading(self.ada) as tx:
            return await control_store.get_control(tx, control.control_id)

    async def disable(self, who: Principal) -> None:
        """Let nobody act as this actor any more."""
        async with self.db.writing(self.workplace.founder) as tx:
            await tenancy.disable_actor(tx, who.actor_id, self.ids)

    async def issue(self, issuer: Principal, holder: Principal) -> ApiKeyId:
        """Let one actor issue a key of another, as an admin does. Returns its id."""
        asked = IssueApiKey(actor_id=holder.actor_id, name="more", scopes=[Scope.READ])
        async with self.db.writing(issuer) as tx:
            return (await tenancy.issue_key(tx, asked, self.ids)).key.key_id

    async def revoke(self, key_id: ApiKeyId) -> None:
        """Revoke a key."""
        async with self.db.writing(self.workplace.founder) as tx:
            await tenancy.revoke_key(tx, key_id, self.ids)


@pytest.fixture
async def pair(db: Database, ids: Ids, workplace: Workplace) -> Pair:
    return await Pair.build(db, ids, workplace)


async def test_two_operators_lift_a_kill_and_the_event_carries_the_epoch_and_both(
    pair: Pair,
) -> None:
    control = await pair.kill()
    lift = await pair.ask(control)
    assert (await pair.control(control)).lifted_epoch is None
    lifted = await pair.confirm(lift)
    assert lifted.lifted_epoch == control.control_epoch + 1
    assert (lifted.confirmed_by, lifted.confirm_reason) == (pair.bob.actor_id, AGREE.reason)
    assert (await pair.control(control)).lifted_epoch == lifted.lifted_epoch
    stream = tenant_stream(pair.ada.tenant_id, StreamKind.CONTROL)
    async with pair.db.reading(pair.ada) as tx:
        told = (await list_events(tx, stream, after=0, limit=10))[-1]
    assert (told.type, told.control_epoch, told.actor_id) == (
        ControlLifted.__name__,
        lifted.lifted_epoch,
        pair.bob.actor_id,
    )
    said = msgspec.json.decode(told.body or b"", type=ControlLifted)
    assert (said.asked_by, said.target) == (pair.ada.actor_id, "issue_refund")


@pytest.mark.parametrize("kind", ["tenant", "agent", "tool"])
async def test_every_kind_of_kill_that_was_set_here_can_be_lifted(
    pair: Pair, kind: Literal["tenant", "agent", "tool"]
) -> None:
    target = "" if kind == "tenant" else "x"
    control = await pair.kill(
        SetControl(kind=kind, target=target, effect=ControlEffect.KILL, reason="a drill")
    )
    assert (await pair.confirm(await pair.ask(control))).lifted_epoch == 2


async def test_nobody_lifts_a_kill_alone_whichever_key_they_use(pair: Pair) -> None:
    control = await pair.kill()
    lift = await pair.ask(control)
    with pytest.raises(TwoPeopleNeeded, match="whoever asked cannot confirm"):
        await pair.confirm(lift, pair.ada)
    # The database refuses it too, should the service ever be wrong.
    async with pair.db.writing(pair.ada) as tx:
        event = new_event(pair.ids, KILL_TOOL)
        assert await store.confirm_lift(tx, lift.lift_id, "me", event) == "two_people_needed"
    assert (await pair.control(control)).lifted_epoch is None


async def test_only_operators_of_the_tenant_ask_and_agree(pair: Pair) -> None:
    control = await pair.kill()
    with pytest.raises(TwoPeopleNeeded, match="role `operator`"):
        await pair.ask(control, pair.cy)
    with pytest.raises(TwoPeopleNeeded, match="role `operator`"):
        await pair.confirm(await pair.ask(control), pair.cy)


async def test_a_service_that_is_an_operator_lifts_nothing(pair: Pair) -> None:
    control = await pair.kill()
    async with pair.db.writing(pair.workplace.founder) as tx:
        robot = await tenancy.create_actor(
            tx, CreateActor(kind=ActorKind.SERVICE, name="robot"), pair.ids
        )
        await tenancy.grant_role(
            tx, GrantRole(actor_id=robot.actor_id, role=Role.OPERATOR), pair.ids
        )
    who = msgspec.structs.replace(pair.bob, actor_id=robot.actor_id)
    with pytest.raises(TwoPeopleNeeded, match="only people"):
        await pair.ask(control, who)
    with pytest.raises(TwoPeopleNeeded, match="only people"):
        await pair.confirm(await pair.ask(control), who)


async def test_what_somebody_asked_who_was_disabled_since_is_not_confirmed(pair: Pair) -> None:
    control = await pair.kill()
    lift = await pair.ask(control)
    await pair.disable(pair.ada)
    with pytest.raises(TwoPeopleNeeded, match="no operator any more"):
        await pair.confirm(lift)
    assert (await pair.control(control)).lifted_epoch is None


@pytest.mark.parametrize("is_asker", [True, False])
async def test_of_two_one_of_whom_issued_a_key_of_the_other_nobody_lifts(
    pair: Pair, *, is_asker: bool
) -> None:
    lift = await pair.ask(await pair.kill())
    issuer, holder = (pair.ada, pair.bob) if is_asker else (pair.bob, pair.ada)
    key_id = await pair.issue(issuer, holder)
    with pytest.raises(TwoPeopleNeeded, match="issued an API key"):
        await pair.confirm(lift)
    # Revoked since then, it may still have asked or confirmed.
    await pair.revoke(key_id)
    with pytest.raises(TwoPeopleNeeded, match="issued an API key"):
        await pair.confirm(lift)


async def test_a_key_from_the_other_that_was_revoked_before_counts_no_more(pair: Pair) -> None:
    control = await pair.kill()
    await pair.revoke(await pair.issue(pair.ada, pair.bob))
    lift = await pair.ask(control)
    assert (await pair.confirm(lift)).lifted_epoch == control.control_epoch + 1


async def test_keys_that_the_two_issued_to_themselves_or_to_a_third_are_no_matter(
    pair: Pair,
) -> None:
    control = await pair.kill()
    lift = await pair.ask(control)
    for issuer, holder in ((pair.ada, pair.ada), (pair.bob, pair.bob), (pair.ada, pair.cy)):
        await pair.issue(issuer, holder)
    assert (await pair.confirm(lift)).lifted_epoch == control.control_epoch + 1


async def test_a_lift_lapses_after_an_hour(pair: Pair, server: Server, database_name: str) -> None:
    control = await pair.kill()
    lift = await pair.ask(control)
    admin: asyncpg.Connection[Any] = await asyncpg.connect(server.admin(database_name))
    await admin.execute(
        "UPDATE placet.authority_lift SET asked_at = asked_at - interval '1 hour',"
        " lapses_at = lapses_at - interval '1 hour' WHERE lift_id = $1",
        lift.lift_id,
    )
    await admin.close()
    with pytest.raises(LiftNotAllowed, match="more than an hour"):
        await pair.confirm(lift)
    async with pair.db.writing(pair.bob) as tx:
        event = new_event(pair.ids, KILL_TOOL)
        assert await store.confirm_lift(tx, lift.lift_id, "late", event) == "lift_not_allowed"


async def test_what_was_lifted_is_not_lifted_again_by_any_lift(pair: Pair) -> None:
    control = await pair.kill()
    first, second = await pair.ask(control), await pair.ask(control, pair.bob)
    await pair.confirm(first)
    with pytest.raises(LiftNotAllowed, match="confirmed before"):
        await pair.confirm(first)
    with pytest.raises(LiftNotAllowed, match="lifted before"):
        await pair.confirm(second, pair.ada)
    with pytest.raises(LiftNotAllowed, match="lifted before"):
        await pair.ask(control)


async def test_of_two_who_confirm_at_once_one_lifts(pair: Pair) -> None:
    control = await pair.kill()
    lifts = await pair.ask(control), await pair.ask(control, pair.bob)

    def confirming(lift: LiftView) -> Callable[[Writing], Awaitable[object]]:
        return lambda tx: service.confirm_lift(tx, lift.lift_id, AGREE, pair.ids)

    first, second = await overtake(
        pair.db, Side(pair.bob, confirming(lifts[0])), Side(pair.ada, confirming(lifts[1]))
    )
    assert isinstance(first, LiftView)
    assert isinstance(second, LiftNotAllowed)
    assert (await pair.control(control)).lifted_epoch == first.lifted_epoch == 2


async def test_a_kill_after_a_lifting_is_in_force(pair: Pair) -> None:
    await pair.confirm(await pair.ask(await pair.kill()))
    again = await pair.kill()
    assert again.control_epoch == 3
    assert (await pair.control(again)).lifted_epoch is None


async def test_a_revoked_approval_is_not_lifted(pair: Pair) -> None:
    async with pair.db.writing(pair.ada) as tx:
        control_id = pair.ids.new()
        await controls.kill_artifact(tx, pair.ids.new(), "it is wrong", control_id, pair.ids)
    async with pair.db.writing(pair.ada) as tx:
        with pytest.raises(LiftNotAllowed, match="revoked approval"):
            await service.ask_lift(tx, control_id, ASK, pair.ids)


async def test_another_tenants_control_and_lift_are_not_there(
    pair: Pair, db: Database, ids: Ids
) -> None:
    lift = await pair.ask(await pair.kill())
    other = await Pair.build(db, ids, await found(db, ids))
    with pytest.raises(NotFound):
        await other.confirm(lift)
    async with db.writing(other.ada) as tx:
        with pytest.raises(NotFound):
            await service.ask_lift(tx, lift.control_id, ASK, ids)
