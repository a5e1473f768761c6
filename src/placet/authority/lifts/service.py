"""Asking for a control to be lifted, and agreeing to it."""

from uuid import UUID

from msgspec import structs

from placet.authority import store as authority
from placet.authority.controls import store as controls
from placet.authority.controls.model import Control
from placet.authority.lifts import rules, store
from placet.authority.lifts.model import (
    OPEN_FOR,
    AskLift,
    ConfirmLift,
    ControlLiftAsked,
    ControlLifted,
    Lift,
    LiftNotAllowed,
    LiftView,
    Operator,
    TwoPeopleNeeded,
)
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.lift_vote import LiftAct, LiftVote
from placet.kernel.ids import ActorId, Ids
from placet.storage.database import Reading, Writing
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role


async def ask_lift(tx: Writing, control_id: UUID, asked: AskLift, ids: Ids) -> LiftView:
    """Ask for a control to be lifted: nothing passes before another operator agrees.

    Refuses `not_found`, `two_people_needed`, `lift_not_allowed` and `lift_vote_refused`.
    """
    await authority.hold_keys(tx)
    rules.check_operator(await read_operator(tx, tx.actor_id))
    control = await controls.get_control(tx, control_id)
    rules.check_control(control)
    now = await tx.now()
    vote = await _read_vote(tx, asked.vote, tx.actor_id, control)
    lift = Lift(
        tenant_id=tx.tenant_id,
        lift_id=ids.new() if vote is None else vote.lift_id,
        control_id=control_id,
        reason=asked.reason,
        asked_by=tx.actor_id,
        asked_at=now,
        lapses_at=now + OPEN_FOR,
        confirm_reason=None,
        confirmed_by=None,
        confirmed_at=None,
        lifted_epoch=None,
        ask_vote=asked.vote,
    )
    if vote is not None:
        rules.check_vote(vote, rules.wanted_vote(LiftAct.ASK, control, lift))
    if not await store.insert_lift(tx, lift):
        raise LiftNotAllowed(detail="a lift with this id was asked for before")
    said = ControlLiftAsked(
        lift_id=lift.lift_id,
        control_id=control_id,
        kind=control.kind,
        target=control.target,
        reason=asked.reason,
        vote=None if asked.vote is None else asked.vote.decode(),
    )
    # Not in the stream of the controls themselves: no kill ever waits for a wish.
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
    return rules.view_of(lift)


async def confirm_lift(tx: Writing, lift_id: UUID, asked: ConfirmLift, ids: Ids) -> LiftView:
    """Lift a control as the second operator: grants pass from the answer on.

    Refuses `not_found`, `two_people_needed`, `lift_not_allowed` and `lift_vote_refused`.
    """
    await authority.hold_keys(tx)
    lift = await store.get_lift(tx, lift_id)
    await tenancy.hold_actors(tx, [lift.asked_by, tx.actor_id])
    asker = await read_operator(tx, lift.asked_by)
    confirmer = await read_operator(tx, tx.actor_id)
    rules.check_confirmation(lift, asker, confirmer, await tx.now())
    control = await controls.get_control(tx, lift.control_id)
    rules.check_control(control)
    await _check_both(tx, lift, asked, control)
    said = ControlLifted(
        lift_id=lift_id,
        control_id=control.control_id,
        kind=control.kind,
        target=control.target,
        asked_by=lift.asked_by,
        reason=lift.reason,
        confirm_reason=asked.reason,
        ask_vote=None if lift.ask_vote is None else lift.ask_vote.decode(),
        confirm_vote=None if asked.vote is None else asked.vote.decode(),
    )
    event = new_event(ids, said)
    match await store.confirm_lift(tx, lift_id, asked.reason, event, asked.vote):
        case "ok":
            return rules.view_of(await store.get_lift(tx, lift_id))
        case "two_people_needed":
            raise TwoPeopleNeeded(detail="whoever asked cannot confirm")
        case "not_found" | "lift_not_allowed":
            # Race: somebody else confirmed, or the hour ran out, after the look above.
            raise LiftNotAllowed(detail="it was lifted meanwhile, or its hour is over")
        case "key_does_not_count":
            raise rules.key_too_new()
        case unknown:
            message = f"`control_lift_v1` answered `{unknown}`"
            raise AssertionError(message)


async def _check_both(tx: Writing, lift: Lift, asked: ConfirmLift, control: Control) -> None:
    """Refuse unless two people speak: by their signatures, or where nobody can sign, by keys.

    The asker's word is read again: their key may have been revoked since.
    """
    meant = structs.replace(lift, confirmed_by=tx.actor_id, confirm_reason=asked.reason)
    first = await _read_vote(tx, lift.ask_vote, lift.asked_by, control)
    second = await _read_vote(tx, asked.vote, tx.actor_id, control)
    if first is not None and second is not None:
        rules.check_vote(first, rules.wanted_vote(LiftAct.ASK, control, lift))
        rules.check_vote(second, rules.wanted_vote(LiftAct.CONFIRM, control, meant))
        return
    both = lift.asked_by, tx.actor_id
    rules.check_keys(
        is_key_from_other=await tenancy.is_key_from_other(tx, *both, since=lift.asked_at)
    )


async def _read_vote(
    tx: Writing, given: bytes | None, who: ActorId, control: Control
) -> LiftVote | None:
    """Return what somebody signed, or nothing where nobody in the tenant has a key."""
    if given is None:
        everybody = await authority.list_person_keys(tx)
        rules.check_signed(given, is_anybody_enrolled=bool(everybody))
        return None
    keys = await authority.list_person_keys(tx, [who])
    ended = await authority.list_revocations(tx, [key.key_id for key in keys])
    counting = await store.list_counting_keys(tx, who, control.set_at)
    return rules.read_vote(given, keys, ended, counting)


async def read_operator(tx: Reading, actor_id: ActorId) -> Operator:
    """Return how somebody counts in the tenant now."""
    actor = await tenancy.get_actor(tx, actor_id)
    grants = await tenancy.list_grants(tx, actor_id)
    is_disabled = actor_id in await tenancy.list_disabled(tx, [actor_id])
    has_role = any(grant.role is Role.OPERATOR and grant.workspace_id is None for grant in grants)
    return Operator(actor_id=actor_id, kind=actor.kind, is_operator=has_role and not is_disabled)
